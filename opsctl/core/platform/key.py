"""Decide whether a KMS key can be used for a platform's bucket, repository, disks and logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: Auto Scaling starts the instances that AWS Batch asks for, and with them their disks.
_AUTO_SCALING_ROLE = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"


@dataclass(frozen=True, kw_only=True)
class Key:
    """A KMS key, as DescribeKey shows it.

    Attributes
    ----------
    state
        `Enabled`, `Disabled`, `PendingDeletion`, `PendingImport`, `Unavailable`, …
    spec, usage
        `SYMMETRIC_DEFAULT` and `ENCRYPT_DECRYPT` where it encrypts data.
    is_of_aws
        Whether AWS made it for a service, such as `alias/aws/ebs`.
    policy
        Its policy; None where it could not be read.
    """

    arn: str
    state: str
    spec: str
    usage: str
    is_of_aws: bool
    policy: Mapping[str, Any] | None = None

    @property
    def region(self) -> str:
        """Its region."""
        return self.arn.split(":")[3]

    @property
    def account_id(self) -> str:
        """Its account."""
        return self.arn.split(":")[4]


def key_problem(key: Key, *, region: str) -> str:
    """Why a platform in a region cannot use a key; empty where it can."""
    if key.is_of_aws:
        return f"{key.arn} is a key of AWS's own, whose policy cannot be changed: logs and Auto Scaling may not use it."
    if (key.spec, key.usage) != ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"):
        return f"{key.arn} is a key for {key.usage} ({key.spec}): a symmetric key for encryption is needed."
    if key.region != region:
        return f"{key.arn} lies in {key.region}, and the platform in {region}: a key serves its own region only."
    if key.state == "PendingDeletion":
        return f"{key.arn} is about to be deleted: cancel its deletion, or use another key."
    if key.state != "Enabled":
        return f"{key.arn} is not enabled: its state is {key.state}."
    return ""


def policy_gaps(key: Key, *, region: str) -> tuple[str, ...]:
    """What a key's policy seems to lack, each a sentence; nothing where the policy could not be read.

    The two services below are found in the policy by name only: a grant, or a condition, may decide otherwise.
    """
    if key.policy is None:
        return ()
    allowed = [statement for statement in _statements(key.policy) if statement.get("Effect") == "Allow"]
    services = {name for statement in allowed for name in _names(statement, "Service")}
    gaps = []
    if not services & {f"logs.{region}.amazonaws.com", f"logs.{region}.amazonaws.com.cn", "logs.amazonaws.com"}:
        gaps.append(
            f"The policy of {key.arn} does not name logs.{region}.amazonaws.com: CloudWatch will refuse the log group "
            "(statement EncryptTheLogs of docs/policies/kms-key.json)."
        )
    # The account's root stands for policies of IAM, and Auto Scaling's role has none for keys.
    people = {name for statement in allowed for name in _names(statement, "AWS")}
    if not any(name == "*" or name.endswith(_AUTO_SCALING_ROLE) for name in people):
        gaps.append(
            f"The policy of {key.arn} does not name AWSServiceRoleForAutoScaling: no instance may start with it "
            "(statements EncryptTheDisks and AttachTheDisks of docs/policies/kms-key.json)."
        )
    return tuple(gaps)


def _statements(policy: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    statements = policy.get("Statement", ())
    yield from [statements] if isinstance(statements, Mapping) else statements


def _names(statement: Mapping[str, Any], kind: str) -> Iterator[str]:
    """The principals of a statement; where a condition names those among everybody, these."""
    principal = statement.get("Principal", {})
    names = _as_list("*" if principal == "*" else principal.get(kind, ()))
    among = [
        name
        for keys in statement.get("Condition", {}).values()
        for key, values in keys.items()
        if key.lower() == "aws:principalarn"
        for name in _as_list(values)
    ]
    yield from among if "*" in names and among else names


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
