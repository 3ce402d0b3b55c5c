"""opsctl without its extra `local`: all that AWS needs works, and what needs the extra says which command installs it.

What only the extra or the developers' tools bring is hidden from Python, as if it were not installed. The long
tests have real environments.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.repository import ROOT

#: Python reads this before anything else.
HIDING = """
import importlib.machinery, json, os
HIDDEN = frozenset(json.loads(os.environ["HIDDEN_MODULES"]))
find_spec = importlib.machinery.PathFinder.find_spec
def find_installed(name, path=None, target=None):
    return None if name.partition(".")[0] in HIDDEN else find_spec(name, path, target)
importlib.machinery.PathFinder.find_spec = find_installed
"""

#: Everything but the local platform's own modules, which only `up --local` and the server import, and the one that
#: `image sbom` imports with the extra `sbom`.
IMPORT_ALL = """
import importlib, pathlib
package = pathlib.Path("opsctl")
for path in sorted(package.rglob("*.py")):
    if path.name == "sbom_document.py":
        continue
    if path.parts[1] not in ("shipped", "local") or path.name in ("control.py", "files.py", "sample.py"):
        importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
"""

HELP_OF_ALL = """
import typer.main, typer.testing
from opsctl.cli import app
def pages(command, words):
    said = typer.testing.CliRunner().invoke(app, [*words, "--help"])
    assert said.exit_code == 0 and "Usage" in said.output, (words, said.output, said.exception)
    return 1 + sum(pages(child, [*words, name]) for name, child in getattr(command, "commands", {}).items())
print(pages(typer.main.get_command(app), []))
"""


def needed() -> set[str]:
    """opsctl's own dependencies and theirs, without an extra's."""
    found: set[str] = set()
    wanted = [Requirement("opsctl")]
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if name in found and not requirement.extras:
            continue
        found.add(name)
        for line in distribution(name).requires or ():
            child = Requirement(line)
            extras = ["", *requirement.extras]
            if child.marker is None or any(child.marker.evaluate({"extra": extra}) for extra in extras):
                wanted.append(child)
    return found


def hidden() -> list[str]:
    kept = needed()
    modules = packages_distributions()
    return sorted(name for name, owners in modules.items() if not kept & {canonicalize_name(owner) for owner in owners})


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("hiding")
    (folder / "sitecustomize.py").write_text(HIDING)
    names = hidden()
    assert {"moto", "dipy", "flask", "pytest", "mypy"} <= set(names)
    assert not {"boto3", "bids", "numpy", "scipy", "opsctl"} & set(names)
    own = {"HIDDEN_MODULES": json.dumps(names), "PYTHONPATH": str(folder), "OPSCTL_HOME": str(folder / "home")}
    return {**os.environ, **own}


def python(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_module_that_aws_needs_can_be_imported(environment: dict[str, str]) -> None:
    done = python(environment, "-c", IMPORT_ALL)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_verb_has_its_help(environment: dict[str, str]) -> None:
    done = python(environment, "-c", HELP_OF_ALL)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 25


@pytest.mark.parametrize("words", [("sample", "new"), ("up", "--local", "--yes")], ids=" ".join)
def test_what_needs_the_extra_says_how_to_install_it(
    environment: dict[str, str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = python(environment, "-m", "opsctl", *(str(tmp_path / word) if word == "new" else word for word in words))
    assert done.returncode == 1, done.stderr
    said = " ".join(done.stderr.split())
    assert 'The local platform and the sample dataset need opsctl\'s extra "local", which is not installed. ' in said
    assert re.search(r"Install it: `\S.* install .*\[local\]\"`\.$", said)
    assert list(tmp_path.iterdir()) == []


def test_doctor_says_so_in_a_line(environment: dict[str, str]) -> None:
    done = python(environment, "-m", "opsctl", "doctor", "--json")
    line = next(line for line in json.loads(done.stdout)["checks"] if line["topic"] == "local parts")
    assert line["level"] == "warning"
    assert "[local]" in line["hint"]


def test_a_missing_dependency_is_no_bug(environment: dict[str, str], tmp_path: Path) -> None:
    names = [*json.loads(environment["HIDDEN_MODULES"]), "botocore"]
    done = python({**environment, "HIDDEN_MODULES": json.dumps(names)}, "-m", "opsctl", "runs", "--platform", "m2g")
    assert done.returncode == 1, done.stderr
    said = " ".join(done.stderr.split())
    assert said.startswith("The Python module botocore, which opsctl needs, is not installed. Install opsctl again: `")
