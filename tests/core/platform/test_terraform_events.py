"""Parse Terraform's output. The lines in terraform_lines/ were printed by Terraform 1.11.4 with the AWS provider
5.100 against an AWS server on the same machine; only its refresh_* lines are left out.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from opsctl.core.platform.terraform_events import Change, EventLog, Step, TerraformPlan, merged

LINES = Path(__file__).parent / "terraform_lines"


def read(name: str, *, root: str = "storage") -> tuple[EventLog, list[Step]]:
    event_log = EventLog()
    steps = [event_log.read(line, root=root) for line in (LINES / f"{name}.jsonl").read_text().splitlines()]
    return event_log, [step for step in steps if step is not None]


def test_a_plan_is_counted_by_module() -> None:
    event_log, steps = read("plan_platform", root="platform")
    plan = event_log.plan()
    assert steps == []
    assert plan.counts() == {"create": 33}
    assert plan.by_module("create") == {"batch": 8, "iam": 8, "vpc": 16, "platform": 1}
    assert plan.by_module("delete") == {}
    assert plan.drifted == ()
    queue = 'module.batch.aws_batch_job_queue.model["csd"]'
    assert Change(queue, "aws_batch_job_queue", "batch", "create") in plan.changes


def test_drift_is_not_a_change() -> None:
    event_log, _ = read("plan_drift")
    plan = event_log.plan()
    assert plan.counts() == {"update": 2}
    # A root's own resources count under the root's name.
    assert plan.by_module("update") == {"storage": 2}
    assert set(plan.drifted) == {
        "aws_ecr_repository.jobs",
        "aws_s3_bucket.data[0]",
        "aws_s3_bucket_server_side_encryption_configuration.data[0]",
        "aws_s3_bucket_versioning.data[0]",
    }


def test_an_apply_is_told_step_by_step_and_reading_data_is_none() -> None:
    event_log, steps = read("apply_replace")
    assert event_log.plan().counts() == {"replace": 1, "update": 2}
    assert not [step for step in steps if step.address.startswith("data.")]
    assert [(step.address, step.state, step.action) for step in steps] == [
        ("aws_ecr_repository.jobs", "begin", "delete"),
        ("aws_s3_bucket.data[0]", "begin", "update"),
        ("aws_ecr_repository.jobs", "done", "delete"),
        ("aws_ecr_repository.jobs", "begin", "create"),
        ("aws_ecr_repository.jobs", "done", "create"),
        ("aws_s3_bucket.data[0]", "done", "update"),
        ("aws_s3_bucket_versioning.data[0]", "begin", "update"),
        ("aws_s3_bucket_versioning.data[0]", "done", "update"),
    ]
    assert steps[-1].elapsed_seconds == 2
    assert event_log.errors == []


def test_a_failed_destroy_tells_what_went_and_why_the_rest_stayed() -> None:
    event_log, steps = read("destroy_error")
    assert event_log.finished == 5
    assert Counter(step.state for step in steps) == {"begin": 6, "done": 5, "failed": 1}
    assert steps[-1].address == "aws_s3_bucket.data[0]"
    (error,) = [error.sentence for error in event_log.errors]
    assert error.startswith("deleting S3 Bucket (opsctl-m2g-123456789012-us-east-1)")
    assert "BucketNotEmpty" in error
    assert "\n" not in error


def test_a_refusal_to_plan_is_one_sentence() -> None:
    event_log, _ = read("plan_destroy_error")
    (error,) = [error.sentence for error in event_log.errors]
    assert error.startswith("Instance cannot be destroyed Resource aws_s3_bucket.data[0] has lifecycle.prevent_destroy")
    assert "\n" not in error


def test_a_bad_variable_is_told_in_the_words_of_its_validation() -> None:
    event_log, _ = read("plan_invalid")
    message = "name must have 2 to 20 characters, only a-z, 0-9 and hyphens, and begin with a letter."
    assert [error.sentence for error in event_log.errors] == [f"Invalid value for variable {message}"]


def test_an_error_says_which_resource_it_is_about() -> None:
    event_log = EventLog()
    diagnostic = {
        "severity": "error",
        "summary": "creating ECR Repository",
        "detail": "not you\nmore",
        "address": "aws_ecr_repository.jobs",
    }
    event_log.read(event(type="diagnostic", diagnostic=diagnostic), root="storage")
    assert [error.sentence for error in event_log.errors] == [
        "creating ECR Repository (aws_ecr_repository.jobs) not you"
    ]


def event(**fields: object) -> str:
    return json.dumps({"@level": "info", **fields})


# https://developer.hashicorp.com/terraform/internals/machine-readable-ui: what the recorded lines do not show.
PROGRESS = event(
    type="apply_progress",
    hook={
        "resource": {"addr": 'module.batch.aws_batch_job_queue.model["csd"]'},
        "action": "create",
        "elapsed_seconds": 20,
    },
)
WARNING = event(type="diagnostic", diagnostic={"severity": "warning", "summary": "Deprecated", "detail": "x"})
NO_OP = event(type="planned_change", change={"resource": {"addr": "a.b", "resource_type": "a"}, "action": "noop"})
MOVED = event(type="planned_change", change={"resource": {"addr": "a.b", "resource_type": "a"}, "action": "move"})


def test_progress_is_a_step() -> None:
    step = EventLog().read(PROGRESS, root="platform")
    assert step == Step('module.batch.aws_batch_job_queue.model["csd"]', "progress", "create", 20)


@pytest.mark.parametrize(
    "line",
    ["", "╷", "│ Warning: Unable to open CLI configuration file", "null", "[1]", '"x"', "{}", '{"type": 1}', "{",
     event(type="log", message="x"), WARNING, NO_OP, MOVED],
)  # fmt: skip
def test_everything_else_is_passed_over(line: str) -> None:
    event_log = EventLog()
    assert event_log.read(line, root="storage") is None
    assert event_log == EventLog()


def test_several_roots_are_one_plan() -> None:
    storage, platform = (
        TerraformPlan((Change("a", "t", "storage", "create"),), ("d",)),
        TerraformPlan((Change("b", "t", "vpc", "delete"),)),
    )
    plan = merged([storage, platform])
    assert plan.counts() == {"create": 1, "delete": 1}
    assert plan.drifted == ("d",)
    assert merged([]) == TerraformPlan()
