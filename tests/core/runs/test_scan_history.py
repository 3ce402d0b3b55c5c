"""What has become of a scan, over all runs into its output location."""

from __future__ import annotations

import dataclasses
import functools
import operator

import pytest
from support.core_examples import run
from support.record_examples import RESULT, encoded, outputs_of, outputs_of_failed, result_uri

from opsctl.core.runs.manifest import Origin, Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.scan_history import Disposition, Only, RunHistory, ScanDisposition, scan_dispositions
from opsctl.core.runs.status import BatchJob

OK, BAD = "succeeded", "failed"


def result(status: str) -> Result:
    outputs = outputs_of_failed(0) if status == BAD else outputs_of("sub-1")
    ended = {"status": status, "exit_code": int(status == BAD), "outputs": outputs}
    return Result.decode(encoded({**RESULT, "index": 0, "scan": "sub-1", "key": "k", **ended}), result_uri(0))


#: The key of now, of the same work by another m2g, of that by a third, and of other work.
NOW, OTHER_M2G, THIRD_M2G, OTHER_WORK = "k@sha256:b", "k@sha256:a", "k@sha256:c", "old@sha256:b"


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


# The history, oldest first, of a scan whose key is NOW, and whether the files of a succeeded result still exist.
TABLE: list[tuple[str, list[RunHistory], bool, Disposition, str]] = [
    ("nothing yet", [], True, "new", ""),
    ("a run that was cut short before SubmitJob", [past("a", NOW, submitted=False)], True, "new", ""),
    ("done", [past("a", NOW, OK)], True, "done", "a"),
    ("done, the files are gone", [past("a", NOW, OK)], False, "damaged", "a"),
    ("done, Batch says failed", [past("a", NOW, OK, "FAILED")], True, "done", "a"),
    ("done, its job says its last words", [past("a", NOW, OK, "RUNNING")], True, "done", "a"),
    ("failed", [past("a", NOW, BAD)], True, "failed", "a"),
    ("failed without a result", [past("a", NOW, None, "FAILED")], True, "failed", "a"),
    ("ended well without a result", [past("a", NOW, None, "SUCCEEDED")], True, "failed", "a"),
    ("forgotten by Batch", [past("a", NOW)], True, "failed", "a"),
    ("waits", [past("a", NOW, None, "RUNNABLE")], True, "in flight", "a"),
    ("runs, after a failed attempt", [past("a", NOW, BAD, "RUNNING")], True, "in flight", "a"),
    ("other work runs", [past("a", OTHER_WORK, None, "RUNNING")], True, "blocked_by_active_job", "a"),
    ("other work was done", [past("a", OTHER_WORK, OK)], True, "changed", "a"),
    ("done, then other work over it", [past("a", NOW, OK), past("b", OTHER_WORK, OK)], False, "damaged", "a"),
    ("done, then other work that failed early", [past("a", NOW, OK), past("b", OTHER_WORK, BAD)], True, "done", "a"),
    ("failed, then done", [past("a", NOW, BAD), past("b", NOW, OK)], True, "done", "b"),
    ("done, then failed", [past("a", NOW, OK), past("b", NOW, BAD)], True, "done", "a"),
    ("failed, then on its way", [past("a", NOW, BAD), past("b", NOW, None, "RUNNING")], True, "in flight", "b"),
    ("done again, which is running", [past("a", NOW, OK), past("b", NOW, None, "RUNNING")], True, "in flight", "b"),
    ("done by another m2g", [past("a", OTHER_M2G, OK)], True, "other_m2g", "a"),
    ("done by another m2g, the files are gone", [past("a", OTHER_M2G, OK)], False, "damaged", "a"),
    ("another m2g failed", [past("a", OTHER_M2G, BAD)], True, "failed", "a"),
    ("another m2g runs", [past("a", OTHER_M2G, None, "RUNNING")], True, "in flight", "a"),
    ("done by two others", [past("a", OTHER_M2G, OK), past("b", THIRD_M2G, OK)], True, "other_m2g", "b"),
    (
        "done by another m2g, then failed again",
        [past("a", OTHER_M2G, OK), past("b", THIRD_M2G, BAD)],
        True,
        "other_m2g",
        "a",
    ),
    ("done by another m2g, the redo failed", [past("a", OTHER_M2G, OK), past("b", NOW, BAD)], True, "failed", "b"),
    ("the redo failed, then back and done", [past("a", NOW, BAD), past("b", OTHER_M2G, OK)], True, "other_m2g", "b"),
    (
        "done, then other work by another m2g",
        [past("a", OTHER_M2G, OK), past("b", OTHER_WORK, OK)],
        False,
        "damaged",
        "a",
    ),
    ("two jobs at once", [past("a", NOW, None, "RUNNING"), past("b", NOW, BAD)], True, "in flight", "a"),
]


