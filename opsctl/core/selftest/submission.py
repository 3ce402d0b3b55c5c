"""The jobs of a self-test: where they write, what they are told, and the requests that submit them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opsctl.core.location import SELFTEST_PREFIX, Location, parse_uri
from opsctl.core.platform.platform import Platform
from opsctl.core.record import SCHEMA_VERSION

#: Batch ends an attempt after this time: `m2g --help` takes seconds, and every request has a limit of its own.
ATTEMPT_TIMEOUT_SECONDS = 900
#: No raw data is there, and no policy of opsctl's lets a job write there.
_RAW_PREFIX = "opsctl-selftest-raw"


@dataclass(frozen=True)
class Registration:
    """What a job definition gives its jobs.

    Attributes
    ----------
    role_arn
        The ARN of the job role; empty where it is not visible.
    """

    role_arn: str
    memory_mib: int
    vcpus: int


@dataclass(frozen=True)
class JobRequirements:
    """What a model's job needs of its queue, to explain why it waits."""

    resources: str
    image: str
    memory_mib: int | None = None
    vcpus: int | None = None


def selftest_location(selftest_id: str, *, data_bucket: str) -> Location:
    """The folder of a self-test."""
    return Location(data_bucket, f"{SELFTEST_PREFIX}{selftest_id}")


def job_location(selftest_id: str, model: str, *, data_bucket: str) -> Location:
    """The folder of one model's job."""
    return Location(data_bucket, f"{SELFTEST_PREFIX}{selftest_id}/{model}")


def raw_key(selftest_id: str) -> str:
    """The key of an object that no job may write."""
    return f"{_RAW_PREFIX}/{selftest_id}/sub-selftest/dwi/sub-selftest_dwi.txt"


def log_text(selftest_id: str, model: str) -> str:
    """What the job's first log line contains."""
    return f"selftest {selftest_id} {model}"


def input_document(selftest_id: str, *, atlas_files: Sequence[str]) -> dict[str, Any]:
    """The content of `input.json`, which the job reads.

    Parameters
    ----------
    atlas_files
        The names of neuroparc's files that the image must have.
    """
    return {"schema_version": SCHEMA_VERSION, "selftest_id": selftest_id, "atlases": list(atlas_files)}


def submit_request(selftest_id: str, model: str, platform: Platform, registration: Registration) -> dict[str, Any]:
    """The parameters of SubmitJob: the scans' own queue and definition, with other variables."""
    resources = platform.models[model]
    folder = job_location(selftest_id, model, data_bucket=platform.data_bucket)
    variables = {
        "URI": folder.uri,
        "ROLE": registration.role_arn,
        "RAW_URI": f"s3://{platform.data_bucket}/{raw_key(selftest_id)}",
        "OTHER_BUCKET": _other_bucket(platform),
        "REPOSITORY": platform.repository_url,
        "IMAGE": platform.image,
        "MEMORY_MIB": str(registration.memory_mib),
        "VCPUS": str(registration.vcpus),
        "DISK_GIB": str(platform.root_volume_gib),
    }
    return {
        "jobName": f"opsctl-{selftest_id}-{model}",
        "jobQueue": resources.job_queue,
        "jobDefinition": resources.job_definition,
        "containerOverrides": {
            "environment": [
                {"name": f"OPSCTL_SELFTEST_{name}", "value": value} for name, value in variables.items() if value
            ]
        },
        "timeout": {"attemptDurationSeconds": ATTEMPT_TIMEOUT_SECONDS},
        # The only tag that docs/policies permit.
        "tags": {"opsctl:run": selftest_id},
    }


def _other_bucket(platform: Platform) -> str:
    """A bucket of the lab that no job may read: that of Terraform's state; empty where the state is not on S3."""
    state = platform.options.get("state") or ""
    if not str(state).startswith("s3://"):
        return ""
    bucket = parse_uri(state).bucket
    return "" if bucket in platform.readable_buckets else bucket
