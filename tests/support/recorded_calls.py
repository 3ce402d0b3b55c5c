"""The calls that the local platform has recorded, held against the policies of those who made them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from support.called_actions import requests_of
from support.iam_evaluator import Request, decide, glob

Who = Literal["run", "up", "job"]
_VERB = re.compile(r"opsctl/\S+(?: md/verb#(?P<verb>\w+))?")
_UP = ("up", "down", "image")

#: Of the policies for people, what the journey on the local platform does not reach, and why it is there all the same.
EXCEPTIONS: dict[Who, dict[str, str]] = {
    "run": {
        "s3:AbortMultipartUpload": "an upload in parts that breaks off; the sample's files are too small for parts",
        "ssm:GetParameter": "a platform that a colleague made; this one was made here",
        "ec2:DescribeInstances": "who uses the account's limit; there is none on the local platform",
        "servicequotas:GetServiceQuota": "the account's limit; there is none on the local platform",
        "ec2:DescribeSpotPriceHistory": "prices; the local platform costs nothing",
        "pricing:GetProducts": "prices; the local platform costs nothing",
        "ecr:DescribeImages": "an image's digest; the local platform has no registry",
        "iam:GetRole": "doctor looks at the login's rights on AWS only",
        "iam:SimulatePrincipalPolicy": "doctor looks at the login's rights on AWS only",
    },
    "up": {
        "ecr:GetAuthorizationToken": "image push; the local platform has no registry",
        "ecr:DescribeImages": "image status; the local platform has no registry",
        "ecr:BatchCheckLayerAvailability": "image push, by the container engine",
        "ecr:BatchGetImage": "image push, by the container engine",
        "ecr:CompleteLayerUpload": "image push, by the container engine",
        "ecr:GetDownloadUrlForLayer": "image push, by the container engine",
        "ecr:InitiateLayerUpload": "image push, by the container engine",
        "ecr:PutImage": "image push, by the container engine",
        "ecr:UploadLayerPart": "image push, by the container engine",
        "iam:UpdateAssumeRolePolicy": "an upgrade that changes who may take a role",
        "batch:DescribeJobs": "down --force waits until the jobs have ended",
        "batch:TerminateJob*": "down --force",
        "ec2:CreateLaunchTemplateVersion": "an upgrade that changes disk or metadata of the instances",
        "ec2:ModifyLaunchTemplate": "an upgrade that changes disk or metadata of the instances",
        "ec2:DeleteVolume": "down, where an instance has left its disk",
        "ec2:TerminateInstances": "down, where Batch has left an instance",
        "ec2:RevokeSecurityGroupIngress": "up, where somebody has let something in by hand",
        "s3:GetObject": "down tells what the runs have cost, on AWS",
    },
}


@dataclass(frozen=True)
class Caller:
    """Who made a call.

    Parameters
    ----------
    who
        Whose policy must allow it.
    verb
        What was typed; empty for Terraform and jobs.
    """

    who: Who
    verb: str


def caller_of(user_agent: str) -> Caller | None:
    """Who is behind a user agent; None for who is neither opsctl nor started by it (a test that looks)."""
    if "terraform-provider-aws" in user_agent or "HashiCorp" in user_agent:
        return Caller("up", "")
    if "opsctl-job" in user_agent:
        return Caller("job", "")
    found = _VERB.search(user_agent)
    if found is None:
        return None
    verb = found["verb"] or ""
    return Caller("up" if verb in _UP else "run", verb)


def read(path: Path) -> Iterator[tuple[Caller, dict[str, Any]]]:
    """The calls of opsctl, its jobs and its Terraform."""
    for line in path.read_text().splitlines():
        call = json.loads(line)
        caller = caller_of(call["user_agent"])
        if caller is not None:
            yield caller, call


@dataclass
class Judged:
    """What became of the calls.

    Attributes
    ----------
    refused
        Calls that nobody's policy allows, as lines.
    used
        The actions that were needed, by who needed them.
    """

    refused: list[str]
    used: dict[Who, set[str]]


def judge(
    path: Path, policies: Mapping[str, Mapping[Who, Sequence[dict[str, Any]]]], *, account: str, region: str
) -> Judged:
    """Hold every call against the policies.

    Parameters
    ----------
    policies
        By platform, by who. A call is fine where one platform's policies allow all that it needs: the record does not
        say whose an id of EC2 is.
    """
    judged = Judged(refused=[], used={"run": set(), "up": set(), "job": set()})
    for caller, call in read(path):
        asked: list[Request] = []
        for platform, documents in policies.items():
            asked = list(requests_of(call, account=account, region=region, platform=platform))
            if all(decide(request, identity=documents.get(caller.who, ())) == "allow" for request in asked):
                break
        else:
            needs = ", ".join(f"{request.action} on {request.resource}" for request in asked)
            judged.refused.append(f"{caller.who} {caller.verb}: {needs}")
        judged.used[caller.who] |= {request.action for request in asked}
    return judged


def spare(documents: Sequence[dict[str, Any]], used: set[str]) -> set[str]:
    """The actions that policies allow and no call needed."""
    found = set()
    for statement in (one for document in documents for one in document["Statement"]):
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        found |= {action for action in actions if not any(glob(action.lower(), one.lower()) for one in used)}
    return found
