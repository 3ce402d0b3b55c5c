"""Reads the job definitions that a platform's record names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from opsctl.aws.look import look
from opsctl.core.diagnosis.job_definition import JobDefinition
from opsctl.core.diagnosis.queue_snapshot import NotVisible

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient

    from opsctl.core.platform.platform import Platform


def read_definitions(client: BatchClient, platform: Platform) -> dict[str, JobDefinition | None]:
    """The job definition of each model; None where that revision no longer exists. One call, whose errors pass."""
    arns = {model: resources.job_definition for model, resources in sorted(platform.models.items())}
    reply = client.describe_job_definitions(jobDefinitions=list(arns.values()))
    definitions = {
        definition["jobDefinitionArn"]: JobDefinition(
            name=definition["jobDefinitionArn"].rpartition("/")[2],
            is_active=definition.get("status") == "ACTIVE",
            image=definition.get("containerProperties", {}).get("image"),
        )
        for definition in reply["jobDefinitions"]
    }
    return {model: definitions.get(arn) for model, arn in arns.items()}


def definitions_of(client: BatchClient, platform: Platform) -> Mapping[str, JobDefinition | None] | NotVisible:
    """The same, or why it could not be read."""
    return look("batch:DescribeJobDefinitions", lambda: read_definitions(client, platform))
