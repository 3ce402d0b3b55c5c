"""The permission that AWS's message names when it denies a call. AWS writes it nowhere else."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ACTION = re.compile(r"not authorized to perform: ([\w-]+:\w+)(?: on resource: \"?([^\s\"]+)\"?)?")


@dataclass(frozen=True)
class DeniedAction:
    """A denied permission.

    Attributes
    ----------
    action
        IAM's name of it, such as `ec2:CreateSubnet`.
    resource
        The ARN; None where the message names none, or every resource.
    """

    action: str
    resource: str | None = None

    @property
    def words(self) -> str:
        """`ec2:CreateSubnet on arn:aws:ec2:…`."""
        return f"{self.action} on {self.resource}" if self.resource else self.action


def denied_action(message: str) -> DeniedAction | None:
    """The permission that a message names; None where it names none."""
    match = _ACTION.search(message)
    if match is None:
        return None
    resource = (match[2] or "").rstrip(".")
    return DeniedAction(match[1], resource if resource not in ("", "*") else None)
