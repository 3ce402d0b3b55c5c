"""What AWS still shows of a platform, service by service.

Terraform's word is not enough: a lost reply or a kill leaves resources that its state does not know. The tagging API
does not see IAM and Batch, so each service is asked itself, by name prefix or tag.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.aws.clients import Clients
from opsctl.aws.errors import translated
from opsctl.core.platform import record_parameter, resource_prefix

_GONE = ("DELETED", "INACTIVE")
_TAG = "opsctl:platform"


class Inventory:
    """The resources of one account and region."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def of(self, name: str) -> Iterator[str]:
        """Every resource of the platform root that exists, in words; the storage root's are not among them."""
        prefix = f"{resource_prefix(name)}-"
        with translated("taking the inventory"):
            yield from self._batch(prefix)
            yield from self._network(name, prefix)
            # Roles belong to the account, so their names carry the region.
            yield from self._roles(f"{prefix}{self._clients.region}-")
            yield from self._logs_and_record(name)

    def _batch(self, prefix: str) -> Iterator[str]:
        client = self._clients.batch
        for queues in client.get_paginator("describe_job_queues").paginate():
            for queue in queues["jobQueues"]:
                named = queue["jobQueueName"]
                if _is_of(named, prefix, queue.get("tags")) and queue["status"] not in _GONE:
                    yield f"job queue {named}"
        for environments in client.get_paginator("describe_compute_environments").paginate():
            for environment in environments["computeEnvironments"]:
                named = environment["computeEnvironmentName"]
                if _is_of(named, prefix, environment.get("tags")) and environment["status"] not in _GONE:
                    yield f"compute environment {named}"
        for definitions in client.get_paginator("describe_job_definitions").paginate(status="ACTIVE"):
            for definition in definitions["jobDefinitions"]:
                if _is_of(definition["jobDefinitionName"], prefix, definition.get("tags")):
                    yield f"job definition {definition['jobDefinitionName']}:{definition['revision']}"

    def _network(self, name: str, prefix: str) -> Iterator[str]:
        client = self._clients.ec2
        tagged = [{"Name": f"tag:{_TAG}", "Values": [name]}]
        for vpcs in client.get_paginator("describe_vpcs").paginate(Filters=tagged):  # type: ignore[arg-type]
            for vpc in vpcs["Vpcs"]:
                yield f"VPC {vpc['VpcId']}"
        for templates in client.get_paginator("describe_launch_templates").paginate():
            for template in templates["LaunchTemplates"]:
                tags = {tag["Key"]: tag["Value"] for tag in template.get("Tags", ())}
                if _is_of(template["LaunchTemplateName"], prefix, tags):
                    yield f"launch template {template['LaunchTemplateName']}"
        running = [*tagged, {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
        for reservations in client.get_paginator("describe_instances").paginate(Filters=running):  # type: ignore[arg-type]
            for reservation in reservations["Reservations"]:
                for instance in reservation["Instances"]:
                    yield f"instance {instance['InstanceId']}"

    def _roles(self, prefix: str) -> Iterator[str]:
        client = self._clients.iam
        for roles in client.get_paginator("list_roles").paginate():
            for role in roles["Roles"]:
                if role["RoleName"].startswith(prefix):
                    yield f"role {role['RoleName']}"
        for profiles in client.get_paginator("list_instance_profiles").paginate():
            for profile in profiles["InstanceProfiles"]:
                if profile["InstanceProfileName"].startswith(prefix):
                    yield f"instance profile {profile['InstanceProfileName']}"

    def _logs_and_record(self, name: str) -> Iterator[str]:
        group = f"/opsctl/{name}"
        for groups in self._clients.logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=group):
            for found in groups["logGroups"]:
                if found["logGroupName"] == group:
                    yield f"log group {group}"
        parameter = record_parameter(name)
        if self._clients.ssm.get_parameters(Names=[parameter])["Parameters"]:
            yield f"parameter {parameter}"


def _is_of(named: str, prefix: str, tags: Mapping[str, str] | None) -> bool:
    """Whether a resource is the platform's: its name says so, and its tag, where it has one, does not say another's.

    The prefix of the platform `m2g` also begins the names of a platform `m2g-x`.
    """
    platform = prefix.removeprefix("opsctl-").removesuffix("-")
    return named.startswith(prefix) and (tags or {}).get(_TAG, platform) == platform
