"""What IAM is asked for a call of AWS's API: actions are not always called as operations are, and some imply others.

Sources: the Service Authorization Reference; for what a call implies (tags, passed roles) each operation's reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from support.iam_evaluator import Request

#: Needs no permission: IAM lets everybody ask who he is.
FREE = {"sts:GetCallerIdentity"}

_S3 = {
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
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
#: What a call names and does not act upon.
_EC2_ONLY_NAMED = {"CreateRoute": ("GatewayId",)}
_BATCH = {
    "computeEnvironment": "compute-environment",
    "computeEnvironmentName": "compute-environment",
    "jobQueue": "job-queue",
    "jobQueueName": "job-queue",
    "jobDefinition": "job-definition",
    "jobDefinitionName": "job-definition",
    "jobId": "job",
}
#: Tags that come with a call are a permission of their own.
_TAGGING = {"batch": "batch:TagResource", "ecr": "ecr:TagResource", "logs": "logs:TagResource"}
_IAM_LISTS = ("ListRoles", "ListInstanceProfiles")

Call = dict[str, Any]


def requests_of(call: Call, *, account: str, region: str, platform: str) -> Iterator[Request]:
    """What must be allowed so that a recorded call goes through.

    Parameters
    ----------
    platform
        Whose tag EC2's things are taken to carry: the record holds ids only.
    """
    service, operation, given = call["service"], call["operation"], call["parameters"]
    context = {"aws:RequestedRegion": call["region"], "aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
    here = f"arn:aws:{service}:{region}:{account}"
    if f"{service}:{operation}" in FREE:
        return
    found = _BY_SERVICE[service](operation, given, here, f"arn:aws:iam::{account}", platform)
    for action, resource, more in found:
        yield Request(action, resource, {**context, **more})


Asked = Iterator[tuple[str, str, dict[str, str]]]


def _s3(operation: str, given: Call, _here: str, _iam: str, _platform: str) -> Asked:
    key = f"/{given['Key']}" if "Key" in given else ""
    yield f"s3:{_S3.get(operation, operation)}", f"arn:aws:s3:::{given['Bucket']}{key}", {}


def _batch(operation: str, given: Call, here: str, iam: str, _platform: str) -> Asked:
    names = {kind: given[name] for name, kind in _BATCH.items() if isinstance(given.get(name), str)}
    if operation.startswith(("Describe", "List")):
        yield f"batch:{operation}", "*", {}
        return
    if operation == "TerminateJobs":
        names = {"job": "many"}
    resources = [name if name.startswith("arn:") else f"{here}:{kind}/{name}" for kind, name in names.items()]
    resources += [one["computeEnvironment"] for one in given.get("computeEnvironmentOrder", ())]
    for resource in resources:
        yield f"batch:{operation}", resource, {}
    if given.get("tags"):
        tagged = {"SubmitJob": f"{here}:job/new", "RegisterJobDefinition": f"{resources[0]}:1"}
        yield "batch:TagResource", tagged.get(operation, resources[0]), {"aws:TagKeys": list(given["tags"])}
    passed = {
        "batch.amazonaws.com": given.get("serviceRole"),
        "ec2.amazonaws.com": given.get("computeResources", {}).get("instanceRole"),
        "ecs-tasks.amazonaws.com": given.get("containerProperties", {}).get("jobRoleArn"),
    }
    for to, role in passed.items():
        if role:
            yield "iam:PassRole", f"{iam}:role/{role.rpartition('/')[2]}", {"iam:PassedToService": to}


def _ec2(operation: str, given: Call, here: str, _iam: str, platform: str) -> Asked:
    if operation.startswith("Describe") and operation != "DescribeVpcAttribute":
        yield f"ec2:{operation}", "*", {}
        return
    made = given.get("TagSpecification.1.ResourceType")
    tags = {
        f"aws:RequestTag/{value}": given[name.replace("Key", "Value")]
        for name, value in given.items()
        if re.fullmatch(r"(TagSpecification\.1\.)?Tag\.\d+\.Key", name)
    }
    if made:
        yield f"ec2:{operation}", f"{here}:{made}/new", tags
        yield "ec2:CreateTags", f"{here}:{made}/new", {**tags, "ec2:CreateAction": operation}
    # The one group that is tagged afterwards is the default one of a new VPC.
    own = {} if operation == "CreateTags" else {"aws:ResourceTag/opsctl:platform": platform}
    for name, value in given.items():
        kind = _EC2_KINDS.get(str(value).rpartition("-")[0])
        if kind and "Id" in name and name not in _EC2_ONLY_NAMED.get(operation, ()):
            yield f"ec2:{operation}", f"{here}:{kind}/{value}", {**own, **tags}
    if operation == "AuthorizeSecurityGroupEgress":
        yield f"ec2:{operation}", f"{here}:security-group-rule/new", {}


def _iam(operation: str, given: Call, _here: str, iam: str, _platform: str) -> Asked:
    role, profile = f"{iam}:role/{given.get('RoleName')}", f"{iam}:instance-profile/{given.get('InstanceProfileName')}"
    about = profile if "InstanceProfileName" in given else role
    more = {"iam:PolicyARN": given["PolicyArn"]} if "PolicyArn" in given else {}
    yield f"iam:{operation}", "*" if operation in _IAM_LISTS else about, more
    if "Tags.member.1.Key" in given:
        yield operation.replace("Create", "iam:Tag"), about, {}
    if operation == "AddRoleToInstanceProfile":
        yield "iam:PassRole", role, {"iam:PassedToService": "ec2.amazonaws.com"}


def _logs(operation: str, given: Call, here: str, _iam: str, _platform: str) -> Asked:
    group = given.get("resourceArn") or f"{here}:log-group:{given.get('logGroupName')}"
    yield f"logs:{operation}", "*" if operation == "DescribeLogGroups" else group, {}
    if given.get("tags"):
        yield _TAGGING["logs"], group, {}


def _ssm(operation: str, given: Call, here: str, _iam: str, _platform: str) -> Asked:
    names = given.get("Names") or [given.get("Name") or given.get("ResourceId")]
    for name in names:
        yield f"ssm:{operation}", "*" if operation == "DescribeParameters" else f"{here}:parameter{name}", {}
    if given.get("Tags"):
        yield "ssm:AddTagsToResource", f"{here}:parameter{names[0]}", {}


def _ecr(operation: str, given: Call, here: str, _iam: str, _platform: str) -> Asked:
    names = given.get("repositoryNames") or [given.get("repositoryName")]
    for name in names:
        own = given.get("resourceArn") or f"{here}:repository/{name}"
        yield f"ecr:{operation}", "*" if operation == "GetAuthorizationToken" else own, {}
    if given.get("tags"):
        yield _TAGGING["ecr"], f"{here}:repository/{names[0]}", {}


_BY_SERVICE = {"s3": _s3, "batch": _batch, "ec2": _ec2, "iam": _iam, "logs": _logs, "ssm": _ssm, "ecr": _ecr}
