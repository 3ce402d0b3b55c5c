"""A job definition: the role, memory and processors that its jobs get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.aws.errors import translated
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.selftest.submission import Registration

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient


def read_registration(client: BatchClient, job_definition: str) -> Registration:
    """Read what a job definition gives its jobs.

    Parameters
    ----------
    job_definition
        Its ARN with the revision.

    Raises
    ------
    Problem
        Where Batch refuses, or the revision is gone or inactive.
    """
    with translated("reading the job definition"):
        reply = client.describe_job_definitions(jobDefinitions=[job_definition])
    definition = next(iter(reply["jobDefinitions"]), None)
    if definition is None or definition.get("status", "ACTIVE") != "ACTIVE":
        name = job_definition.rpartition("/")[2]
        raise Problem(
            f"The job definition {name} is not there any more, or is inactive.",
            "`opsctl up`, with the options it was made with, registers it anew.",
            code=ErrorCode.AWS_NOT_FOUND,
        )
    container = definition.get("containerProperties", {})
    needs = {need["type"]: need["value"] for need in container.get("resourceRequirements", ())}
    return Registration(
        role_arn=container.get("jobRoleArn", ""),
        memory_mib=int(needs.get("MEMORY", 0)),
        vcpus=int(float(needs.get("VCPU", 0))),
    )
