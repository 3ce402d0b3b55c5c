"""The rules of `up --notify-email`, as the real provider plans them, against the events in AWS's documentation."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass
from typing import Any

import pytest
from support.printed_commands import ensure_readable
from support.real_terraform import Terraform

NEEDS_AWS = True

ACCOUNT, REGION = "123456789012", "us-east-1"
QUEUE = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/opsctl-m2g-csd"
OTHER_QUEUE = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/somebody-elses"
RUN = "HNU1-20261122-120000-ab12"
JOB = "4c7599ae-0a82-49aa-ba5a-4727fcce14a8"

_CONFIGURATION = f"""
module "notices" {{
  source         = "../modules/notices"
  prefix         = "opsctl-m2g"
  platform       = "m2g"
  emails         = ["someone@lab.org", "other@lab.org"]
  job_queue_arns = ["{QUEUE}", "{QUEUE.replace("csd", "csa")}"]
}}
"""

#: https://docs.aws.amazon.com/batch/latest/userguide/batch_job_events.html, whose detail "resembles the JobDetail
#: object"; the parent of an array and its children as DescribeJobs shows them (API_ArrayPropertiesDetail.html).
SINGLE: dict[str, Any] = {
    "version": "0",
    "id": "c8f9c4b5-76e5-d76a-f980-7011e206042b",
    "detail-type": "Batch Job State Change",
    "source": "aws.batch",
    "account": ACCOUNT,
    "time": "2022-01-11T23:36:40Z",
    "region": REGION,
    "resources": [f"arn:aws:batch:{REGION}:{ACCOUNT}:job/{JOB}"],
    "detail": {
        "jobArn": f"arn:aws:batch:{REGION}:{ACCOUNT}:job/{JOB}",
        "jobName": f"{RUN}-00",
        "jobId": JOB,
        "jobQueue": QUEUE,
        "status": "SUCCEEDED",
        "attempts": [],
        "createdAt": 1641944200058,
        "retryStrategy": {"attempts": 2, "evaluateOnExit": []},
        "dependsOn": [],
        "jobDefinition": f"arn:aws:batch:{REGION}:{ACCOUNT}:job-definition/opsctl-m2g-csd:1",
        "parameters": {"run": RUN, "part": "1 of 1"},
        "container": {"image": "m2g:1", "command": ["sub-0025427"], "environment": [], "exitCode": 0},
        "tags": {"resourceArn": f"arn:aws:batch:{REGION}:{ACCOUNT}:job/{JOB}"},
        "propagateTags": False,
        "platformCapabilities": [],
    },
}
SUMMARY = {"SUCCEEDED": 28, "FAILED": 2, "RUNNING": 0, "RUNNABLE": 0, "PENDING": 0, "STARTING": 0, "SUBMITTED": 0}


def event(**detail: Any) -> dict[str, Any]:
    changed = copy.deepcopy(SINGLE)
    changed["detail"] |= detail
    return changed


ARRAY = {"arrayProperties": {"size": 30, "statusSummary": SUMMARY}, "status": "FAILED"}
CHILD = {"arrayProperties": {"index": 3}, "jobId": f"{JOB}:3"}
#: https://docs.aws.amazon.com/batch/latest/userguide/batch-job-queue-blocked-events.html
BLOCKED = event(
    status="RUNNABLE",
    statusReason="MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - too large",
    arrayProperties={"size": 30, "statusSummary": SUMMARY},
) | {"detail-type": "Batch Job Queue Blocked"}


@dataclass(frozen=True)
class Rules:
    """The planned rules: pattern, paths and template of each."""

    by_name: dict[str, tuple[Any, dict[str, str], str]]

    def matching(self, happened: dict[str, Any]) -> list[str]:
        return [name for name, (pattern, _, _) in self.by_name.items() if pattern.matches_event(happened)]

    def mail(self, name: str, happened: dict[str, Any]) -> str:
        """What EventBridge makes of a template: `<name>` is what its path leads to, nothing where it leads nowhere."""
        _, paths, template = self.by_name[name]

        def value(match: re.Match[str]) -> str:
            found: Any = happened
            for step in paths[match[1]].removeprefix("$.").split("."):
                found = found.get(step, {}) if isinstance(found, dict) else {}
            return "" if found == {} else str(found)

        lines = [re.sub(r"<(\w+)>", value, line) for line in template.split("\n")]
        assert all(line.startswith('"') and line.endswith('"') for line in lines)
        return "\n".join(line[1:-1] for line in lines)


@pytest.fixture(scope="module")
def planned(terraform: Terraform) -> list[dict[str, Any]]:
    root = terraform.tree / "rules"
    root.mkdir()
    (root / "main.tf").write_text(_CONFIGURATION)
    terraform.init("rules")
    terraform.run("rules", "plan", "-input=false", "-lock=false", "-out=plan")
    plan = json.loads(terraform.run("rules", "show", "-json", "plan").stdout)
    (module,) = plan["planned_values"]["root_module"]["child_modules"]
    return module["resources"]


@pytest.fixture(scope="module")
def rules(planned: list[dict[str, Any]]) -> Rules:
    from moto.events.models import EventPattern

    patterns = {r["index"]: r["values"]["event_pattern"] for r in planned if r["type"] == "aws_cloudwatch_event_rule"}
    targets = {r["index"]: r["values"] for r in planned if r["type"] == "aws_cloudwatch_event_target"}
    return Rules(
        {
            name: (
                EventPattern.load(pattern),
                targets[name]["input_transformer"][0]["input_paths"],
                targets[name]["input_transformer"][0]["input_template"],
            )
            for name, pattern in patterns.items()
        }
    )


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        (SINGLE, ["jobs"]),
        (event(status="FAILED"), ["jobs"]),
        (event(status="FAILED", arrayProperties={}), ["jobs"]),
        (event(**ARRAY), ["arrays"]),
        (event(**ARRAY | {"status": "SUCCEEDED"}), ["arrays"]),
        (BLOCKED, ["blocked"]),
        # No mail: each of an array's scans, jobs that go on, and jobs and queues that are not the platform's.
        (event(**CHILD), []),
        (event(**CHILD, status="FAILED"), []),
        (event(arrayProperties={"index": 3, "size": 30, "statusSummary": {}}), []),
        (event(status="RUNNING"), []),
        (event(**ARRAY | {"status": "PENDING"}), []),
        (event(jobQueue=OTHER_QUEUE), []),
        (event(**ARRAY, jobQueue=OTHER_QUEUE), []),
        (BLOCKED | {"detail": BLOCKED["detail"] | {"jobQueue": OTHER_QUEUE}}, []),
        (SINGLE | {"source": "lab.batch"}, []),
    ],
)
def test_an_event_causes_one_mail_or_none(rules: Rules, happened: dict[str, Any], expected: list[str]) -> None:
    assert rules.matching(happened) == expected


def test_a_mail_says_which_job_and_how_many_scans(rules: Rules) -> None:
    mail = rules.mail("arrays", event(**ARRAY, parameters={"run": RUN, "part": "2 of 3"}))
    assert mail.startswith(f"opsctl: job 2 of 3 of the run {RUN} on the platform m2g has ended: FAILED.")
    assert "Scans in it: 30. Succeeded: 28. Failed: 2." in mail


@pytest.mark.parametrize(("name", "happened"), [("arrays", event(**ARRAY)), ("jobs", SINGLE), ("blocked", BLOCKED)])
def test_a_mail_names_no_subject_and_its_commands_are_read(rules: Rules, name: str, happened: dict[str, Any]) -> None:
    mail = rules.mail(name, happened)
    commands = re.findall(r"opsctl (?:status|why) .*", mail)
    assert commands
    assert "sub-" not in mail
    assert "<" not in mail
    ensure_readable("\n".join(f"`{command}`" for command in commands))


def test_only_eventbridge_may_publish_and_no_condition_would_stop_it(planned: list[dict[str, Any]]) -> None:
    # "You can't use Condition blocks in Amazon SNS topic policies for EventBridge": eb-use-resource-based.html.
    (topic,) = [r for r in planned if r["type"] == "aws_sns_topic"]
    emails = {r["values"]["endpoint"]: r["values"]["protocol"] for r in planned if r["type"].endswith("subscription")}
    assert topic["values"]["name"] == "opsctl-m2g-notices"
    assert not topic["values"]["kms_master_key_id"]
    assert emails == {"someone@lab.org": "email", "other@lab.org": "email"}
