"""Atlases that a job's memory cannot hold are refused, with what would hold them."""

from __future__ import annotations

import pytest

from opsctl.assets import atlas_table
from opsctl.core.atlases.job_memory import ensure_atlases_fit
from opsctl.core.errors import UsageProblem

TABLE = atlas_table()


def refused(*names: str, workers: int = 1, memory_mib: int = 15_200, largest_mib: int = 30_400) -> UsageProblem | None:
    atlases = [TABLE[name] for name in names]
    try:
        ensure_atlases_fit(atlases, "2mm", workers=workers, memory_mib=memory_mib, largest_mib=largest_mib)
    except UsageProblem as problem:
        return problem
    return None


def test_the_default_list_fits_in_every_job() -> None:
    assert refused(*(atlas.name for atlas in TABLE.default)) is None


def test_what_a_larger_job_holds_names_the_memory() -> None:
    problem = refused("AAL", "DS16784")
    assert problem is not None
    assert problem.what == "Too large for a job of 15,200 MiB: DS16784 (17,181 MiB)."
    assert problem.hint.startswith("With --memory 17181 ")
    assert refused("AAL", "DS16784", memory_mib=17_181) is None
    assert refused("DS16784", memory_mib=17_180) is not None


@pytest.mark.parametrize("names", [("DS72784",), ("DS16784", "DS72784")])
def test_what_no_job_holds_is_said(names: tuple[str, ...]) -> None:
    problem = refused(*names)
    assert problem is not None
    assert "DS72784 (302,324 MiB)" in problem.what
    assert problem.hint.startswith("No job of this platform holds DS72784: the largest has 30,400 MiB.")


def test_each_process_of_m2g_needs_its_own_memory() -> None:
    assert refused("DS06481", workers=5) is None
    problem = refused("DS06481", workers=8)
    assert problem is not None
    assert "with --n-cpus 8" in problem.what
    assert problem.hint.startswith("With --memory 20215 ")
    many = refused("DS06481", workers=16)
    assert many is not None
    assert "Leave out --n-cpus" in many.hint
