"""Describe a platform's resources with boto3, service by service."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from support.local_aws import REGION, Aws

NAME = "tested"
PREFIX = f"opsctl-{NAME}"
ROLES = {kind: f"{PREFIX}-{REGION}-{kind}" for kind in ("service", "instance", "job")}
PLATFORM_TAG = [{"Name": "tag:opsctl:platform", "Values": [NAME]}]


def describe_bucket(aws: Aws, bucket: str) -> dict[str, Any]:
    s3 = aws.client("s3")
    operations = {
        "public_access": s3.get_public_access_block,
        "ownership": s3.get_bucket_ownership_controls,
        "encryption": s3.get_bucket_encryption,
        "policy": s3.get_bucket_policy,
        "versioning": s3.get_bucket_versioning,
        "lifecycle": s3.get_bucket_lifecycle_configuration,
        "tags": s3.get_bucket_tagging,
        "objects": s3.list_object_versions,
    }
    description: dict[str, Any] = {}
    for name, operation in operations.items():
        try:
            reply = operation(Bucket=bucket)
            description[name] = {key: value for key, value in reply.items() if key != "ResponseMetadata"}
        except ClientError as error:
            description[name] = error.response["Error"]["Code"]
    return description


def managed_policies(aws: Aws) -> dict[str, list[str]]:
    """Return the names of the policies attached to each role."""
    iam = aws.client("iam")
    return {
        kind: [policy["PolicyName"] for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]]
        for kind, role in ROLES.items()
    }


def describe_parameter(aws: Aws, name: str) -> dict[str, Any]:
    ssm = aws.client("ssm")
    (described,) = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])["Parameters"]
    return described | ssm.get_parameter(Name=name)["Parameter"]


def describe_platform(aws: Aws) -> dict[str, Any]:
    batch, ec2 = aws.client("batch"), aws.client("ec2")
    groups = ec2.describe_security_groups(Filters=PLATFORM_TAG)["SecurityGroups"]
    versions = ec2.describe_launch_template_versions(LaunchTemplateName=f"{PREFIX}-jobs")["LaunchTemplateVersions"]

    def model(name: str) -> str:
        return name.removeprefix(f"{PREFIX}-")[:3]

    return {
        "parameter": describe_parameter(aws, f"/opsctl/{NAME}/platform"),
        "environments": {
            model(environment["computeEnvironmentName"]): environment
            for environment in batch.describe_compute_environments()["computeEnvironments"]
        },
        "queues": {model(queue["jobQueueName"]): queue for queue in batch.describe_job_queues()["jobQueues"]},
        "definitions": {
            model(definition["jobDefinitionName"]): definition
            for definition in batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"]
        },
        "template": versions[-1],
        "security_group": next(group for group in groups if group["GroupName"].startswith(f"{PREFIX}-jobs-")),
        "subnets": ec2.describe_subnets(Filters=PLATFORM_TAG)["Subnets"],
        "endpoints": ec2.describe_vpc_endpoints(Filters=PLATFORM_TAG)["VpcEndpoints"],
        "managed_policies": managed_policies(aws),
        "log_groups": aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/opsctl/{NAME}")["logGroups"],
        "repository": aws.client("ecr").describe_repositories(repositoryNames=[PREFIX])["repositories"][0],
    }


def remaining_resources(aws: Aws) -> dict[str, list[str]]:
    """Return the names or ids of all remaining resources, by kind. Terraform's state is not enough for this."""
    batch, ec2, iam = aws.client("batch"), aws.client("ec2"), aws.client("iam")
    logs, ssm = aws.client("logs"), aws.client("ssm")
    endpoints = ec2.describe_vpc_endpoints(Filters=PLATFORM_TAG)["VpcEndpoints"]
    roles = iam.list_roles()["Roles"]

    def values(key: str, resources: list[dict[str, Any]]) -> list[str]:
        return [resource[key] for resource in resources]

    return {
        "environments": values("computeEnvironmentName", batch.describe_compute_environments()["computeEnvironments"]),
        "queues": values("jobQueueName", batch.describe_job_queues()["jobQueues"]),
        "definitions": values("jobDefinitionArn", batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"]),
        "templates": values("LaunchTemplateName", ec2.describe_launch_templates()["LaunchTemplates"]),
        "networks": values("VpcId", ec2.describe_vpcs(Filters=PLATFORM_TAG)["Vpcs"]),
        "subnets": values("SubnetId", ec2.describe_subnets(Filters=PLATFORM_TAG)["Subnets"]),
        "security_groups": values("GroupId", ec2.describe_security_groups(Filters=PLATFORM_TAG)["SecurityGroups"]),
        "gateways": values(
            "InternetGatewayId", ec2.describe_internet_gateways(Filters=PLATFORM_TAG)["InternetGateways"]
        ),
        "route_tables": values("RouteTableId", ec2.describe_route_tables(Filters=PLATFORM_TAG)["RouteTables"]),
        "endpoints": values("VpcEndpointId", [endpoint for endpoint in endpoints if endpoint["State"] != "deleted"]),
        "roles": values("RoleName", [role for role in roles if role["RoleName"].startswith(PREFIX)]),
        "profiles": values("InstanceProfileName", iam.list_instance_profiles()["InstanceProfiles"]),
        "log_groups": values("logGroupName", logs.describe_log_groups()["logGroups"]),
        "parameters": values("Name", ssm.describe_parameters()["Parameters"]),
    }
