"""Statuses, plans and answers, for the tests of what is shown of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from opsctl.assets import atlas_table
from opsctl.commands.runs.request import RunRequest
from opsctl.commands.runs.run import RunOutcome
from opsctl.commands.runs.run_plan import RunPlan
from opsctl.commands.runs.scan_detail import ScanDetail
from opsctl.core.costs.bill import Bill, ScanBill
from opsctl.core.dataset.scan import Discovery, Scan
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.finding import Finding
from opsctl.core.diagnosis.reason import Reason, batch_reason
from opsctl.core.diagnosis.why import Answer, Explanation
from opsctl.core.location import Location
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.manifest import Origin, Run
from opsctl.core.runs.phase import Phase
from opsctl.core.runs.progress import ScanProgress
from opsctl.core.runs.result import OutputFile, Result
from opsctl.core.runs.scan_history import Disposition, ScanDisposition
from opsctl.core.runs.state import daily_counts
from opsctl.core.runs.status import RunStatus, ScanStatus, State
from support.example_platform import platform

SPOT = "Host EC2 (instance i-0123456789abcdef0) terminated."


def run() -> Run:
    return Run(
        run_id="HNU1-20261122-120000-ab12",
        dataset="s3://data/HNU1",
        output="s3://data/HNU1/derivatives/m2g-csa-native",
        m2g={},
        model="csa",
        image="i",
        platform="m2g",
        region="r",
        scans=(),
        created_at="2026-11-22T12:00:00Z",
        created_by="ada",
        command_line=("opsctl", "run", "HNU1", "--yes"),
        opsctl_version="0.1.0",
        keys=(),
        sizes=(),
        resources="csa",
        attempt_timeout_seconds=21_600,
    )


def scan(index: int, state: State, **changes: Any) -> ScanStatus:
    return ScanStatus(**{"index": index, "name": f"sub-{index:02d}/ses-1", "state": state, **changes})


def status(*states: State, unlisted: Mapping[State, int] | None = None, **changes: Any) -> RunStatus:
    scans = tuple(scan(index, state, **changes) for index, state in enumerate(states))
    return RunStatus(run=run(), scans=scans, unlisted=unlisted or {})


def bill(usd: float, **changes: Any) -> Bill:
    by_scan = {0: ScanBill(usd=usd, hours=1.0, attempts=1, lost=0)}
    fields = {"hours": 1.0, "attempts": 1, "lost_attempts": 0, "lost_usd": 0.0, "basis": "b", "by_scan": by_scan}
    return Bill(**{"usd": usd, **fields, **changes})


def rich_status() -> RunStatus:
    """One of everything."""
    made = [scan(index, "DONE", attempt=1, seconds=3.5) for index in range(4)]
    made += [
        scan(4, "RUNNING", attempt=2, retried=(batch_reason(SPOT),)),
        scan(5, "RUNNING", attempt=3, retried=(batch_reason(SPOT), Reason(CauseCode.S3_UNAVAILABLE, "exit code 75"))),
    ]
    gradients = {"cause_code": CauseCode.GRADIENT_COUNTS_DIFFER, "facts": {"bvecs": 64}}
    made += [
        scan(index, "FAILED", cause=f"bval and bvec differ in count: {index} and 64", **gradients)
        for index in range(6, 13)
    ]
    made += [scan(13, "FAILED", cause="cancelled by ada", cause_code=CauseCode.CANCELLED)]
    note = "the budget of $20 was reached"
    budget = {"cause": f"not submitted: {note}", "cause_code": CauseCode.BUDGET_REACHED, "facts": {"note": note}}
    made += [scan(index, "FAILED", is_submitted=False, **budget) for index in range(14, 58)]
    return RunStatus(
        run=run(),
        scans=tuple(made),
        unlisted={"RUNNABLE": 30},
        wait_reason="CAPACITY:INSUFFICIENT",
        bill=bill(12.345),
        progress={
            4: progress(4, seconds=600.0),
            5: progress(5, phase=Phase(name="graphs", number=12, count=45, **PHASE)),
        },
    )


PHASE = {"started_at": "2026-11-22T12:00:00Z"}
GRAPHS = Phase(name="graphs", number=12, count=45, started_at="2026-11-22T12:00:00Z")


def progress(index: int, **changes: Any) -> ScanProgress:
    """A scan that has run for 41 minutes, in tractography."""
    phase = Phase(name="tractography", **PHASE)
    given = {"scan": f"sub-{index:02d}/ses-1", "phase": phase, "seconds": 2465.0, "remaining_seconds": 1180.0}
    return ScanProgress(**{**given, **changes})


def result() -> Result:
    files = (OutputFile(uri="s3://data/out/x.csv", size_bytes=10, sha256="ab", etag="cd"),)
    return Result(
        index=0,
        scan="sub-00/ses-1",
        key="k",
        status="succeeded",
        cause="",
        exit_code=0,
        attempt=1,
        started_at="2026-11-22T12:00:00Z",
        stopped_at="2026-11-22T12:10:00Z",
        seconds={"m2g": 600.0},
        peak_memory_mib=11_240,
        peak_disk_mib=2_950,
        connectomes=("s3://data/out/x.csv",),
        files=files,
        log_stream="csa/default/x",
        job_id="j",
    )


def detail(state: State, *, has_result: bool = True, **changes: Any) -> ScanDetail:
    began = {"index": 0, "job_id": "j:0", "started_at": "2026-11-22T12:00:00Z"}
    lost = Attempt(**began, number=1, reason=SPOT, cause_code=CauseCode.INSTANCE_LOST)
    ended = Attempt(**began, number=2, stopped_at="2026-11-22T12:10:00Z", exit_code=0, log_stream="csa/default/x")
    inputs = [{"uri": "s3://data/HNU1/x_dwi.nii.gz", "role": "dwi", "size_bytes": 2000, "etag": "e"}]
    return ScanDetail(
        run_id="R",
        status=scan(0, state, **changes),
        origin=Origin("OLD", 3),
        document={"inputs": inputs, "output": "s3://data/out", "key": "key"},
        attempts=(lost, ended),
        result=result() if has_result else None,
        failures_uri="s3://data/opsctl/runs/OLD/failures/00003/",
        cost=ScanBill(usd=0.5, hours=1.0, attempts=2, lost=1),
        is_local=False,
    )


def plan(*dispositions: Disposition, only: Any = "missing", **m2g: Any) -> RunPlan:
    """A plan for scans of these dispositions; `m2g` are options of m2g."""
    scans = tuple(
        Scan(name=f"sub-{number}", subject=str(number), session=None, entities={}, pipeline="dwi", inputs=())
        for number in range(len(dispositions))
    )
    now, earlier = (f"sha256:{digit * 64}" for digit in "ba")
    return RunPlan(
        request=RunRequest(
            dataset=Location("data", "HNU1"),
            options=M2gOptions(**{"parcellation": tuple(atlas.name for atlas in atlas_table().default), **m2g}),
            only=only,
        ),
        platform=platform(m2g_image=now),
        table=atlas_table(),
        discovery=Discovery(scans=scans, excluded=()),
        chosen=scans,
        output=Location("data", "HNU1/derivatives/m2g-csa-native"),
        dispositions=tuple(
            ScanDisposition(
                scan.name, f"k@{now}", one, origin_key=f"k@{earlier if one in ('other_m2g', 'in flight') else now}"
            )
            for scan, one in zip(scans, dispositions, strict=True)
        ),
        earlier=(),
        run_id="R",
        moment=datetime.now(UTC),
    )


def outcome(**changes: Any) -> RunOutcome:
    return RunOutcome(**{"run_id": "R", "submitted": 3, "done": 0, "in_flight": 0, **changes})


def answer(*explanations: Explanation, **changes: Any) -> Answer:
    given: dict[str, Any] = {"run_id": "R", "counts": {}, "running_seconds": 0.0, **changes}
    daily = daily_counts((), more=given["counts"])
    return Answer(explanations=explanations, daily_counts=daily, **given)


def failed(**changes: Any) -> Explanation:
    given: dict[str, Any] = {
        "kind": "failed",
        "title": "out of memory",
        "scans": ("sub-01/ses-1",),
        "findings": (Finding("", "`opsctl run HNU1 --memory 30400`."),),
        "places": {},
        **changes,
    }
    return Explanation(**given)
