"""Find in Terraform's plan what somebody changed by hand since the last `up`.

https://developer.hashicorp.com/terraform/internals/json-format#plan-representation
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_KEY = re.compile(r'\["?([^\]"]+)"?\]$')


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One difference from what the last `up` left.

    Attributes
    ----------
    resource_type, name, key
        Such as `aws_batch_job_queue`, `model` and `csd`; `key` is empty for a resource without instances.
    facts
        The resource's attributes as the last `up` left them.
    path
        The attribute, with dots and without the index of a single block; empty where the resource is gone.
    was, now
        The attribute's values. A tag that does not exist is None.
    is_secret
        Whether Terraform marks the value as sensitive; it is then never shown.
    """

    resource_type: str
    name: str
    key: str
    facts: Mapping[str, Any]
    path: str = ""
    was: Any = None
    now: Any = None
    is_secret: bool = False

    @property
    def is_gone(self) -> bool:
        """Whether the resource was deleted."""
        return not self.path


def drifts(plan: Mapping[str, Any]) -> Iterator[Drift]:
    """Every change by hand that applying the plan would undo.

    Other differences that Terraform reports (an address that AWS chose, attributes under `ignore_changes`) are not
    changes by hand, and an apply leaves them.

    Parameters
    ----------
    plan
        The output of `terraform show -json PLANFILE`.
    """
    planned = {resource["address"]: resource["change"] for resource in plan.get("resource_changes", ())}
    for resource in plan.get("resource_drift", ()):
        planned_change = planned.get(resource["address"])
        if planned_change is None or planned_change["actions"] == ["no-op"]:
            continue
        if resource.get("mode", "managed") == "managed":
            yield from _of_resource(resource, planned_change)


def _of_resource(resource: Mapping[str, Any], planned: Mapping[str, Any]) -> Iterator[Drift]:
    change = resource["change"]
    was = change["before"] or {}
    key = _KEY.search(resource["address"])
    identity = {
        "resource_type": resource["type"],
        "name": resource["name"],
        "key": key.group(1) if key else "",
        "facts": was,
    }
    if change["after"] is None:
        # Not a drift if the plan would delete the resource anyway.
        if "create" in planned["actions"]:
            yield Drift(**identity)
        return
    after, unknown = planned.get("after") or {}, planned.get("after_unknown") or {}
    secret = (change.get("before_sensitive") or {}, change.get("after_sensitive") or {})
    for path, (before, now, then, is_unknown, *is_secret) in _leaves(was, change["after"], after, unknown, *secret):
        # tags_all contains all tags. A value that is known only after an apply was never set by hand.
        if path.split(".")[0] == "tags" or not _is_unset(is_unknown):
            continue
        if not _same(before, now) and not _same(now, then):
            yield Drift(**identity, path=path, was=before, now=now, is_secret=any(map(_marks_secret, is_secret)))


def _leaves(*values: Any, path: str = "") -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Walk several values of one shape at once, guided by the first two; a list of one block counts as that block."""
    before, now = values[:2]
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted({*before, *now}):
            inner = tuple(value.get(name) if isinstance(value, dict) else value for value in values)
            yield from _leaves(*inner, path=f"{path}.{name}" if path else name)
    elif _is_block(before) and _is_block(now):
        # The marks (sensitive, unknown) have an empty list where nothing is marked.
        blocks = ((value[0] if value else None) if isinstance(value, list) else value for value in values)
        yield from _leaves(*blocks, path=path)
    else:
        yield path, values


def _is_block(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict)


def _is_unset(value: Any) -> bool:
    return value in (None, False, "", [], {})


def _same(value: Any, other: Any) -> bool:
    """Whether two values mean the same: AWS's replies do not distinguish unset from empty."""
    return value == other or (_is_unset(value) and _is_unset(other))


def _marks_secret(mark: Any) -> bool:
    """Whether a mark, or any inside it, says that the value is sensitive."""
    if isinstance(mark, dict):
        return any(map(_marks_secret, mark.values()))
    return any(map(_marks_secret, mark)) if isinstance(mark, list) else mark is True
