"""What AWS describes of a platform, asked service by service with boto3."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from support.local_aws import REGION, Aws

NAME = "tested"
PREFIX = f"opsctl-{NAME}"
ROLES = {kind: f"{PREFIX}-{REGION}-{kind}" for kind in ("service", "instance", "job")}
OURS = [{"Name": "tag:opsctl:platform", "Values": [NAME]}]


def describe_bucket(aws: Aws, bucket: str) -> dict[str, Any]:
    s3 = aws.client("s3")
    questions = {
        "public_access": s3.get_public_access_block,
        "ownership": s3.get_bucket_ownership_controls,
        "encryption": s3.get_bucket_encryption,
        "policy": s3.get_bucket_policy,
        "versioning": s3.get_bucket_versioning,
        "lifecycle": s3.get_bucket_lifecycle_configuration,
        "tags": s3.get_bucket_tagging,
        "objects": s3.list_object_versions,
    }
    answers: dict[str, Any] = {}
    for name, ask in questions.items():
        try:
            answers[name] = {key: value for key, value in ask(Bucket=bucket).items() if key != "ResponseMetadata"}
        except ClientError as error:
            answers[name] = error.response["Error"]["Code"]
    return answers


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
    groups = ec2.describe_security_groups(Filters=OURS)["SecurityGroups"]
    versions = ec2.describe_launch_template_versions(LaunchTemplateName=f"{PREFIX}-jobs")["LaunchTemplateVersions"]

    def model(name: str) -> str:
        return name.removeprefix(f"{PREFIX}-")[:3]

    return {
        "parameter": describe_parameter(aws, f"/opsctl/{NAME}/platform"),
        "environments": {
            model(found["computeEnvironmentName"]): found
            for found in batch.describe_compute_environments()["computeEnvironments"]
        },
        "queues": {model(found["jobQueueName"]): found for found in batch.describe_job_queues()["jobQueues"]},
        "definitions": {
            model(found["jobDefinitionName"]): found
            for found in batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"]
        },
        "template": versions[-1],
        "security_group": next(group for group in groups if group["GroupName"].startswith(f"{PREFIX}-jobs-")),
        "subnets": ec2.describe_subnets(Filters=OURS)["Subnets"],
        "endpoints": ec2.describe_vpc_endpoints(Filters=OURS)["VpcEndpoints"],
        "managed_policies": managed_policies(aws),
        "log_groups": aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/opsctl/{NAME}")["logGroups"],
        "repository": aws.client("ecr").describe_repositories(repositoryNames=[PREFIX])["repositories"][0],
    }


def what_is_left(aws: Aws) -> dict[str, list[str]]:
    """Ask service by service: `destroy` only knows what is in its state."""
    batch, ec2, iam = aws.client("batch"), aws.client("ec2"), aws.client("iam")
    endpoints = ec2.describe_vpc_endpoints(Filters=OURS)["VpcEndpoints"]
    return {
        "environments": [
            found["computeEnvironmentName"] for found in batch.describe_compute_environments()["computeEnvironments"]
        ],
        "queues": [found["jobQueueName"] for found in batch.describe_job_queues()["jobQueues"]],
        "definitions": [
            found["jobDefinitionArn"] for found in batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"]
        ],
        "templates": [found["LaunchTemplateName"] for found in ec2.describe_launch_templates()["LaunchTemplates"]],
        "networks": [found["VpcId"] for found in ec2.describe_vpcs(Filters=OURS)["Vpcs"]],
        "subnets": [found["SubnetId"] for found in ec2.describe_subnets(Filters=OURS)["Subnets"]],
        "security_groups": [found["GroupId"] for found in ec2.describe_security_groups(Filters=OURS)["SecurityGroups"]],
        "gateways": [
            found["InternetGatewayId"] for found in ec2.describe_internet_gateways(Filters=OURS)["InternetGateways"]
        ],
        "route_tables": [found["RouteTableId"] for found in ec2.describe_route_tables(Filters=OURS)["RouteTables"]],
        "endpoints": [found["VpcEndpointId"] for found in endpoints if found["State"] != "deleted"],
        "roles": [found["RoleName"] for found in iam.list_roles()["Roles"] if found["RoleName"].startswith(PREFIX)],
        "profiles": [found["InstanceProfileName"] for found in iam.list_instance_profiles()["InstanceProfiles"]],
        "log_groups": [found["logGroupName"] for found in aws.client("logs").describe_log_groups()["logGroups"]],
        "parameters": [found["Name"] for found in aws.client("ssm").describe_parameters()["Parameters"]],
    }
