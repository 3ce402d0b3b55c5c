"""What somebody changed by hand since the last `up`, out of Terraform's plan.

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
    """One thing that is not as the last `up` left it.

    Attributes
    ----------
    resource_type, name, key
        `aws_batch_job_queue`, `model`, and `csd` where there is one of several.
    facts
        The resource as the last `up` left it.
    path
        The attribute with dots, blocks of one entry without their number; empty where the resource is gone.
    was, now
        The attribute's values. A tag that was not there, or is not any more, is None.
    is_secret
        Whether Terraform calls the value sensitive: it is never shown.
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
        """Whether the whole resource is gone."""
        return not self.path


def drifts(plan: Mapping[str, Any]) -> Iterator[Drift]:
    """Every change by hand that an apply of this plan would mend.

    What Terraform only noted while it looked (an address that AWS chose, what `ignore_changes` leaves alone) is no
    change by hand, and it does not touch it.

    Parameters
    ----------
    plan
        What `terraform show -json PLANFILE` prints.
    """
    planned = {one["address"]: one["change"] for one in plan.get("resource_changes", ())}
    for found in plan.get("resource_drift", ()):
        hint = planned.get(found["address"])
        if hint is None or hint["actions"] == ["no-op"] or found.get("mode", "managed") != "managed":
            continue
        yield from _of_resource(found, hint)


def _of_resource(found: Mapping[str, Any], hint: Mapping[str, Any]) -> Iterator[Drift]:
    change = found["change"]
    was = change["before"] or {}
    key = _KEY.search(found["address"])
    about = {
        "resource_type": found["type"],
        "name": found["name"],
        "key": key.group(1) if key else "",
        "facts": was,
    }
    if change["after"] is None:
        # What `down` or another `up` takes away as well was not gone against anybody's will.
        if "create" in hint["actions"]:
            yield Drift(**about)
        return
    wanted, unknown = hint.get("after") or {}, hint.get("after_unknown") or {}
    secret = (change.get("before_sensitive") or {}, change.get("after_sensitive") or {})
    for path, (before, now, then, is_unknown, *is_secret) in _leaves(was, change["after"], wanted, unknown, *secret):
        # tags_all holds them together with the provider's own; what is to be known only later was never written down.
        if path.split(".")[0] == "tags" or not _is_unset(is_unknown):
            continue
        if not _same(before, now) and not _same(now, then):
            yield Drift(**about, path=path, was=before, now=now, is_secret=any(map(_marks_secret, is_secret)))


def _leaves(*values: Any, path: str = "") -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Walk several values of one shape at once, the first two leading; a list of one block is that block."""
    before, now = values[:2]
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted({*before, *now}):
            inner = tuple(one.get(name) if isinstance(one, dict) else one for one in values)
            yield from _leaves(*inner, path=f"{path}.{name}" if path else name)
    elif _is_block(before) and _is_block(now):
        # Some marks (sensitive, unknown) leave an empty list where nothing is marked.
        yield from _leaves(*((one[0] if one else None) if isinstance(one, list) else one for one in values), path=path)
    else:
        yield path, values


def _is_block(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict)


def _is_unset(value: Any) -> bool:
    return value in (None, False, "", [], {})


def _same(one: Any, other: Any) -> bool:
    """Whether two values mean the same: AWS's answers know no difference between not set and empty."""
    return one == other or (_is_unset(one) and _is_unset(other))


def _marks_secret(mark: Any) -> bool:
    """Whether a mark, or any inside it, says that the value is sensitive."""
    if isinstance(mark, dict):
        return any(map(_marks_secret, mark.values()))
    return any(map(_marks_secret, mark)) if isinstance(mark, list) else mark is True
