"""No read without a bound: what was written elsewhere may be of any size."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from support.repository import ROOT

#: Methods that read a whole file or reply where they get no size.
_WHOLE = {"read", "readline", "readlines", "read_text", "read_bytes", "readall"}
#: Functions that read a whole file or reply, whatever they get.
_UNBOUNDED = {"load", "loadtxt", "genfromtxt", "fromfile", "download_fileobj", "urlretrieve", "copyfileobj"}
_OF_MODULES = {"json", "np", "numpy", "tomllib", "pickle", "shutil", "urllib", "client"}

#: Why a read has no bound of its own, by file, or by file and function.
REASONS = {
    **dict.fromkeys(
        (
            "opsctl/assets.py", "opsctl/render/report/__init__.py", "opsctl/cli/platform/up_options.py",
            "opsctl/terraform/provider.py", "opsctl/local/preview/version.py", "container/m2g_job/version.py",
            "opsctl/commands/platform/image.py", "opsctl/local/sample.py", "opsctl/local/sample_files.py",
            "opsctl/installation.py", "opsctl/aws/service_models.py", "opsctl/commands/image/base_image.py",
            "opsctl/commands/image/contents.py", "opsctl/completion/option_table.py",
        ),
        "the program's own files, and the files of the image that the user builds",
    ),
    **dict.fromkeys(
        (
            "opsctl/terraform/root.py", "opsctl/terraform/process.py", "opsctl/terraform/state_files.py",
            "opsctl/terraform/installation.py", "opsctl/commands/diagnosis/machine.py",
            "opsctl/commands/platform/terraform_workspace.py",
            "opsctl/commands/platform/state.py", "opsctl/commands/platform/platform_lock.py",
            "opsctl/commands/platform/remembered_platform.py", "opsctl/commands/platform/image_push.py",
            "opsctl/home.py", "opsctl/lock_file.py", "opsctl/local/control.py", "opsctl/local/server.py",
            "opsctl/local/jobs/attempts.py",
        ),
        "files below OPSCTL_HOME, which is this user's alone (0700)",
    ),
    **dict.fromkeys(
        (
            "opsctl/local/jobs/process_supervisor.py", "opsctl/commands/platform/containers.py",
            "container/m2g_job/memory.py", "container/m2g_job/process_tree.py",
        ),
        "the kernel's files in /proc and /sys",
    ),
    **dict.fromkeys(
        (
            "opsctl/local/s3/store.py", "opsctl/local/s3/objects.py", "opsctl/local/rights/signature.py",
            "opsctl/local/rights/api_call.py",
        ),
        "the local server bounds bodies when it takes them, and an object is as large as its owner made it",
    ),
    "opsctl/commands/platform/name_claim.py": "an SSM parameter, which has 8 kB at most",
    "container/m2g_job/s3.py": "a file that m2g wrote, of 1 MiB at most",
    "opsctl/local/preview/preparation.py": "copies block by block",
    "opsctl/local/preview/volumes.py": "`_Beginning` reads within the image's announced size",
    "opsctl/render/screen.py": "the person at the terminal",
    "opsctl/commands/results/download.py": "the user's folder of results",
    "opsctl/commands/results/tables.py": "a file that this command has just downloaded",
    "opsctl/commands/results/asset_reader.py": "pictures, whose sizes the listing and the result have told",
}  # fmt: skip


def _reads(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, owner = node.func.attr, node.func.value
            module = getattr(owner, "id", getattr(owner, "attr", ""))
            is_whole = name in _WHOLE and not node.args and not node.keywords
            if is_whole or name in ("read_text", "read_bytes") or (name in _UNBOUNDED and module in _OF_MODULES):
                yield node


def test_every_whole_read_has_a_reason() -> None:
    unexplained = [
        f"{name}:{call.lineno}"
        for folder in ("opsctl", "container/m2g_job")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (name := path.relative_to(ROOT).as_posix()) not in REASONS
        for call in _reads(ast.parse(path.read_text()))
    ]
    assert unexplained == []


def test_a_new_read_without_a_bound_is_seen() -> None:
    source = "body.read()\npath.read_bytes()\nfile.read(10)\npath.read_text('utf-8')\njson.load(file)\nf.readline()\n"
    assert [call.lineno for call in _reads(ast.parse(source))] == [1, 2, 4, 5, 6]


def test_every_reason_is_of_a_file() -> None:
    assert [name for name in REASONS if not Path(ROOT, name).is_file()] == []
