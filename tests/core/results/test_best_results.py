"""Over several runs into one output location, the newest result counts whose files are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from support.core_examples import run as example_run

from opsctl.core.results.best_results import best_results, dataset_run
from opsctl.core.runs.manifest import Origin, Run
from opsctl.core.runs.result import Result

FIRST, SECOND, THIRD = (f"HNU1-2026112{day}-120000-ab1{day}" for day in (1, 2, 3))


@dataclass(frozen=True)
class RunView:
    run: Run
    results: Mapping[int, Result]


def result(index: int, scan: str, status: Any = "succeeded") -> Result:
    return Result(
        index=index,
        scan=scan,
        key="k",
        status=status,
        cause="",
        exit_code=0,
        attempt=1,
        started_at="2026-11-22T12:00:00Z",
        stopped_at="2026-11-22T12:00:10Z",
        seconds={},
        peak_memory_mib=1,
        connectomes=(),
        files=(),
        log_stream="",
        job_id="",
    )


def view(run_id: str, statuses: Mapping[str, str | None], **changes: Any) -> RunView:
    """A run of some scans, each with the status of its result."""
    names = tuple(statuses)
    run = example_run(len(names), run_id=run_id, scans=names, keys=tuple(f"{run_id[-1]}-{n}" for n in names), **changes)
    results = {
        index: result(index, name, status)
        for index, (name, status) in enumerate(statuses.items())
        if status is not None
    }
    return RunView(run, results)


def always(_: Result) -> bool:
    return True


def never_asked(_: Result) -> bool:
    raise AssertionError("the output location would be listed")


def origins(views: list[RunView], **options: Any) -> dict[str, tuple[str, bool]]:
    best = best_results(views, **{"is_intact": always, **options})
    return {scan: (entry.origin.run_id, entry.result is not None) for scan, entry in best.items()}


def test_the_newest_succeeded_result_counts_whatever_the_order_of_the_runs() -> None:
    views = [view(FIRST, {"sub-1": "succeeded"}), view(SECOND, {"sub-1": "succeeded"})]
    assert origins(views) == origins(views[::-1]) == {"sub-1": (SECOND, True)}


def test_a_failed_or_missing_result_never_replaces_a_succeeded_one() -> None:
    views = [
        view(FIRST, {"sub-1": "succeeded", "sub-2": "succeeded"}),
        view(SECOND, {"sub-2": "failed", "sub-1": None}),
    ]
    assert origins(views, is_intact=never_asked) == {"sub-1": (FIRST, True), "sub-2": (FIRST, True)}


def test_a_scan_that_is_not_done_is_shown_as_in_its_latest_run() -> None:
    views = [view(FIRST, {"sub-2": "failed", "sub-1": "failed"}), view(SECOND, {"sub-1": None})]
    assert origins(views) == {"sub-1": (SECOND, False), "sub-2": (FIRST, False)}


def test_the_newest_with_intact_files_counts_and_without_any_the_newest() -> None:
    views = [view(run_id, {"sub-1": "succeeded"}) for run_id in (FIRST, SECOND, THIRD)]
    third = views[2].results[0]
    second = views[1].results[0]
    assert origins(views, is_intact=lambda each: each is second) == {"sub-1": (SECOND, True)}
    assert origins(views, is_intact=lambda each: each is not third) == {"sub-1": (SECOND, True)}
    assert origins(views, is_intact=lambda _: False) == {"sub-1": (THIRD, True)}


def test_an_adopted_scan_is_the_result_of_the_run_that_made_it() -> None:
    first = view(FIRST, {"sub-0": "failed", "sub-1": "succeeded"})
    adopting = view(SECOND, {"sub-2": "succeeded", "sub-1": "succeeded"}, sizes=(1,), adopted=(Origin(FIRST, 1),))
    for views in ([first, adopting], [adopting]):
        entry = best_results(views, is_intact=never_asked)["sub-1"]
        assert entry.origin == Origin(FIRST, 1)
        assert entry.result is not None
        assert entry.result.index == 1


def test_deleted_scans_are_left_out() -> None:
    assert origins([view(FIRST, {"": None, "sub-1": "succeeded"})]) == {"sub-1": (FIRST, True)}


def test_of_a_dataset_a_run_is_made_that_adopted_every_scan() -> None:
    views = [view(FIRST, {"sub-2": "succeeded", "sub-1": "failed"}), view(SECOND, {"sub-1": "succeeded"})]
    run = dataset_run(views[1].run, best_results(views, is_intact=always))
    assert run.scans == ("sub-1", "sub-2")
    assert [run.origin(index) for index in range(2)] == [Origin(SECOND, 0), Origin(FIRST, 0)]
    assert (run.submitted_count, run.keys) == (0, ("2-sub-1", "1-sub-2"))
