"""What has become of a scan, over all runs into its output location."""

from __future__ import annotations

import pytest
from support.core_examples import run
from support.record_examples import RESULT, encoded

from opsctl.core.runs.manifest import Origin, Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.scan_history import Disposition, Only, RunHistory, ScanDisposition, scan_dispositions
from opsctl.core.runs.status import BatchJob

OK, BAD = "succeeded", "failed"


def result(status: str) -> Result:
    return Result.decode(encoded({**RESULT, "index": 0, "scan": "sub-1", "key": "k", "status": status}), "u")


def past(
    run_id: str, key: str, status: str | None = None, job: str | None = None, *, submitted: bool = True
) -> RunHistory:
    earlier: Run = run(1, run_id=run_id, scans=("sub-1",), keys=(key,))
    return RunHistory(
        run=earlier,
        submitted=[0] if submitted else [],
        results={0: result(status)} if status else {},
        jobs={0: BatchJob(job_id="j", status=job)} if job else {},
    )


# The history, oldest first, of a scan whose key is now "k", and whether the files of a succeeded result still exist.
TABLE: list[tuple[str, list[RunHistory], bool, Disposition, str]] = [
    ("nothing yet", [], True, "new", ""),
    ("a run that was cut short before SubmitJob", [past("a", "k", submitted=False)], True, "new", ""),
    ("done", [past("a", "k", OK)], True, "done", "a"),
    ("done, the files are gone", [past("a", "k", OK)], False, "damaged", "a"),
    ("done, Batch says failed", [past("a", "k", OK, "FAILED")], True, "done", "a"),
    ("done, its job says its last words", [past("a", "k", OK, "RUNNING")], True, "done", "a"),
    ("failed", [past("a", "k", BAD)], True, "failed", "a"),
    ("failed without a result", [past("a", "k", None, "FAILED")], True, "failed", "a"),
    ("ended well without a result", [past("a", "k", None, "SUCCEEDED")], True, "failed", "a"),
    ("forgotten by Batch", [past("a", "k")], True, "failed", "a"),
    ("waits", [past("a", "k", None, "RUNNABLE")], True, "in flight", "a"),
    ("runs, after a failed attempt", [past("a", "k", BAD, "RUNNING")], True, "in flight", "a"),
    ("other work runs", [past("a", "old", None, "RUNNING")], True, "blocked_by_active_job", "a"),
    ("other work was done", [past("a", "old", OK)], True, "changed", "a"),
    ("done, then other work over it", [past("a", "k", OK), past("b", "old", OK)], False, "damaged", "a"),
    ("done, then other work that failed early", [past("a", "k", OK), past("b", "old", BAD)], True, "done", "a"),
    ("failed, then done", [past("a", "k", BAD), past("b", "k", OK)], True, "done", "b"),
    ("done, then failed", [past("a", "k", OK), past("b", "k", BAD)], True, "done", "a"),
    ("failed, then on its way", [past("a", "k", BAD), past("b", "k", None, "RUNNING")], True, "in flight", "b"),
    ("done again, which is running", [past("a", "k", OK), past("b", "k", None, "RUNNING")], True, "in flight", "b"),
    ("two jobs at once", [past("a", "k", None, "RUNNING"), past("b", "k", BAD)], True, "in flight", "a"),
]


@pytest.mark.parametrize(
    ("history", "has_intact_files", "disposition", "run_id"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_where_a_scan_stands(
    history: list[RunHistory], has_intact_files: bool, disposition: Disposition, run_id: str
) -> None:
    (scan,) = scan_dispositions([("sub-1", "k")], history, has_intact_files=lambda _: has_intact_files)
    assert scan == ScanDisposition("sub-1", "k", disposition, Origin(run_id, 0) if run_id else None)


def test_scans_of_equal_bytes_are_told_apart_by_name() -> None:
    (scan,) = scan_dispositions([("sub-2", "k")], [past("a", "k", OK)], has_intact_files=lambda _: True)
    assert scan.disposition == "new"


def test_adopted_entries_are_looked_up_where_they_were_made() -> None:
    later = RunHistory(
        run=run(1, run_id="b", scans=("sub-1",), keys=("k",), sizes=(), adopted=(Origin("a", 0),)),
        submitted=[],
        results={},
        jobs={},
    )
    (scan,) = scan_dispositions([("sub-1", "k")], [past("a", "k", OK), later], has_intact_files=lambda _: True)
    assert scan.origin == Origin("a", 0)


SUBMITTED: dict[Only, set[Disposition]] = {
    "missing": {"new", "failed", "changed", "damaged"},
    "failed": {"failed"},
    "all": {"new", "failed", "changed", "damaged", "done"},
}
DISPOSITIONS: tuple[Disposition, ...] = (
    "done",
    "in flight",
    "blocked_by_active_job",
    "damaged",
    "failed",
    "changed",
    "new",
)


@pytest.mark.parametrize("only", SUBMITTED)
@pytest.mark.parametrize("disposition", DISPOSITIONS)
def test_what_only_means(only: Only, disposition: Disposition) -> None:
    assert ScanDisposition("s", "k", disposition).is_submitted(only) == (disposition in SUBMITTED[only])
