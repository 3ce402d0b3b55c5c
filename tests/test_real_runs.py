"""Whether a run on a real account has been reported: the folder, the program and the README say the same."""

from __future__ import annotations

import pytest
from support.repository import ROOT
from typer.testing import CliRunner

from opsctl import __version__, real_runs
from opsctl.cli import app


def test_the_program_knows_every_report() -> None:
    assert sorted(path.name for path in (ROOT / "docs/reports").glob("*.json")) == sorted(real_runs.REPORTS)


def test_the_readme_says_that_there_is_none_until_there_is_one() -> None:
    top = (ROOT / "README.md").read_text().split("\n## ")[0]
    assert (real_runs.NOT_REPORTED in top) == (not real_runs.REPORTS)


@pytest.mark.parametrize(
    ("reports", "note"), [((), f"{real_runs.NOT_REPORTED}\n"), (("2027-01-01-us-east-1.json",), "")]
)
def test_the_version_is_the_only_line_on_standard_output(
    reports: tuple[str, ...], note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real_runs, "REPORTS", reports)
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"opsctl {__version__}\n", note)
