"""The page for data officers says what the Terraform code, the policies and the program do."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from m2g_job.m2g import child_environment
from support.core_examples import run
from support.example_platform import platform
from support.repository import ROOT

from opsctl.core.platform.state_location import StateLocation
from opsctl.core.runs.submission import submissions_of, submit_request
from opsctl.home import Home
from opsctl.safe_folder import SHARED_MODE

PAGE = (ROOT / "docs" / "data-governance.md").read_text(encoding="utf-8")


def code(*places: str) -> str:
    """Terraform files without comments, each run of white space as one blank."""
    lines = "\n".join((ROOT / "terraform" / place).read_text(encoding="utf-8") for place in places).splitlines()
    return " ".join(" ".join(line for line in lines if not line.lstrip().startswith("#")).split())


def default(place: str, variable: str) -> str:
    """The default of a Terraform variable, as it is written."""
    match = re.search(rf'variable "{variable}" {{.*?default = (\S+)', code(place))
    assert match is not None
    return match[1]


def statements(policy: str, effect: str = "Allow") -> list[dict[str, Any]]:
    document = json.loads((ROOT / "docs" / "policies" / f"{policy}.json").read_text(encoding="utf-8"))
    return [statement for statement in document["Statement"] if statement["Effect"] == effect]


def as_list(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def resources_of(policy: str, action: str) -> list[str]:
    """What an action is allowed on."""
    return [
        resource
        for statement in statements(policy)
        if action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    ]


def services_of(policy: str) -> set[str]:
    return {action.partition(":")[0] for statement in statements(policy) for action in as_list(statement["Action"])}


def document_statement(place: str, sid: str) -> str:
    """A statement of a policy in a Terraform file, up to the next one."""
    return code(place).partition(f'"{sid}"')[2].partition("statement {")[0]


def only_selftests_data_is_deleted() -> bool:
    # Without `s3:DeleteObject` nobody can hide an object behind a delete marker either.
    assert resources_of("run", "s3:DeleteObject") == []
    deleted = resources_of("run", "s3:DeleteObjectVersion")
    return bool(deleted) and all("selftest" in resource for resource in deleted)


def a_job_writes_only_outputs_and_records() -> bool:
    job = code("modules/iam/job_role.tf")
    written = document_statement("modules/iam/job_role.tf", "WriteOutputs")
    assert re.findall(r'"\$\{local\.data_arn\}(\S+)"', written) == ["/*/derivatives/*", "/opsctl/*"]
    assert "Delete" not in job and "logs:" not in job
    return job.count("s3:PutObject") == 1 and 'for arn in local.readable_arn : "${arn}/*"' in job


def no_label_is_in_a_submission() -> bool:
    labelled = run(2, scans=("sub-secret/ses-1", "sub-secret/ses-2"))
    requests = [
        submit_request(submission, labelled, platform()) for submission in submissions_of(labelled, platform(), at="t")
    ]
    return bool(requests) and "secret" not in json.dumps(requests)


def mail_has_only_the_run_and_counts() -> bool:
    paths = set(re.findall(r'"\$\.detail\.([\w.]+)"', code("modules/notices/main.tf")))
    counts = {f"arrayProperties.{name}" for name in ("size", "statusSummary.SUCCEEDED", "statusSummary.FAILED")}
    return paths == {"parameters.part", "parameters.run", "jobName", "status", "statusReason", *counts}


def the_state_is_encrypted() -> bool:
    location = StateLocation(bucket="states", prefix="", region="us-east-1")
    return location.backend("m2g", "storage", path_style=False)["terraform"]["backend"]["s3"]["encrypt"] is True


def old_tls_is_refused() -> bool:
    bucket = code("storage/bucket.tf")
    return '"aws:SecureTransport" values = ["false"]' in bucket and '"s3:TlsVersion" values = ["1.2"]' in bucket


def results_follow_the_umask() -> bool:
    download = (ROOT / "opsctl" / "commands" / "results" / "download_folder.py").read_text(encoding="utf-8")
    return SHARED_MODE == 0o666 and "mode=SHARED_MODE" in download


@dataclass(frozen=True)
class Statement:
    """What the page says, and whether it is so."""

    words: str
    is_true: Callable[[], bool]


STATEMENTS = (
    Statement("EBS encryption", lambda: "encrypted = true" in code("modules/batch/launch_template.tf")),
    Statement(
        "AWS deletes the volume with it",
        lambda: "delete_on_termination = true" in code("modules/batch/launch_template.tf"),
    ),
    Statement("TLS 1.2 or newer; the bucket's policy refuses anything else", old_tls_is_refused),
    Statement(
        "| data bucket | SSE-S3, or your KMS key",
        lambda: 'var.kms_key_arn == null ? "AES256" : "aws:kms"' in code("storage/bucket.tf"),
    ),
    Statement(
        "| log group | AWS's key, or the same KMS key",
        lambda: "kms_key_id = var.kms_key_arn" in code("modules/batch/log_group.tf"),
    ),
    Statement(
        "| the topic of `up --notify-email` (SNS) | no key",
        lambda: "kms_master_key_id" not in code("modules/notices/main.tf"),
    ),
    Statement("on S3: SSE; on a machine", the_state_is_encrypted),
    Statement(
        "| logs | 30 days (`up --set log_retention_days=…`)",
        lambda: default("platform/variables.tf", "log_retention_days") == "30",
    ),
    Statement(
        "| parts of broken uploads | 7 days (`up --set unfinished_upload_days=…`)",
        lambda: default("storage/variables.tf", "unfinished_upload_days") == "7",
    ),
    Statement(
        "`up --set noncurrent_days=…`, without it for ever",
        lambda: default("storage/variables.tf", "noncurrent_days") == "null",
    ),
    Statement(
        'a person with the policy "run" | yes | yes | yes | no: earlier versions stay', only_selftests_data_is_deleted
    ),
    Statement(
        'a person with the policy "delete" as well | yes | yes | yes | yes',
        lambda: (
            resources_of("delete", "s3:DeleteObjectVersion") == ["arn:aws:s3:::DATA_BUCKET/*"]
            and "logs" not in services_of("delete")
            and "logs" in services_of("run")
        ),
    ),
    Statement(
        'a person with the policy "up" | as an administrator: can give themselves everything | yes',
        lambda: (
            resources_of("up", "s3:GetObject") == ["arn:aws:s3:::DATA_BUCKET/opsctl/*"]
            and bool(resources_of("up", "s3:PutBucketPolicy"))
        ),
    ),
    Statement(
        "cannot write raw data | reads and adds all; deletes none | none | no", a_job_writes_only_outputs_and_records
    ),
    Statement(
        "| an instance | no | no | writes only | no |",
        lambda: 'actions = ["s3:*"]' in document_statement("modules/iam/instance_role.tf", "DenyData"),
    ),
    Statement(
        "| other accounts, the internet | no | no | no | no |",
        lambda: all(
            f"{name} = true" in code("storage/bucket.tf")
            for name in ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
        ),
    ),
    Statement("a security group lets nothing in", lambda: "ingress = []" in code("modules/vpc/security_group.tf")),
    Statement("names, tags and parameters of jobs; queues, instances, log streams | no", no_label_is_in_a_submission),
    Statement("| messages (`--notify`, mail) | no | no | no: run and counts |", mail_has_only_the_run_and_counts),
    Statement("Files follow the umask of the person", results_follow_the_umask),
    Statement("Jobs switch this off (`CPAC_TRACKING=off`)", lambda: child_environment({})["CPAC_TRACKING"] == "off"),
    Statement(
        "The data bucket has no\naccess log of S3", lambda: "aws_s3_bucket_logging" not in code("storage/bucket.tf")
    ),
)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.words[:60])
def test_a_statement_is_on_the_page_and_true(statement: Statement) -> None:
    assert statement.words in PAGE
    assert statement.is_true()


def test_the_command_for_data_events_keeps_the_management_events() -> None:
    """The selectors that are put replace all that the trail had."""
    match = re.search(r"--advanced-event-selectors '(\[.*?\])'\n", PAGE, re.DOTALL)
    assert match is not None
    selectors = [{field["Field"]: field for field in selector["FieldSelectors"]} for selector in json.loads(match[1])]
    assert [selector["eventCategory"]["Equals"] for selector in selectors] == [["Management"], ["Data"]]
    assert selectors[1]["resources.ARN"]["StartsWith"] == ["arn:aws:s3:::DATA_BUCKET/"]


def test_the_folder_on_a_researchers_machine_is_private(tmp_path: Path) -> None:
    assert "Folders 0700, files 0600 |" in PAGE
    home = Home(tmp_path / "home")
    folder = home.make(home.platform_dir("m2g"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.touch(folder / "record.json").stat().st_mode) == 0o600
