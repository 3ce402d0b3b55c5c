"""The calls that the local platform has recorded, checked against their callers' policies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from opsctl.local.rights.called_actions import requests_of
from opsctl.local.rights.evaluator import Request, decide, glob

Who = Literal["run", "up", "delete", "job"]
_VERB = re.compile(r"opsctl/\S+(?: md/verb#(?P<verb>\w+))?")
_UP = ("up", "down", "image")

#: Actions in the policies for people that no call on the local platform needs, each with the reason why it is there.
EXCEPTIONS: dict[Who, dict[str, str]] = {
    "run": {
        "s3:AbortMultipartUpload": "an interrupted multipart upload; the sample's files are too small for parts",
        "ssm:GetParameter": "a platform that a colleague made; this one was made here",
        "ec2:DescribeVpcEndpoints": "subnets without a way out; the local platform's have one",
        "ec2:DescribeInstances": "how much of the account's limit is used; the local platform has none",
        "servicequotas:GetServiceQuota": "the account's limit; the local platform has none",
        "ec2:DescribeSpotPriceHistory": "prices; the local platform costs nothing",
        "pricing:GetProducts": "prices; the local platform costs nothing",
        "ecr:DescribeImages": "an image's digest; the local platform has no registry",
        "ecr:DescribeImageScanFindings": "image status; the local platform has no registry",
        "autoscaling:DescribeAutoScalingGroups": "launches that AWS refused; the local platform has no groups",
        "autoscaling:DescribeScalingActivities": "launches that AWS refused; the local platform has no groups",
        "freetier:GetAccountPlanState": "the account's plan; the local platform has none",
        "iam:GetRole": "doctor looks at the login's rights on AWS only",
        "iam:SimulatePrincipalPolicy": "doctor looks at the login's rights on AWS only",
    },
    "up": {
        "ecr:GetAuthorizationToken": "image push; the local platform has no registry",
        "ecr:DescribeImages": "image status; the local platform has no registry",
        "ecr:DescribeImageScanFindings": "image status; the local platform has no registry",
        "ecr:BatchCheckLayerAvailability": "image push, by the container engine",
        "ecr:BatchGetImage": "image push, and up on AWS, which looks for the m2g in the image",
        "ecr:CompleteLayerUpload": "image push, by the container engine",
        "ecr:GetDownloadUrlForLayer": "up on AWS reads the image's labels; the local platform has no registry",
        "ecr:InitiateLayerUpload": "image push, by the container engine",
        "ecr:PutImage": "image push, by the container engine",
        "ecr:UploadLayerPart": "image push, by the container engine",
        "iam:UpdateAssumeRolePolicy": "an upgrade that changes who may take a role",
        "batch:DescribeJobs": "down --force waits until the jobs have ended",
        "batch:TerminateJob": "down --force",
        "ec2:DescribeNatGateways": "up --vpc-id",
        "freetier:GetAccountPlanState": "the account's plan; the local platform has none",
        "ec2:ModifyVpcAttribute": "up, if somebody switched off the network's DNS by hand",
        "kms:DescribeKey": "up --kms-key",
        "servicequotas:GetServiceQuota": "the account's limits; the local platform has none",
        "ec2:CreateLaunchTemplateVersion": "an upgrade that changes disk or metadata of the instances",
        "ec2:ModifyLaunchTemplate": "an upgrade that changes disk or metadata of the instances",
        "ec2:DeleteVolume": "down, if an instance has left its disk",
        "ec2:TerminateInstances": "down, if Batch has left an instance",
        "ec2:RevokeSecurityGroupIngress": "up, if somebody added an ingress rule by hand",
        "s3:GetObject": "down shows what the runs have cost, on AWS",
    },
}


@dataclass(frozen=True)
class Caller:
    """The caller of a recorded call.

    Attributes
    ----------
    who
        Whose policy must allow the call.
    verb
        The verb of opsctl, or empty for Terraform and jobs.
    """

    who: Who
    verb: str


def caller_of(user_agent: str) -> Caller | None:
    """Return the caller with a user agent, or None for other programs (a test's own client)."""
    if "terraform-provider-aws" in user_agent or "HashiCorp" in user_agent:
        return Caller("up", "")
    if "opsctl-job" in user_agent:
        return Caller("job", "")
    match = _VERB.search(user_agent)
    if match is None:
        return None
    verb = match["verb"] or ""
    return Caller("up" if verb in _UP else "delete" if verb == "delete" else "run", verb)


def read(path: Path) -> Iterator[tuple[Caller, dict[str, Any]]]:
    """Yield the calls of opsctl, its jobs and its Terraform."""
    for line in path.read_text().splitlines():
        call = json.loads(line)
        caller = caller_of(call["user_agent"])
        if caller is not None:
            yield caller, call


@dataclass
class Judged:
    """The result of checking calls against policies.

    Attributes
    ----------
    refused
        A line for each call that no policy allows.
    used
        The actions that the calls of each caller need.
    """

    refused: list[str]
    used: dict[Who, set[str]]


def judge(
    path: Path, policies: Mapping[str, Mapping[Who, Sequence[dict[str, Any]]]], *, account: str, region: str
) -> Judged:
    """Check every recorded call against the policies.

    Parameters
    ----------
    policies
        By platform and caller. A call is allowed if the policies of one platform allow everything that it needs: the
        recording does not tell which platform an EC2 id belongs to.
    """
    judged = Judged(refused=[], used={"run": set(), "up": set(), "delete": set(), "job": set()})
    for caller, call in read(path):
        requests: list[Request] = []
        for platform, documents in policies.items():
            requests = list(requests_of(call, account=account, region=region, platform=platform))
            if all(decide(request, identity=documents.get(caller.who, ())) == "allow" for request in requests):
                break
        else:
            needs = ", ".join(f"{request.action} on {request.resource}" for request in requests)
            judged.refused.append(f"{caller.who} {caller.verb}: {needs}")
        judged.used[caller.who] |= {request.action for request in requests}
    return judged


def spare(documents: Sequence[dict[str, Any]], used: set[str]) -> set[str]:
    """Return the actions that the policies list and no call needed."""
    listed = set()
    for statement in (statement for document in documents for statement in document["Statement"]):
        listed |= {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
    return {pattern for pattern in listed if not any(glob(pattern.lower(), action.lower()) for action in used)}
