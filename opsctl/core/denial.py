"""The permission that AWS's message names when it denies a call. AWS writes it nowhere else."""

from __future__ import annotations

import re
from typing import NamedTuple

#: `with an explicit deny in a service control policy`, `because no permissions boundary allows the … action`.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_POLICY = re.compile(r"(?:explicit deny in an?|because no) ([\w -]*?(?:policy|boundary))\b")
_OF_THE_ORGANISATION = ("service control policy", "resource control policy")
#: Where a permission is looked for first: to name it tells nothing.
_USUAL = "identity-based policy"
_ACTION = re.compile(r"not authorized to perform: ([\w-]+:\w+)(?: on resource: \"?([^\s\"]+)\"?)?")


class DeniedAction(NamedTuple):
    """A denied permission.

    Attributes
    ----------
    action
        IAM's name of it, such as `ec2:CreateSubnet`.
    resource
        The ARN; None where the message names none, or every resource.
    policy
        The kind of policy that denies it, such as `service control policy`; empty where that is the caller's own, or
        not said.
    """

    action: str
    resource: str | None = None
    policy: str = ""

    @property
    def words(self) -> str:
        """`ec2:CreateSubnet on arn:aws:ec2:…`."""
        return f"{self.action} on {self.resource}" if self.resource else self.action

    @property
    def is_of_the_organisation(self) -> bool:
        """Whether nobody in the account can allow it."""
        return self.policy in _OF_THE_ORGANISATION

    @property
    def denied_by(self) -> str:
        """`a permissions boundary`; empty where no other policy than the caller's own is named."""
        return f"a {self.policy}{' of the organisation' if self.is_of_the_organisation else ''}" if self.policy else ""


def denied_action(message: str) -> DeniedAction | None:
    """The permission that a message names; None where it names none."""
    match = _ACTION.search(message)
    if match is None:
        return None
    resource = (match[2] or "").rstrip(".")
    policy = _POLICY.search(message)
    return DeniedAction(
        match[1],
        resource if resource not in ("", "*") else None,
        policy[1] if policy and policy[1] != _USUAL else "",
    )
