"""Create platforms without Terraform, and count them by code that is independent of opsctl's inventory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.local_key import session_of

REGION = "us-east-1"
TAG = "opsctl:platform"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}
)
SUFFIX = "20261122120000000000000001"

ClientOf = Callable[[str], Any]


def client_of(home: Path, endpoint_url: str) -> ClientOf:
    """Clients of a local platform, each made once."""
    session = session_of(home, region=REGION)
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = session.client(service, endpoint_url=endpoint_url)
        return clients[service]

    return client


def make(client: ClientOf, name: str, *, tagged: bool = True) -> dict[str, str]:
    """Create a resource of each kind without Terraform; returns the ids that tests need."""
    prefix, tags = f"opsctl-{name}", {TAG: name} if tagged else {}
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    ec2, batch, iam = client("ec2"), client("batch"), client("iam")

    def spec(kind: str) -> dict[str, Any]:
        return {"TagSpecifications": [{"ResourceType": kind, "Tags": listed}]} if tagged else {}

    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", **spec("vpc"))["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/20", **spec("subnet"))["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway(**spec("internet-gateway"))["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc, **spec("route-table"))["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    group = ec2.create_security_group(
        GroupName=f"{prefix}-jobs-1", Description="d", VpcId=vpc, **spec("security-group")
    )["GroupId"]
    ec2.create_vpc_endpoint(
        VpcId=vpc,
        VpcEndpointType="Gateway",
        ServiceName=f"com.amazonaws.{REGION}.s3",
        RouteTableIds=[table],
        **spec("vpc-endpoint"),
    )
    template = ec2.create_launch_template(
        LaunchTemplateName=f"{prefix}-jobs", LaunchTemplateData={"InstanceType": "r5.large"}, **spec("launch-template")
    )["LaunchTemplate"]["LaunchTemplateId"]
    for role in ("service", "instance", "job"):
        iam.create_role(RoleName=f"{prefix}-{REGION}-{role}", AssumeRolePolicyDocument=TRUST, Tags=listed)
    service = iam.get_role(RoleName=f"{prefix}-{REGION}-service")["Role"]["Arn"]
    managed = "arn:aws:iam::aws:policy/service-role"
    iam.attach_role_policy(RoleName=f"{prefix}-{REGION}-service", PolicyArn=f"{managed}/AWSBatchServiceRole")
    iam.put_role_policy(RoleName=f"{prefix}-{REGION}-job", PolicyName="data", PolicyDocument=POLICY)
    profile = iam.create_instance_profile(InstanceProfileName=f"{prefix}-{REGION}-instance", Tags=listed)
    iam.add_role_to_instance_profile(
        InstanceProfileName=f"{prefix}-{REGION}-instance", RoleName=f"{prefix}-{REGION}-instance"
    )
    environment = batch.create_compute_environment(
        computeEnvironmentName=f"{prefix}-csd-{SUFFIX}",
        type="MANAGED",
        state="ENABLED",
        serviceRole=service,
        computeResources={
            "type": "EC2",
            "minvCpus": 0,
            "maxvCpus": 2,
            "instanceTypes": ["r5.large"],
            "instanceRole": profile["InstanceProfile"]["Arn"],
            "subnets": [subnet],
            "securityGroupIds": [group],
            "launchTemplate": {"launchTemplateId": template, "version": "1"},
        },
        tags=tags,
    )["computeEnvironmentArn"]
    queue = batch.create_job_queue(
        jobQueueName=f"{prefix}-csd",
        state="ENABLED",
        priority=1,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": environment}],
        tags=tags,
    )["jobQueueArn"]
    for _ in range(2):
        batch.register_job_definition(
            jobDefinitionName=f"{prefix}-csd",
            type="container",
            containerProperties={
                "image": "i",
                "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "128"}],
                "command": ["sleep", "600"],
            },
            tags=tags,
        )
    client("logs").create_log_group(logGroupName=f"/opsctl/{name}")
    client("ssm").put_parameter(Name=f"/opsctl/{name}/platform", Value="{}", Type="String")
    return {
        "vpc": vpc,
        "subnet": subnet,
        "environment": environment,
        "queue": queue,
        "service": service,
        "group": group,
    }


def remaining_resources(client: ClientOf, name: str) -> list[str]:
    """The names of a platform's resources, without a VPC's default security group and route table."""
    batch, ec2, iam = client("batch"), client("ec2"), client("iam")
    names = [resource["jobQueueName"] for resource in batch.describe_job_queues()["jobQueues"]]
    names += [
        resource["computeEnvironmentName"] for resource in batch.describe_compute_environments()["computeEnvironments"]
    ]
    names += [
        resource["jobDefinitionName"] for resource in batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"]
    ]
    names += [resource["LaunchTemplateName"] for resource in ec2.describe_launch_templates()["LaunchTemplates"]]
    names = [
        resource for resource in names if re.fullmatch(rf"opsctl-{name}-(csd|csa|jobs)(-on-demand)?(-\d+)?", resource)
    ]
    roles = [resource["RoleName"] for page in iam.get_paginator("list_roles").paginate() for resource in page["Roles"]]
    roles += [resource["InstanceProfileName"] for resource in iam.list_instance_profiles()["InstanceProfiles"]]
    names += [
        resource for resource in roles if re.fullmatch(rf"opsctl-{name}-{REGION}-(service|instance|job)", resource)
    ]
    for reply, key, id_key in (
        (ec2.describe_vpcs(), "Vpcs", "VpcId"),
        (ec2.describe_subnets(), "Subnets", "SubnetId"),
        (ec2.describe_internet_gateways(), "InternetGateways", "InternetGatewayId"),
        (ec2.describe_route_tables(), "RouteTables", "RouteTableId"),
        (ec2.describe_security_groups(), "SecurityGroups", "GroupId"),
        (ec2.describe_vpc_endpoints(), "VpcEndpoints", "VpcEndpointId"),
    ):
        for resource in reply[key]:
            tags = {tag["Key"]: tag["Value"] for tag in resource.get("Tags", ())}
            if tags.get(TAG) == name and str(resource.get("State", "")).lower() != "deleted":
                names.append(f"{tags.get('Name', '')} {resource[id_key]}".strip())
    groups = client("logs").describe_log_groups()["logGroups"]
    names += [resource["logGroupName"] for resource in groups if resource["logGroupName"] == f"/opsctl/{name}"]
    parameters = client("ssm").describe_parameters()["Parameters"]
    names += [resource["Name"] for resource in parameters if resource["Name"].startswith(f"/opsctl/{name}/")]
    return sorted(names)
