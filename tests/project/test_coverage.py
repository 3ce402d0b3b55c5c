"""The coverage that is shown is the one that was measured, and each part has a floor just below it."""

from __future__ import annotations

import re
import tomllib

import pytest
from support.repository import ROOT

import coverage_summary

FIGURE = re.compile(r"^(?P<folder>\S+): (?P<percent>\d+) % of lines and branches$", re.MULTILINE)
FLOORS: dict[str, float] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "coverage-floors"
]
FIGURES = ROOT / "docs" / "coverage.txt"


def measured() -> dict[str, float]:
    """The figures that `make coverage` wrote; none before the first time."""
    text = FIGURES.read_text(encoding="utf-8") if FIGURES.is_file() else ""
    return {match["folder"]: float(match["percent"]) for match in FIGURE.finditer(text)}


def report(**files: tuple[int, int, int, int]) -> dict[str, object]:
    """Coverage's own JSON: statements, of them run, branches, of them taken."""
    names = ("num_statements", "covered_lines", "num_branches", "covered_branches")
    return {
        "files": {
            name.replace("__", "/") + ".py": {
                "summary": {**dict(zip(names, counts, strict=True)), "percent_covered": 1.5}
            }
            for name, counts in files.items()
        }
    }


def test_core_and_runner_have_a_floor_each() -> None:
    assert set(FLOORS) == {"opsctl/core", "container/m2g_job"}


@pytest.mark.skipif(not FIGURES.is_file(), reason="make coverage has not been run yet")
def test_each_floor_is_just_below_what_was_measured() -> None:
    assert set(FLOORS) == set(measured())
    for folder, share in measured().items():
        assert share - 2 <= FLOORS[folder] <= share, folder


def test_the_readme_shows_what_was_measured_and_nothing_else() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    words = coverage_summary.sentence(measured()) if measured() else ""
    assert coverage_summary.with_sentence(readme, words) == readme
    assert f"{coverage_summary.BEGIN}{words}{coverage_summary.END}" in readme


def test_a_folders_share_is_that_of_its_own_lines_and_branches() -> None:
    example = report(opsctl__core__a=(80, 80, 20, 10), opsctl__core__b=(60, 50, 40, 20), opsctl__corex__c=(9, 0, 9, 0))
    assert coverage_summary.percentage(example, "opsctl/core") == pytest.approx(80.0)
    assert coverage_summary.percentage(example, "container/m2g_job") == 0.0


def test_below_its_floor_a_folder_is_named_and_the_other_does_not_make_up_for_it() -> None:
    floors = {"opsctl/core": 95, "container/m2g_job": 90}
    assert coverage_summary.below({"opsctl/core": 95.0, "container/m2g_job": 90.1}, floors) == []
    (sentence,) = coverage_summary.below({"opsctl/core": 100.0, "container/m2g_job": 89.9}, floors)
    assert "89.9 % of container/m2g_job" in sentence