@pytest.mark.parametrize(
    ("history", "has_intact_files", "disposition", "run_id"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_where_a_scan_stands(
    history: list[RunHistory], has_intact_files: bool, disposition: Disposition, run_id: str
) -> None:
    (scan,) = scan_dispositions([("sub-1", NOW)], history, has_intact_files=lambda _: has_intact_files)
    keys = {earlier.run.run_id: earlier.run.keys[0] for earlier in history}
    origin = Origin(run_id, 0) if run_id else None
    assert scan == ScanDisposition("sub-1", NOW, disposition, origin, keys.get(run_id, ""))


def test_of_an_m2g_that_is_gone_back_to_only_the_files_tell() -> None:
    """Its own result is older than the files, which the m2g in between has made."""
    history = [past("a", NOW, OK), past("b", OTHER_M2G, OK)]
    for origin, disposition in ((history[0], "done"), (history[1], "other_m2g")):
        has_intact_files = functools.partial(operator.is_, origin.results[0])
        (scan,) = scan_dispositions([("sub-1", NOW)], history, has_intact_files=has_intact_files)
        assert (scan.disposition, scan.origin) == (disposition, Origin(origin.run.run_id, 0))


@pytest.mark.parametrize(
    ("history", "image"),
    [
        ([past("a", OTHER_M2G, OK)], "sha256:a"),
        ([past("a", OTHER_M2G, None, "RUNNING")], "sha256:a"),
        ([past("a", OTHER_M2G, BAD)], None),
        ([past("a", NOW, OK)], None),
        ([past("a", OTHER_WORK, OK)], None),
        ([], None),
    ],
)
def test_the_m2g_that_did_the_work_is_known(history: list[RunHistory], image: str | None) -> None:
    (scan,) = scan_dispositions([("sub-1", NOW)], history, has_intact_files=lambda _: True)
    assert scan.earlier_m2g == image


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
    "changed": {"changed", "other_m2g"},
    "all": {"new", "failed", "changed", "damaged", "done", "other_m2g"},
}
DISPOSITIONS: tuple[Disposition, ...] = (
    "done",
    "other_m2g",
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
    scan = ScanDisposition("s", "k", disposition)
    assert scan.is_submitted(only) == (disposition in SUBMITTED[only])
    assert scan.is_submitted(only, redo=True) == (disposition in SUBMITTED[only] | {"other_m2g"})


@pytest.mark.parametrize(("code", "is_outgrown"), [("out_of_memory", True), ("m2g_failed", False)])
def test_what_ran_out_of_memory_can_be_chosen_alone(code: str, is_outgrown: bool) -> None:
    earlier = past("a", "k", BAD)
    earlier = dataclasses.replace(earlier, results={0: dataclasses.replace(earlier.results[0], cause_code=code)})
    (scan,) = scan_dispositions([("sub-1", "k")], [earlier], has_intact_files=lambda _: True)
    assert scan.disposition == "failed"
    assert scan.is_submitted("outgrown") == is_outgrown and scan.is_submitted("failed")
