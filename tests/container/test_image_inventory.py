"""What `container/inventory.py` says of this machine is what dpkg and Python say of it."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.job_python import find_python37

from opsctl.assets import container_dir

INVENTORY = container_dir() / "inventory.py"


def entries(kind: str, *words: str, python: str = sys.executable) -> list[Any]:
    """The values of this kind that it prints."""
    done = subprocess.run(
        [python, "-B", "-c", INVENTORY.read_text(), *words], capture_output=True, text=True, check=True
    )
    return [entry[kind] for line in done.stdout.splitlines() if kind in (entry := json.loads(line))]


def test_the_packages_are_dpkgs() -> None:
    if shutil.which("dpkg-query") is None or not Path("/var/lib/dpkg/status").exists():
        pytest.skip("this system has no dpkg")
    form = "${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\n"
    said = subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, text=True, check=True).stdout
    rows = [line.split("\t") for line in said.splitlines()]
    assert sorted(entry[:3] for entry in entries("package")) == sorted(row[1:] for row in rows if row[0] == "installed")


def test_the_modules_are_pythons() -> None:
    known = {(one.name, one.version) for one in importlib.metadata.distributions() if one.name}
    modules = {(name, version) for name, version, _, _ in entries("module")}
    # pytest's own sys.path has more folders than the program's.
    assert modules <= known
    assert ("pytest", importlib.metadata.version("pytest")) in modules


def test_m2gs_python_runs_it_too() -> None:
    python = find_python37()
    if python is None:
        pytest.skip("there is no Python 3.7")
    assert [version[:4] for version in entries("python", python=python)] == ["3.7."]
    assert "pip" in {name for name, *_ in entries("module", python=python)}


def test_briefly_it_says_the_system_and_the_python_only() -> None:
    assert entries("python", "brief") == [sys.version.split()[0]]
    assert entries("module", "brief") == entries("package", "brief") == []
    (system,) = entries("system", "brief")
    assert len(system) == 3
