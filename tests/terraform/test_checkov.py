"""checkov on both roots: a finding is fixed, or skipped beside the resource with a reason. checkov does find faults."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.real_terraform import SOURCE

CHECKOV = SOURCE.parent / ".venv" / "checkov" / "bin" / "checkov"
SKIP = re.compile(r"#\s*checkov:skip=(?P<check>\w+)(?::(?P<reason>.*))?")
SKIPS = [
    (file.relative_to(SOURCE), match["check"], match["reason"])
    for file in sorted(SOURCE.rglob("*.tf"))
    for match in SKIP.finditer(file.read_text())
]

OPEN_TO_ALL = """
    protocol    = "tcp"
    from_port   = 22
    to_port     = 22
    cidr_blocks = ["0.0.0.0/0"]
  """

needs_checkov = pytest.mark.skipif(not CHECKOV.exists(), reason="`make check` and `make test` install checkov")


def failed_checks(tree: Path) -> set[str]:
    """Return the ids of the checks that fail when checkov runs as in `make check`."""
    with ThreadPoolExecutor(2) as pool:
        return set().union(*pool.map(failed_checks_of_root, (tree / "storage", tree / "platform")))


def failed_checks_of_root(root: Path) -> set[str]:
    """Return those of one root. In one call for both, checkov would skip most of the platform's modules."""
    completed = subprocess.run(
        [CHECKOV, "--directory", root, "--framework", "terraform", "--skip-download", "--quiet", "--output", "json"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    report = json.loads(completed.stdout)
    # Without a finding the report has only counts.
    failed = {check["check_id"] for check in report.get("results", {}).get("failed_checks", ())}
    assert completed.returncode == bool(failed), completed.stderr
    return failed


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return shutil.copytree(SOURCE, tmp_path / "terraform", ignore=shutil.ignore_patterns("tests", ".terraform*"))


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(("file", "check", "reason"), SKIPS)
def test_every_skip_has_its_reason(file: Path, check: str, reason: str | None) -> None:
    assert reason is not None, f"{file}: {check}"
    assert len(reason.split()) >= 5, f"{file}: {check}"


@pytest.mark.parametrize(("file", "check", "reason"), SKIPS)
def test_the_administrators_page_names_every_skip(file: Path, check: str, reason: str | None) -> None:
    assert f"`{check}`" in (SOURCE.parent / "docs" / "platform.md").read_text()


def test_no_check_is_skipped_elsewhere() -> None:
    assert "skip-check" not in (SOURCE.parent / "Makefile").read_text()
    assert list(SOURCE.parent.glob(".checkov*")) + list(SOURCE.rglob(".checkov*")) == []


@needs_checkov
def test_it_finds_what_is_skipped_and_what_is_unsafe(tree: Path) -> None:
    # Once for both: checkov takes ten seconds. That nothing else is found with the skips is what `make check` sees.
    for file in tree.rglob("*.tf"):
        file.write_text(SKIP.sub("", file.read_text()))
    template, group = tree / "modules/batch/launch_template.tf", tree / "modules/vpc/security_group.tf"
    change(template, 'http_tokens                 = "required"', 'http_tokens                 = "optional"')
    change(group, "  ingress = []", f"  ingress {{{OPEN_TO_ALL}}}")
    change(tree / "storage/bucket.tf", "block_public_acls       = true", "block_public_acls       = false")
    change(tree / "storage/bucket.tf", 'status = "Enabled"', 'status = "Disabled"')
    change(tree / "storage/repository.tf", "scan_on_push = true", "scan_on_push = false")
    failed = failed_checks(tree)
    # The retention is a variable passed through a variable, which checkov does not always resolve without a plan.
    assert failed | {"CKV_AWS_338"} >= {check for _, check, _ in SKIPS}
    # Metadata without a token, an open port, public ACLs, no versioning, no image scan.
    assert failed >= {"CKV_AWS_79", "CKV_AWS_24", "CKV2_AWS_6", "CKV_AWS_21", "CKV_AWS_163"}
