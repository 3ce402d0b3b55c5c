"""What the local platform's API shows, asked by boto3 and not by opsctl's own inventory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from support.local_key import session_of

if TYPE_CHECKING:
    from conftest import Program


def resources(program: Program) -> list[str]:
    """The names of everything of a platform root that exists, service by service."""
    record = json.loads((program.home / "platforms" / "local" / "record.json").read_text())

    def client(service: str):
        return session_of(program.home).client(service, endpoint_url=record["endpoint_url"])

    batch, ec2, iam, logs, ssm = (client(service) for service in ("batch", "ec2", "iam", "logs", "ssm"))
    names = [queue["jobQueueName"] for queue in batch.describe_job_queues()["jobQueues"]]
    names += [one["computeEnvironmentName"] for one in batch.describe_compute_environments()["computeEnvironments"]]
    names += [one["jobDefinitionName"] for one in batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"]]
    names += [one["LaunchTemplateName"] for one in ec2.describe_launch_templates()["LaunchTemplates"]]
    for reply, key in (
        (ec2.describe_vpcs(), "Vpcs"),
        (ec2.describe_subnets(), "Subnets"),
        (ec2.describe_security_groups(), "SecurityGroups"),
        (ec2.describe_internet_gateways(), "InternetGateways"),
        (ec2.describe_route_tables(), "RouteTables"),
        (ec2.describe_vpc_endpoints(), "VpcEndpoints"),
    ):
        # EC2 goes on describing a deleted endpoint for a while.
        there = [one for one in reply[key] if str(one.get("State", "")).lower() != "deleted"]
        names += [tag["Value"] for one in there for tag in one.get("Tags", ()) if tag["Key"] == "Name"]
    names += [one["RoleName"] for one in iam.list_roles()["Roles"]]
    names += [one["InstanceProfileName"] for one in iam.list_instance_profiles()["InstanceProfiles"]]
    names += [one["logGroupName"] for one in logs.describe_log_groups()["logGroups"]]
    names += [one["Name"] for one in ssm.describe_parameters()["Parameters"]]
    return names
