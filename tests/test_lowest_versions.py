"""opsctl works with the oldest versions that pyproject.toml allows of everything it depends on.

They are installed once, from PyPI, into `.venv-lowest/`, and again when pyproject.toml or Python changes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.client_calls import Models, calls, missing
from support.repository import ROOT

pytestmark = pytest.mark.timeout(900)

PROJECT = ROOT / "pyproject.toml"
UV = Path(sys.executable).with_name("uv")
#: What the tests need beside opsctl itself, in any version.
_FOR_TESTS = ("pytest", "pytest-timeout", "hypothesis", "jsonschema")
#: How uv and the network say that PyPI is not there.
_UNREACHABLE = (
    "error sending request",
    "dns error",
    "Failed to fetch",
    "Could not connect",
    "timed out",
    "client error",
)
#: What talks to the libraries: AWS's errors, replies and requests; screens; BIDS's names; the command line.
_TESTS = (
    "tests/aws",
    "tests/render/test_golden.py",
    "tests/core/dataset/test_bids_pybids.py",
    "tests/core/test_record.py",
    "tests/cli/test_help.py",
)
SOURCES = sorted((ROOT / "opsctl").rglob("*.py"))


@pytest.fixture(scope="module")
def newest() -> Models:
    """What the installed botocore knows: to read it takes seconds."""
    return Models.of()


def run(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def uv(*words: object) -> None:
    """Run uv; skip the tests where PyPI cannot be reached."""
    done = run(UV, *words)
    if done.returncode and any(sign in done.stdout for sign in _UNREACHABLE):
        pytest.skip(f"PyPI cannot be reached: {done.stdout.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def lowest() -> Path:
    """An environment with the lowest versions: its Python."""
    key = hashlib.sha256(PROJECT.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = ROOT / ".venv-lowest" / key
    python = folder / "bin" / "python"
    pins = folder / "pins.txt"
    if not (folder / "installed").exists():
        shutil.rmtree(folder.parent, ignore_errors=True)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        uv("venv", "--quiet", "--python", sys.executable, folder)
        # By itself `lowest-direct` would also hold back the tools of the tests.
        lowest_direct = ("--resolution", "lowest-direct", "--extra", "local", "--python-version", version)
        uv("pip", "compile", "--quiet", *lowest_direct, PROJECT, "--output-file", pins)
        uv("pip", "install", "--quiet", "--python", python, "--requirement", pins, *_FOR_TESTS)
        (folder / "installed").touch()
    return python


def test_every_dependency_has_a_lower_bound() -> None:
    project = tomllib.loads(PROJECT.read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["local"]]
    assert [entry for entry in wanted if ">=" not in entry and "==" not in entry] == []


def test_the_program_starts(lowest: Path, tmp_path: Path) -> None:
    done = run(lowest, "-m", "opsctl", "--help", PYTHONPATH=str(ROOT), OPSCTL_HOME=str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert "Usage:" in done.stdout


def test_the_tests_of_what_talks_to_libraries_pass(lowest: Path) -> None:
    done = run(lowest, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_TESTS, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stdout[-8_000:]


def test_every_call_of_aws_is_known(lowest: Path, newest: Models) -> None:
    (data,) = (lowest.parents[1] / "lib").glob("python3.*/site-packages/botocore/data")
    assert missing(SOURCES, new=newest, old=Models.of(data)) == []


def test_the_scan_finds_calls(newest: Models) -> None:
    names = {name for _, name, _ in calls(SOURCES, newest)}
    assert {"submit_job", "terminate_jobs", "list_objects_v2", "filter_log_events", "describe_images"} <= names
    without = {name: parameters for name, parameters in newest.parameters.items() if name != "terminate_jobs"}
    found = missing(SOURCES, new=newest, old=Models(without))
    assert len(found) == 1 and "terminate_jobs" in found[0]
