"""The permissions that a call of AWS's API needs: an action may differ from the operation, and a call may need several.

Sources: the Service Authorization Reference; for what a call implies (tags, passed roles) each operation's reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from opsctl.local.rights.ecs_actions import ecs_needs
from opsctl.local.rights.evaluator import Request
from opsctl.local.rights.permission import Needs, UnknownCall
from opsctl.local.rights.s3_actions import s3_needs

#: These need no permission.
_ALWAYS_ALLOWED = {"sts:GetCallerIdentity"}

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
#: Operations that launch instances.
_EC2_LAUNCHES = ("RunInstances", "CreateFleet", "RequestSpotInstances", "RequestSpotFleet")
_BATCH = {
    "computeEnvironment": "compute-environment",
    "computeEnvironmentName": "compute-environment",
    "jobQueue": "job-queue",
    "jobQueueName": "job-queue",
    "jobDefinition": "job-definition",
    "jobDefinitionName": "job-definition",
    "jobId": "job",
}
_LOGS_WITHOUT_GROUP = ("DescribeLogGroups", "DescribeDestinations", "DescribeResourcePolicies", "DescribeQueries")
_LOGS_OF_STREAM = ("PutLogEvents", "GetLogEvents", "DeleteLogStream")
_ECR_WITHOUT_REPOSITORY = ("GetAuthorizationToken", "DescribeRegistry", "GetRegistryPolicy", "PutRegistryPolicy")
_IAM_LISTS = ("ListRoles", "ListInstanceProfiles")

Call = dict[str, Any]


def requests_of(call: Call, *, account: str, region: str, platform: str) -> Iterator[Request]:
    """Yield the requests that IAM must allow for a call.

    Parameters
    ----------
    call
        From `api_call.call_of`.
    platform
        The platform whose tag EC2's resources are assumed to have: a call contains only their ids. "": no tag is known.

    Raises
    ------
    UnknownCall
        When the permissions of the call are not known.
    """
    service, operation, parameters = call["service"], call["operation"], call["parameters"]
    context = {"aws:RequestedRegion": call["region"], "aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
    arn = f"arn:aws:{service}:{region}:{account}"
    if f"{service}:{operation}" in _ALWAYS_ALLOWED:
        return
    if not operation or service not in _BY_SERVICE:
        raise UnknownCall(f"{service}:{operation}")
    needs = list(_BY_SERVICE[service](operation, parameters, arn, f"arn:aws:iam::{account}", platform))
    if not needs:
        raise UnknownCall(f"{service}:{operation}")
    for action, resource, more_context in needs:
        yield Request(action, resource, {**context, **more_context})


def _s3(operation: str, parameters: Call, _arn: str, _iam_arn: str, _platform: str) -> Needs:
    return s3_needs(operation, parameters)


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
    platform_tag = {"aws:ResourceTag/opsctl:platform": platform} if platform and operation != "CreateTags" else {}
    for name, value in parameters.items():
        kind = _EC2_KINDS.get(str(value).rpartition("-")[0])
        if kind and "Id" in name and name not in _EC2_REFERENCES.get(operation, ()):
            yield f"ec2:{operation}", f"{arn}:{kind}/{value}", {**platform_tag, **tags}
    if operation == "AuthorizeSecurityGroupEgress":
        yield f"ec2:{operation}", f"{arn}:security-group-rule/new", {}
    if operation in _EC2_LAUNCHES:
        # Images, disks and further resources are not looked at: only who may launch everything may launch.
        yield "ec2:RunInstances", "*", {}


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
    if operation in _LOGS_WITHOUT_GROUP:
        yield f"logs:{operation}", "*", {}
        return
    name = parameters.get("resourceArn") or parameters.get("logGroupName") or parameters.get("logGroupIdentifier")
    if not isinstance(name, str):
        raise UnknownCall(operation)
    group = name if name.startswith("arn:") else f"{arn}:log-group:{name}"
    stream = parameters.get("logStreamName")
    yield f"logs:{operation}", f"{group}:log-stream:{stream}" if operation in _LOGS_OF_STREAM else group, {}
    if parameters.get("tags"):
        yield "logs:TagResource", group, {}


def _ssm(operation: str, parameters: Call, arn: str, _iam_arn: str, _platform: str) -> Needs:
    names = parameters.get("Names") or [
        parameters.get("Name") or parameters.get("ResourceId") or parameters.get("Path")
    ]
    if "Parameter" not in operation and parameters.get("ResourceType") != "Parameter":
        raise UnknownCall(operation)
    for name in names:
        # The slash between `parameter` and the name is not doubled.
        resource = f"{arn}:parameter/{str(name).lstrip('/')}"
        yield f"ssm:{operation}", "*" if operation == "DescribeParameters" else resource, {}
    if parameters.get("Tags"):
        yield "ssm:AddTagsToResource", f"{arn}:parameter{names[0]}", {}


def _ecr(operation: str, parameters: Call, arn: str, _iam_arn: str, _platform: str) -> Needs:
    names = parameters.get("repositoryNames") or [parameters.get("repositoryName")]
    if operation in _ECR_WITHOUT_REPOSITORY:
        yield f"ecr:{operation}", "*", {}
        return
    for name in names:
        # DescribeRepositories without a name asks for all of them.
        repository = parameters.get("resourceArn") or f"{arn}:repository/{name or '*'}"
        yield f"ecr:{operation}", repository, {}
    if parameters.get("tags"):
        yield "ecr:TagResource", f"{arn}:repository/{names[0]}", {}


def _ecs(operation: str, parameters: Call, arn: str, _iam_arn: str, _platform: str) -> Needs:
    return ecs_needs(operation, parameters, arn)


def _kms(operation: str, parameters: Call, arn: str, _iam_arn: str, _platform: str) -> Needs:
    key = str(parameters.get("KeyId"))
    yield f"kms:{operation}", key if key.startswith("arn:") else f"{arn}:key/{key}", {}


def _freetier(operation: str, _parameters: Call, _arn: str, _iam_arn: str, _platform: str) -> Needs:
    yield f"freetier:{operation}", "*", {}


def _budgets(operation: str, parameters: Call, _arn: str, iam_arn: str, _platform: str) -> Needs:
    # Budgets belong to an account, and no action has the name of its operation but those of tags.
    account = iam_arn.rpartition("::")[2]
    name = parameters.get("BudgetName") or (parameters.get("Budget") or parameters.get("NewBudget") or {}).get(
        "BudgetName"
    )
    resource = parameters.get("ResourceARN") or f"arn:aws:budgets::{account}:budget/{name or '*'}"
    if "Action" in operation:
        raise UnknownCall(operation)
    if "tag" in operation.lower():
        yield f"budgets:{operation}", resource, {}
        return
    yield "budgets:ViewBudget" if operation.startswith("Describe") else "budgets:ModifyBudget", resource, {}
    if parameters.get("ResourceTags"):
        yield "budgets:TagResource", resource, {"aws:TagKeys": [tag["Key"] for tag in parameters["ResourceTags"]]}


def _sts(operation: str, parameters: Call, _arn: str, _iam_arn: str, _platform: str) -> Needs:
    if "RoleArn" not in parameters:
        raise UnknownCall(operation)
    yield f"sts:{operation}", parameters["RoleArn"], {}


def _autoscaling(operation: str, parameters: Call, arn: str, _iam_arn: str, _platform: str) -> Needs:
    if operation.startswith("Describe"):
        yield f"autoscaling:{operation}", "*", {}
        return
    if "AutoScalingGroupName" not in parameters:
        raise UnknownCall(operation)
    # The id within the ARN is AWS's.
    group = f"{arn}:autoScalingGroup:*:autoScalingGroupName/{parameters['AutoScalingGroupName']}"
    yield f"autoscaling:{operation}", group, {}


_BY_SERVICE: dict[str, Callable[..., Needs]] = {
    "s3": _s3,
    "batch": _batch,
    "ec2": _ec2,
    "iam": _iam,
    "logs": _logs,
    "ssm": _ssm,
    "ecr": _ecr,
    "ecs": _ecs,
    "freetier": _freetier,
    "kms": _kms,
    "sts": _sts,
    "budgets": _budgets,
    "autoscaling": _autoscaling,
}
