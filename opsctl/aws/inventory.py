"""What AWS still shows of a platform, service by service.

Terraform's word is not enough: a lost reply or a kill leaves resources that its state does not know. The tagging API
does not see IAM and Batch, so each service is asked itself, by name prefix or tag.
"""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.aws.clients import Clients
from opsctl.aws.errors import translated
from opsctl.core.platform import record_parameter, resource_prefix

_GONE = ("DELETED", "INACTIVE")


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
            yield from self._roles(prefix)
            yield from self._logs_and_record(name)

    def _batch(self, prefix: str) -> Iterator[str]:
        client = self._clients.batch
        for queues in client.get_paginator("describe_job_queues").paginate():
            for queue in queues["jobQueues"]:
                if queue["jobQueueName"].startswith(prefix) and queue["status"] not in _GONE:
                    yield f"job queue {queue['jobQueueName']}"
        for environments in client.get_paginator("describe_compute_environments").paginate():
            for environment in environments["computeEnvironments"]:
                named = environment["computeEnvironmentName"]
                if named.startswith(prefix) and environment["status"] not in _GONE:
                    yield f"compute environment {named}"
        for definitions in client.get_paginator("describe_job_definitions").paginate(status="ACTIVE"):
            for definition in definitions["jobDefinitions"]:
                if definition["jobDefinitionName"].startswith(prefix):
                    yield f"job definition {definition['jobDefinitionName']}:{definition['revision']}"

    def _network(self, name: str, prefix: str) -> Iterator[str]:
        client = self._clients.ec2
        tagged = [{"Name": "tag:opsctl:platform", "Values": [name]}]
        for vpcs in client.get_paginator("describe_vpcs").paginate(Filters=tagged):  # type: ignore[arg-type]
            for vpc in vpcs["Vpcs"]:
                yield f"VPC {vpc['VpcId']}"
        for templates in client.get_paginator("describe_launch_templates").paginate():
            for template in templates["LaunchTemplates"]:
                if template["LaunchTemplateName"].startswith(prefix):
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
