"""The checks of a self-test: what each is called, and what to do where it failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class CheckText(NamedTuple):
    """What a check's id means to a person.

    Attributes
    ----------
    title
        Two or three words.
    remedy
        What to do where the check failed, or where it warns; empty where the row has a remedy of its own.
    """

    title: str
    remedy: str


_UP = "`opsctl up`, with the options it was made with, brings it back to what opsctl made."
_MAY_TOO_LITTLE = (
    "`opsctl up` gives the job role its policy again. If that changes nothing, another policy refuses it: the "
    "bucket's, the VPC endpoint's, a permissions boundary or the organization's."
)
_JOB_MAY_TOO_MUCH = "Look for a policy that was added to the job role, or to the bucket for it, and remove it. " + _UP
_INSTANCE_MAY_TOO_MUCH = "Look for a policy that was added to the instance role, and remove it. " + _UP
_IMAGE = "`opsctl image build` makes and tests an image that has it; `opsctl image push` brings it to the platform."

#: By the check's id; the runner (`container/m2g_job/selftest*.py`) has the same ids.
CHECKS: Mapping[str, CheckText] = {
    "job": CheckText("job", ""),
    "role": CheckText("job's role", "The job has other credentials than its role's. " + _UP),
    "s3_list": CheckText("list objects", _MAY_TOO_LITTLE),
    "s3_read": CheckText("read objects", _MAY_TOO_LITTLE),
    "s3_write": CheckText("write objects", _MAY_TOO_LITTLE),
    "s3_conditional_write": CheckText(
        "write once",
        "Without conditional writes two jobs of a scan may both publish. Does a proxy stand between the jobs and S3?",
    ),
    "raw_data": CheckText("raw data", _JOB_MAY_TOO_MUCH),
    "other_buckets": CheckText("other buckets", _JOB_MAY_TOO_MUCH),
    "s3_acl": CheckText("no ACLs", _JOB_MAY_TOO_MUCH),
    "s3_delete": CheckText("no deletion", _JOB_MAY_TOO_MUCH),
    "instance_ecs": CheckText("instance, ECS", _INSTANCE_MAY_TOO_MUCH),
    "instance_s3": CheckText("instance, S3", _INSTANCE_MAY_TOO_MUCH),
    "instance_ecr": CheckText("instance, ECR", _INSTANCE_MAY_TOO_MUCH),
    "m2g": CheckText("m2g", _IMAGE),
    "programs": CheckText("FSL and AFNI", _IMAGE),
    "atlases": CheckText("atlases", _IMAGE),
    "memory": CheckText("memory", "Was the job definition changed by hand? " + _UP),
    "vcpus": CheckText("vCPUs", "Was the compute environment changed by hand? " + _UP),
    "disk": CheckText("disk", "`opsctl up --set root_volume_gib=200` gives the instances a larger disk, for one."),
    "clock": CheckText(
        "clock",
        "Instances set their clock by 169.254.169.123 (Amazon Time Sync): does the AMI or a firewall forbid that?",
    ),
    "logs": CheckText(
        "log line",
        "`opsctl doctor` says whether the log group is there; `opsctl up` makes it and lets the instances write to it.",
    ),
}


def title_of(check: str) -> str:
    """A check's title; the id of a check that only a newer job runner has."""
    return CHECKS[check].title if check in CHECKS else check


def remedy_of(check: str) -> str:
    """What to do about a check that failed or warns; empty where nothing is known."""
    return CHECKS[check].remedy if check in CHECKS else ""
