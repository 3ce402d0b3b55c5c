"""The rows of tests/policy/policy_table.tsv as requests, and the policies that decide each."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.local.rights.evaluator import Request
from support.policy_files import ACCOUNT, NAME, PLATFORM, REGION, Policy, document, with_source_bucket
from support.rendered_policies import DATA_BUCKET, SOURCE_BUCKET, Policies
from support.repository import ROOT

_REGION_AND_ACCOUNT = f"{REGION}:{ACCOUNT}"
#: What the table's words in braces stand for.
_ABBREVIATIONS = {
    "data": f"arn:aws:s3:::{DATA_BUCKET}",
    "source": f"arn:aws:s3:::{SOURCE_BUCKET}",
    "other_data": f"arn:aws:s3:::opsctl-{NAME}-x-{ACCOUNT}-{REGION}",
    "state": "arn:aws:s3:::lab-states",
    "open": "arn:aws:s3:::open-to-the-account",
    "digits": "2" * 26,
    "iam": f"arn:aws:iam::{ACCOUNT}",
    **{
        service: f"arn:aws:{service}:{_REGION_AND_ACCOUNT}"
        for service in ("batch", "ec2", "ecr", "ecs", "kms", "logs", "ssm")
    },
}
_OWNER: Policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
#: The policy of the bucket `open`.
_OPEN_BUCKET: Policy = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": "s3:*",
            "Resource": [_ABBREVIATIONS["open"], f"{_ABBREVIATIONS['open']}/*"],
        }
    ],
}
#: The condition keys of an ordinary request.
_CONTEXT = {
    "aws:RequestedRegion": REGION,
    "aws:SecureTransport": "true",
    "s3:TlsVersion": "1.3",
    "aws:username": "alice",
}
_ROLES = ("job", "instance", "service")


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes
    ----------
    who
        A role of the platform, a person with a policy of docs/policies, or a principal.
    resource
        An ARN; `*` for an action without resource form.
    trust
        The role that the request is about to take; else None.
    """

    who: str
    action: str
    resource: str
    context: dict[str, str]
    decision: str
    why: str
    trust: str | None

    @property
    def principal(self) -> str:
        """The ARN or the service that asks."""
        if self.who in _ROLES:
            return f"arn:aws:sts::{ACCOUNT}:assumed-role/opsctl-{NAME}-{REGION}-{self.who}/1"
        is_principal = ":" in self.who or self.who.endswith(".amazonaws.com")
        return self.who if is_principal else f"arn:aws:iam::{ACCOUNT}:user/alice"

    @property
    def request(self) -> Request:
        """The row's request, with the condition keys of an ordinary one."""
        return Request(self.action, self.resource, self.context, self.principal)

    def __str__(self) -> str:
        return f"{self.who} {self.action} {self.resource}"[:90]


def rows() -> list[Row]:
    """Every row."""
    with (ROOT / "tests/policy/policy_table.tsv").open() as file:
        return [_row(row) for row in csv.DictReader(file, delimiter="\t")]


def _row(row: dict[str, str]) -> Row:
    pairs = [pair.partition("=") for pair in row["context"].format(**_ABBREVIATIONS).split(";") if pair]
    resource = row["resource"].format(**_ABBREVIATIONS)
    trust = resource.removeprefix("role/") if resource.startswith("role/") else None
    return Row(
        who=row["# who"],
        action=row["action"],
        resource=f"arn:aws:iam::{ACCOUNT}:role/opsctl-{NAME}-{REGION}-{trust}" if trust else resource,
        context=_CONTEXT | {key: value for key, _, value in pairs},
        decision=row["decision"],
        why=row["why"],
        trust=trust,
    )


def identity_policies(policies: Policies) -> dict[str, list[Policy]]:
    """The policies of everybody who has any, by `who`."""
    up = [document(file, **PLATFORM) for file in ("up", "up-network")]
    people = {
        "owner": [_OWNER],
        "runner": [with_source_bucket(document("run", **PLATFORM), SOURCE_BUCKET)],
        "administrator": up,
        "bounded": [*up, document("up-boundary", **PLATFORM, BOUNDARY=f"arn:aws:iam::{ACCOUNT}:policy/lab")],
        "stater": [document("state", **PLATFORM, STATE_BUCKET="lab-states", STATE_PREFIX="labs")],
        "deleter": [document("delete", **PLATFORM)],
    }
    return people | policies.attached


def resource_policies(row: Row, policies: Policies) -> Sequence[Policy]:
    """The policy on the requested resource: a role's trust policy, or a bucket's."""
    if row.trust:
        return [policies.trust[row.trust]]
    buckets = {_ABBREVIATIONS["data"]: policies.bucket, _ABBREVIATIONS["open"]: _OPEN_BUCKET}
    bucket = row.resource.split("/")[0]
    return [buckets[bucket]] if bucket in buckets else []
