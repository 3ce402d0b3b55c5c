"""A scan's row: its inputs, its job, its outputs."""

from __future__ import annotations

from typing import Any

import pytest
from support.batch_world import made_run

from opsctl.core.dataset.scan import S3Object
from opsctl.core.runs.audit import AuditEntry, AuditState, audit_row, damage
from opsctl.core.runs.result import OutputFile, Result
from opsctl.core.runs.status import BatchJob, cancel_reason, join

RUN = made_run(1, scans=("sub-01",))
DWI = "s3://data/HNU1/sub-01/dwi/sub-01_dwi.nii.gz"
OUT = "s3://data/HNU1/derivatives/m2g/sub-01/c.csv"
SECOND = "s3://data/HNU1/derivatives/m2g/sub-01/d.csv"


def result(status: str, **changes: Any) -> Result:
    fields: dict[str, Any] = {
        "index": 0, "scan": "sub-01", "key": "k", "status": status, "cause": "", "exit_code": 0, "attempt": 2,
        "started_at": "", "stopped_at": "", "seconds": {}, "peak_memory_mib": 0, "connectomes": (OUT,),
        "files": tuple(OutputFile(uri=uri, size_bytes=3, sha256="x", etag="e") for uri in (OUT, SECOND)),
        "log_stream": "", "job_id": "j", "file_count": 2,
    }  # fmt: skip
    return Result(**{**fields, **changes})


def entry(run_id: str = "R", result: Result | None = None, job: str | None = None, reason: str = "") -> AuditEntry:
    batch_jobs = {0: BatchJob(job_id="j", status=job, reason=reason)} if job else {}
    results = {0: result} if result else {}
    (status,) = join(RUN, results=results, jobs=batch_jobs).scans
    return AuditEntry(run_id=run_id, inputs={DWI: "e1"}, status=status, result=result)


def there(etag: str = "e", *uris: str) -> dict[str, S3Object]:
    return {uri: S3Object(key=uri, size_bytes=3, etag=etag) for uri in uris or (OUT, SECOND)}


OK = result("succeeded")
BAD = result("failed", cause="bval and bvec differ in count: 64 and 65", files=())
SAME = {DWI: "e1"}
DONE, ALL = "done (attempt 2)", "all 2 files"
LOST = "Host EC2 (instance i-1) terminated."
FORGOTTEN = "there is no result, and the job is no longer known"
BY_ADA = "cancelled by ada"
TABLE: list[tuple[str, list[AuditEntry], dict[str, str], dict[str, S3Object], AuditState, str, str, str]] = [
    ("never", [], SAME, {}, "missing", "", "was never submitted", "none"),
    ("complete", [entry(result=OK)], SAME, there(), "complete", "unchanged", DONE, ALL),
    (
        "one gone",
        [entry(result=OK)],
        SAME,
        there("e", OUT),
        "outputs damaged",
        "unchanged",
        DONE,
        "1 of 2 files is missing",
    ),
    ("others", [entry(result=OK)], SAME, there("x"), "outputs damaged", "unchanged", DONE, "2 of 2 files have changed"),
    ("changed", [entry(result=OK)], {DWI: "e2"}, there(), "inputs changed", "sub-01_dwi.nii.gz has changed", DONE, ALL),
    ("no input", [entry(result=OK)], {}, there(), "inputs changed", "sub-01_dwi.nii.gz is gone", DONE, ALL),
    ("failed", [entry(result=BAD)], SAME, {}, "failed", "unchanged", BAD.cause, "none"),
    ("lost", [entry(job="FAILED", reason=LOST)], SAME, {}, "failed", "unchanged", LOST, "none"),
    ("forgotten", [entry()], SAME, {}, "failed", "unchanged", FORGOTTEN, "none"),
    ("runs", [entry(result=BAD, job="RUNNING")], SAME, {}, "in flight", "unchanged", "running", "not yet"),
    (
        "cancelled",
        [entry(job="FAILED", reason=cancel_reason("ada"))],
        SAME,
        {},
        "cancelled",
        "unchanged",
        BY_ADA,
        "none",
    ),
    ("failed after", [entry("B", BAD), entry("A", OK)], SAME, there(), "complete", "unchanged", DONE, ALL),
]


@pytest.mark.parametrize(
    ("entries", "dataset", "derivatives", "state", "inputs", "job", "outputs"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_a_row(
    entries: list[AuditEntry],
    dataset: dict[str, str],
    derivatives: dict[str, S3Object],
    state: AuditState,
    inputs: str,
    job: str,
    outputs: str,
) -> None:
    row = audit_row("sub-01", entries, dataset=dataset, damage_of=lambda one: damage(one.files, derivatives))
    assert (row.state, row.inputs, row.job, row.outputs) == (state, inputs, job, outputs)


@pytest.mark.parametrize(
    ("entries", "found", "text"),
    [
        ([], {}, "missing: it was never submitted."),
        ([entry(result=BAD)], {}, f"failed: {BAD.cause} (R). Inputs unchanged since."),
        ([entry(job="FAILED", reason=cancel_reason("ada"))], {}, "cancelled by ada (R). Inputs unchanged since."),
        ([entry(job="RUNNABLE")], {}, "waiting (R)."),
        (
            [entry(result=OK)],
            there("e", OUT),
            "outputs damaged: 1 of 2 files is missing; done (attempt 2) (R). Inputs unchanged since.",
        ),
    ],
)
def test_a_row_as_a_sentence(entries: list[AuditEntry], found: dict[str, S3Object], text: str) -> None:
    row = audit_row("sub-01", entries, dataset=SAME, damage_of=lambda result: damage(result.files, found))
    assert row.text == text
