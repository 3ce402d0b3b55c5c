"""The permissions that a call of AWS's API needs: an action may differ from the operation, and a call may need several.

Sources: the Service Authorization Reference; for what a call implies (tags, passed roles) each operation's reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from support.iam_evaluator import Request

#: These need no permission.
_ALWAYS_ALLOWED = {"sts:GetCallerIdentity"}

_S3 = {
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "HeadObject": "GetObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
_EC2_KINDS = {
    "vpc": "vpc",
    "subnet": "subnet",
    "igw": "internet-gateway",
    "rtb": "route-table",
    "rtbassoc": "route-table",
    "sg": "security-group",
    "vpce": "vpc-endpoint",
    "lt": "launch-template",
    "i": "instance",
    "vol": "volume",
}
#: Parameters that only refer to a resource, by operation.
_EC2_REFERENCES = {"CreateRoute": ("GatewayId",)}
_BATCH = {
    "computeEnvironment": "compute-environment",
    "computeEnvironmentName": "compute-environment",
    "jobQueue": "job-queue",
    "jobQueueName": "job-queue",
    "jobDefinition": "job-definition",
    "jobDefinitionName": "job-definition",
    "jobId": "job",
}
_IAM_LISTS = ("ListRoles", "ListInstanceProfiles")

Call = dict[str, Any]


def requests_of(call: Call, *, account: str, region: str, platform: str) -> Iterator[Request]:
    """Yield the requests that IAM must allow for a recorded call.

    Parameters
    ----------
    platform
        The platform whose tag EC2's resources are assumed to have: the recording contains only their ids.
    """
    service, operation, parameters = call["service"], call["operation"], call["parameters"]
    context = {"aws:RequestedRegion": call["region"], "aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
    arn = f"arn:aws:{service}:{region}:{account}"
    if f"{service}:{operation}" in _ALWAYS_ALLOWED:
        return
    needs = _BY_SERVICE[service](operation, parameters, arn, f"arn:aws:iam::{account}", platform)
    for action, resource, more_context in needs:
        yield Request(action, resource, {**context, **more_context})


#: Action, resource and further context of each permission that a call needs.
Needs = Iterator[tuple[str, str, dict[str, str]]]


def _s3(operation: str, parameters: Call, _arn: str, _iam_arn: str, _platform: str) -> Needs:
    bucket = f"arn:aws:s3:::{parameters['Bucket']}"
    if operation == "DeleteObjects":
        for entry in parameters.get("Delete", ()):
            yield f"s3:DeleteObject{'Version' if 'VersionId' in entry else ''}", f"{bucket}/{entry['Key']}", {}
        return
    action = _S3.get(operation, operation)
    if "versionId" in parameters and action in ("GetObject", "DeleteObject"):
        action += "Version"
    resource = f"{bucket}/{parameters['Key']}" if "Key" in parameters else bucket
    yield f"s3:{action}", resource, {"s3:prefix": parameters["prefix"]} if "prefix" in parameters else {}


def _batch(operation: str, parameters: Call, arn: str, iam_arn: str, _platform: str) -> Needs:
    names = {kind: parameters[name] for name, kind in _BATCH.items() if isinstance(parameters.get(name), str)}
    if operation.startswith(("Describe", "List")):
        yield f"batch:{operation}", "*", {}
        return
    if operation == "TerminateJobs":
        # It has no action of its own: AWS asks for TerminateJob on each job.
        for job_id in parameters.get("jobs", ()):
            yield "batch:TerminateJob", f"{arn}:job/{job_id}", {}
        return
    if operation == "SubmitJob":
        names["job"] = "new"
    resources = [name if name.startswith("arn:") else f"{arn}:{kind}/{name}" for kind, name in names.items()]
    resources += [order["computeEnvironment"] for order in parameters.get("computeEnvironmentOrder", ())]
    for resource in resources:
        yield f"batch:{operation}", resource, {}
    if parameters.get("tags"):
        tagged = {"SubmitJob": f"{arn}:job/new", "RegisterJobDefinition": f"{resources[0]}:1"}
        yield "batch:TagResource", tagged.get(operation, resources[0]), {"aws:TagKeys": list(parameters["tags"])}
    passed = {
        "batch.amazonaws.com": parameters.get("serviceRole"),
        "ec2.amazonaws.com": parameters.get("computeResources", {}).get("instanceRole"),
        "ecs-tasks.amazonaws.com": parameters.get("containerProperties", {}).get("jobRoleArn"),
    }
    for service, role in passed.items():
        if role:
            yield "iam:PassRole", f"{iam_arn}:role/{role.rpartition('/')[2]}", {"iam:PassedToService": service}


def _ec2(operation: str, parameters: Call, arn: str, _iam_arn: str, platform: str) -> Needs:
    if operation.startswith("Describe") and operation != "DescribeVpcAttribute":
        yield f"ec2:{operation}", "*", {}
        return
    created = parameters.get("TagSpecification.1.ResourceType")
    tags = {
        f"aws:RequestTag/{value}": parameters[name.replace("Key", "Value")]
        for name, value in parameters.items()
        if re.fullmatch(r"(TagSpecification\.1\.)?Tag\.\d+\.Key", name)
    }
    if created:
        yield f"ec2:{operation}", f"{arn}:{created}/new", tags
        yield "ec2:CreateTags", f"{arn}:{created}/new", {**tags, "ec2:CreateAction": operation}
    # The only group that is tagged after its creation is the default group of a new VPC.
    platform_tag = {} if operation == "CreateTags" else {"aws:ResourceTag/opsctl:platform": platform}
    for name, value in parameters.items():
        kind = _EC2_KINDS.get(str(value).rpartition("-")[0])
        if kind and "Id" in name and name not in _EC2_REFERENCES.get(operation, ()):
            yield f"ec2:{operation}", f"{arn}:{kind}/{value}", {**platform_tag, **tags}
    if operation == "AuthorizeSecurityGroupEgress":
        yield f"ec2:{operation}", f"{arn}:security-group-rule/new", {}


def _iam(operation: str, parameters: Call, _arn: str, iam_arn: str, _platform: str) -> Needs:
    role = f"{iam_arn}:role/{parameters.get('RoleName')}"
    profile = f"{iam_arn}:instance-profile/{parameters.get('InstanceProfileName')}"
    resource = profile if "InstanceProfileName" in parameters else role
    context = {"iam:PolicyARN": parameters["PolicyArn"]} if "PolicyArn" in parameters else {}
    yield f"iam:{operation}", "*" if operation in _IAM_LISTS else resource, context
    if "Tags.member.1.Key" in parameters:
        yield operation.replace("Create", "iam:Tag"), resource, {}
    if operation == "AddRoleToInstanceProfile":
        yield "iam:PassRole", role, {"iam:PassedToService": "ec2.amazonaws.com"}


def _logs(operation: str, parameters: Call, arn: str, _iam_arn: str, _platform: str) -> Needs:
    group = parameters.get("resourceArn") or f"{arn}:log-group:{parameters.get('logGroupName')}"
    yield f"logs:{operation}", "*" if operation == "DescribeLogGroups" else group, {}
    if parameters.get("tags"):
        yield "logs:TagResource", group, {}


def _ssm(operation: str, parameters: Call, arn: str, _iam_arn: str, _platform: str) -> Needs:
    names = parameters.get("Names") or [parameters.get("Name") or parameters.get("ResourceId")]
    for name in names:
        yield f"ssm:{operation}", "*" if operation == "DescribeParameters" else f"{arn}:parameter{name}", {}
    if parameters.get("Tags"):
        yield "ssm:AddTagsToResource", f"{arn}:parameter{names[0]}", {}


def _ecr(operation: str, parameters: Call, arn: str, _iam_arn: str, _platform: str) -> Needs:
    names = parameters.get("repositoryNames") or [parameters.get("repositoryName")]
    for name in names:
        repository = parameters.get("resourceArn") or f"{arn}:repository/{name}"
        yield f"ecr:{operation}", "*" if operation == "GetAuthorizationToken" else repository, {}
    if parameters.get("tags"):
        yield "ecr:TagResource", f"{arn}:repository/{names[0]}", {}


def _without_resource(service: str) -> Callable[..., Needs]:
    """The permissions of a service whose actions have no resource form."""

    def needs(operation: str, _parameters: Call, _arn: str, _iam_arn: str, _platform: str) -> Needs:
        yield f"{service}:{operation}", "*", {}

    return needs


def _kms(operation: str, parameters: Call, arn: str, _iam_arn: str, _platform: str) -> Needs:
    key = str(parameters.get("KeyId"))
    yield f"kms:{operation}", key if key.startswith("arn:") else f"{arn}:key/{key}", {}


_BY_SERVICE: dict[str, Callable[..., Needs]] = {
    "s3": _s3,
    "batch": _batch,
    "ec2": _ec2,
    "iam": _iam,
    "kms": _kms,
    "logs": _logs,
    "ssm": _ssm,
    "ecr": _ecr,
    **{service: _without_resource(service) for service in ("autoscaling", "freetier")},
}
