"""What `up` shows of changes by hand."""

from __future__ import annotations

from opsctl.core.platform.terraform_events import Change, TerraformPlan, merged
from opsctl.render.up import plan_lines

CHANGE = Change("module.batch.aws_batch_job_queue.model", "aws_batch_job_queue", "batch", "update")


def test_they_stand_before_what_is_done_about_them() -> None:
    storage = TerraformPlan(changes_by_hand=("versioning of the data bucket is suspended",))
    plan = merged([storage, TerraformPlan((CHANGE,), changes_by_hand=("the csd queue was disabled by hand",))])
    lines = plan_lines(plan, idle_usd_per_hour=0)
    assert lines[:4] == [
        "Not as the last `up` left it:",
        "  versioning of the data bucket is suspended",
        "  the csd queue was disabled by hand",
        "1 to change: batch 1",
    ]


def test_no_headline_over_nothing() -> None:
    assert plan_lines(TerraformPlan((CHANGE,)), idle_usd_per_hour=0)[0] == "1 to change: batch 1"


def test_the_counts_have_one_order_whatever_terraforms_is() -> None:
    changes = tuple(
        Change(f"module.{name}.x", "x", name, "create") for name in ("batch", "platform", "vpc", "storage", "iam")
    )
    expected = "5 to create: storage 1, network 1, roles 1, batch 1, record 1"
    for order in (changes, changes[::-1]):
        assert plan_lines(TerraformPlan(order), idle_usd_per_hour=0)[0] == expected
