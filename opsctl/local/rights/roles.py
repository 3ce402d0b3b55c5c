"""A role's policies as they stand in moto's IAM, and a bucket's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import moto.s3.models as s3_models
from moto.iam.models import iam_backends

from opsctl.local.rights.evaluator import Policy, Request, decide

_PARTITION = "aws"


# By their text: a changed policy is another text, so nothing needs to be told of the change.
@lru_cache(maxsize=1024)
def _parsed(text: str) -> Policy:
    policy: Policy = json.loads(text)
    return policy


def account_of(arn: str) -> str:
    """Return the account in an ARN."""
    return arn.split(":")[4]


def find_role(arn: str) -> Any | None:
    """Return moto's role, or None."""
    roles = list(iam_backends[account_of(arn)][_PARTITION].roles.values())
    return next((role for role in roles if role.arn == arn), None)


def policies_of(role: Any) -> list[Policy]:
    """Return the inline and the attached policies of a role."""
    inline = [_parsed(text) for text in list(role.policies.values())]
    return inline + [_managed(policy) for policy in list(role.managed_policies.values())]


def boundary_of(role: Any) -> Policy | None:
    """Return the permissions boundary of a role, or None. A boundary that does not exist allows nothing."""
    arn = role.permissions_boundary_arn
    if not arn:
        return None
    policy = iam_backends[account_of(role.arn)][_PARTITION].managed_policies.get(arn)
    return _managed(policy) if policy is not None else {"Statement": []}


def trusts(role: Any, service: str, context: Mapping[str, str]) -> bool:
    """Whether a service of AWS's may assume a role.

    Parameters
    ----------
    service
        `ecs-tasks.amazonaws.com`, for example.
    context
        The condition keys that the service sends.
    """
    document = role.assume_role_policy_document
    trust = document if isinstance(document, Mapping) else _parsed(document)
    return decide(Request("sts:AssumeRole", role.arn, context, service), resource=[trust]) == "allow"


def role_of_profile(profile: str, account: str) -> Any | None:
    """Return the role in an instance profile, given by name or ARN, or None."""
    profiles = list(iam_backends[account][_PARTITION].instance_profiles.values())
    roles = [role for known in profiles if profile in (known.name, known.arn) for role in known.roles]
    return roles[0] if roles else None


def find_bucket(name: str) -> Any | None:
    """Return moto's bucket, or None."""
    owner = s3_models.s3_backends.bucket_accounts.get(name)
    return s3_models.s3_backends[owner[1]][owner[0]].buckets.get(name) if owner else None


def bucket_policies(bucket: Any) -> list[Policy]:
    """Return a bucket's own policy, if it has one."""
    return [_parsed(bucket.policy.decode())] if bucket.policy else []


def _managed(policy: Any) -> Policy:
    version = next(version for version in policy.versions if version.version_id == policy.default_version_id)
    document = version.document
    return document if isinstance(document, Mapping) else _parsed(document)
