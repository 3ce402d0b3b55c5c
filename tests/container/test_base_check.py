"""What the check of a base image says of one that cannot run m2g."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from m2g_job.base_check import AFNI, FSL, STANDARD_BRAIN, main, program_problems, start_problems

PROGRAM = "#!/bin/sh\nexit 0\n"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The files of a base that has everything."""
    for name in ("m2g", "which", "afni", *FSL, *AFNI):
        program(tmp_path, name)
    brain = tmp_path / "fsl" / STANDARD_BRAIN
    brain.parent.mkdir(parents=True)
    brain.touch()
    return tmp_path


def program(base: Path, name: str, text: str = PROGRAM) -> None:
    path = base / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def variables(base: Path) -> dict[str, str]:
    return {"PATH": str(base / "bin"), "FSLDIR": str(base / "fsl")}


def problems(base: Path, **changes: str) -> list[str]:
    environment = {**variables(base), **changes}
    return [*start_problems(environment), *program_problems(environment)]


def test_a_whole_base_is_right(base: Path) -> None:
    assert problems(base) == []


@pytest.mark.parametrize("name", [*FSL, *AFNI])
def test_each_missing_program_is_named(base: Path, name: str) -> None:
    (base / "bin" / name).unlink()
    package = "AFNI" if name in AFNI else "FSL"
    assert problems(base) == [f"These programs of {package} that m2g calls are not on its PATH: {name}."]


def test_a_program_that_may_not_be_run_is_missing(base: Path) -> None:
    (base / "bin" / "bet").chmod(0o644)
    (base / "bin" / "fast").unlink()
    assert problems(base) == ["These programs of FSL that m2g calls are not on its PATH: bet, fast."]


@pytest.mark.parametrize("name", ["afni", "which"])
def test_m2g_does_not_start_without_afni(base: Path, name: str) -> None:
    (base / "bin" / name).unlink()
    assert list(start_problems(variables(base))) == [f"{name} is not on its PATH, and m2g does not start without AFNI."]


def test_m2g_does_not_start_without_fsls_folder(base: Path) -> None:
    environment = variables(base)
    del environment["FSLDIR"]
    assert list(start_problems(environment)) == ["FSLDIR is not set, and m2g does not start without FSL."]
    assert list(program_problems(environment)) == []


def test_fsls_folder_must_hold_the_standard_brain(base: Path) -> None:
    (base / "fsl" / STANDARD_BRAIN).unlink()
    assert problems(base) == [f"FSL's standard brain is missing: {base}/fsl/{STANDARD_BRAIN}."]


def test_an_m2g_that_is_not_there_is_named(base: Path) -> None:
    (base / "bin" / "m2g").unlink()
    assert problems(base) == ["m2g is not on its PATH."]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (f"#!{sys.executable}\nimport umap_learn_of_nobody\n", "No module named 'umap_learn_of_nobody'."),
        ("#!/bin/sh\nexit 3\n", "it printed nothing."),
    ],
)
def test_an_m2g_that_does_not_start_is_told_by_its_last_line(base: Path, script: str, reason: str) -> None:
    program(base, "m2g", script)
    (problem,) = problems(base)
    assert problem.startswith(f"`m2g --help` ends with exit code {3 if 'exit 3' in script else 1}: ")
    assert problem.endswith(reason)


def test_an_m2g_that_is_no_program_is_told_too(base: Path) -> None:
    program(base, "m2g", "no program\n")
    assert problems(base) == ["m2g cannot be started: Exec format error."]


def test_m2g_is_only_asked_for_its_help(base: Path) -> None:
    program(base, "m2g", f'#!/bin/sh\necho "$@" > {base}/arguments\n')
    assert problems(base) == []
    assert (base / "arguments").read_text() == "--help\n"


@pytest.mark.parametrize(
    ("missing", "programs", "exit_code"),
    [("bet", "required", 1), ("bet", "optional", 0), ("afni", "optional", 1), (None, "required", 0)],
)
def test_a_missing_program_may_be_accepted_and_an_m2g_that_does_not_start_may_not(
    base: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: str | None,
    programs: str,
    exit_code: int,
) -> None:
    if missing:
        (base / "bin" / missing).unlink()
    for name, value in variables(base).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", os.devnull)
    assert main(programs) == exit_code
    lines = capsys.readouterr().out.splitlines()
    assert [line.startswith("the base image: ") for line in lines] == [True] * bool(missing)
