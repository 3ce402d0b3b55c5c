"""Plans and receipts as people see them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.repository import ROOT

from opsctl.commands.platform.down import TeardownReport
from opsctl.commands.platform.orphans import OrphanReport
from opsctl.commands.platform.teardown_totals import Contents, Spent
from opsctl.core.dataset.scan import Discovery, Exclusion, Scan
from opsctl.core.platform.inventory import Resource, ResourceKind
from opsctl.core.platform.terraform_events import Change, Step, TerraformPlan
from opsctl.render.down import show_teardown_report
from opsctl.render.scans import discovery_lines
from opsctl.render.screen import Screen
from opsctl.render.up import apply_progress, orphan_lines, plan_lines


def test_a_discovery_tells_counts_reasons_and_choices() -> None:
    scan = Scan(
        name="sub-01", subject="01", session=None, entities={}, pipeline="dwi", inputs=(), note="2 T1w, x taken"
    )
    excluded = [Exclusion(key=f"HNU1/sub-0{n}\x1b[31m", reason="no bval") for n in (2, 3)]
    found = Discovery(scans=(scan,), excluded=(*excluded, Exclusion(key="k", reason="no T1w")), warnings=("careful",))
    assert discovery_lines(found) == [
        "4 scans, 1 runnable, 3 excluded",
        "  excluded: no bval (2), e.g. HNU1/sub-02",
        "  excluded: no T1w (1), e.g. k",
        "  sub-01: 2 T1w, x taken",
        "  careful",
    ]


def test_a_plan_is_told_in_words() -> None:
    plan = TerraformPlan(
        (
            Change("a", "t", "vpc", "create"),
            Change("b", "t", "vpc", "create"),
            Change("aws_ssm_parameter.record", "aws_ssm_parameter", "platform", "create"),
            Change("c", "t", "odd", "delete"),
        )
    )
    assert plan_lines(plan, idle_usd_per_hour=0.045) == [
        "3 to create: network 2, record 1",
        "1 to remove: odd 1",
        "Idle it costs $0.04/h; what is stored costs its storage.",
    ]


def test_an_apply_is_a_line_a_resource_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with apply_progress(Screen(), title="up m2g", total=2) as on_step:
        for address in ('module.batch.aws_batch_job_queue.model["csd"]', "aws_ecr_repository.jobs"):
            on_step(Step(address, "begin", "create"))
            on_step(Step(address, "progress", "create", 10))
            on_step(Step(address, "done", "create", 12))
    err = capsys.readouterr().err.splitlines()
    assert err[0] == "  done  batch job_queue model csd  12 s"
    assert err[1] == "  done  ecr_repository jobs  12 s"
    assert err[2].startswith("up m2g 2/2  ")
    assert len(err) == 3
    assert "\x1b" not in "".join(err)


def test_a_replaced_resource_counts_once(capsys: pytest.CaptureFixture[str]) -> None:
    from opsctl.core.platform.terraform_events import EventLog

    recorded = ROOT / "tests/core/platform/terraform_lines/apply_replace.jsonl"
    transcript = EventLog()
    steps = [transcript.read(one, root="storage") for one in recorded.read_text().splitlines()]
    with apply_progress(Screen(), title="up m2g", total=len(transcript.plan().changes)) as on_step:
        for step in steps:
            if step is not None:
                on_step(step)
    assert "up m2g 3/3" in capsys.readouterr().err


REPORT = TeardownReport(
    name="m2g",
    removed=1,
    left=(),
    data_bucket="data",
    contents=Contents(2, 1500, is_whole=True),
    repository_url="repo",
    spent=Spent(12.3, 4, is_complete=True),
)


@pytest.mark.parametrize("left", [(), ("role opsctl-m2g-job", "VPC vpc-1: it is held")])
@pytest.mark.parametrize("kept_at", [None, Path("/somewhere")])
def test_a_receipt(capsys: pytest.CaptureFixture[str], left: tuple[str, ...], kept_at: Path | None) -> None:
    report = dataclasses.replace(REPORT, left=left, is_local=kept_at is not None)
    show_teardown_report(Screen(), report, kept_at=kept_at)
    money = "about $12.30" if kept_at is None else "$0.00 here; on AWS about $12.30"
    assert capsys.readouterr().err.splitlines() == [
        "removed  1 resource",
        f"left     {len(left)}",
        *(f"  {one}" for one in left),
        "kept     s3://data (2 objects, 1.5 kB)",
        *(["kept     repo"] if kept_at is None else []),
        f"cost     {money} for 4 runs; idle $0.00/h",
        *([] if kept_at is None else ["on disk  /somewhere: the next `opsctl up --local` brings it back"]),
    ]


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"contents": Contents(3, 10, is_whole=False)}, "kept     s3://data (at least 3 objects, 10 B)"),
        ({"contents": Contents(0, 0, is_whole=False)}, "kept     s3://data (not counted)"),
        ({"contents": None}, "kept     s3://data (not counted)"),
        ({"log_group": "/opsctl/m2g"}, "kept     the log group /opsctl/m2g: the next `opsctl up` takes it over"),
        ({"spent": None}, "cost     of its runs not known; idle $0.00/h"),
        ({"spent": Spent(0.0, 0, is_complete=True)}, "cost     no run; idle $0.00/h"),
        ({"spent": Spent(1.0, 1, is_complete=False)}, "cost     more than $1.00 for 1 run; idle $0.00/h"),
    ],
)
def test_a_receipt_says_what_it_does_not_know(
    capsys: pytest.CaptureFixture[str], more: dict[str, Any], line: str
) -> None:
    show_teardown_report(Screen(), dataclasses.replace(REPORT, **more), kept_at=None)
    assert line in capsys.readouterr().err.splitlines()


def test_what_an_earlier_up_left_is_told_in_words() -> None:
    made = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    role = Resource(kind=ResourceKind.ROLE, id="r", name="r", since=made)
    group = Resource(kind=ResourceKind.LOG_GROUP, id="/opsctl/m2g")
    sick = Resource(kind=ResourceKind.ENVIRONMENT, id="e", name="e", state="INVALID", reason="no role")
    foreign = Resource(kind=ResourceKind.QUEUE, id="q", name="q", is_tagged=False)
    vpc = Resource(kind=ResourceKind.VPC, id="vpc-1")
    found = OrphanReport(
        name="m2g", orphans=(vpc, role), foreign=(foreign,), log_group=group, invalid=(sick,), replace=("a",)
    )
    assert orphan_lines(found, now=made + timedelta(minutes=3)) == [
        "2 left of an earlier up that was killed (the last 3 min 00 s ago), to be removed first:",
        "  1 VPC, 1 role",
        "  not opsctl's, so it stays: job queue q",
        "The log group /opsctl/m2g is taken over, with its lines.",
        "compute environment e is INVALID and is made anew. AWS says: no role",
    ]
    assert orphan_lines(OrphanReport(name="m2g"), now=made) == []
