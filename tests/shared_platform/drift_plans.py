"""Terraform's plan JSON for one resource that somebody changed by hand, as `terraform show -json` prints it."""

from __future__ import annotations

from typing import Any

NOTHING: dict[str, Any] = {}


def entry(
    resource_type: str,
    name: str,
    *,
    key: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    address = f'module.m.{resource_type}.{name}["{key}"]' if key else f"module.m.{resource_type}.{name}"
    change = {"actions": ["update"] if after is not None else ["delete"], "before": before, "after": after, **more}
    return {"address": address, "mode": "managed", "type": resource_type, "name": name, "change": change}


def changes_by_hand(
    resource_type: str,
    name: str = "this",
    *,
    key: str = "",
    was: dict[str, Any],
    now: dict[str, Any] | None,
    wanted: dict[str, Any] | None = None,
    actions: tuple[str, ...] | None = None,
    unknown: dict[str, Any] = NOTHING,
    secret: dict[str, Any] = NOTHING,
) -> dict[str, Any]:
    """A plan whose state says `was`, AWS `now`, and that would make it `wanted` (as it was, unless said)."""
    drift = entry(resource_type, name, key=key, before=was, after=now, before_sensitive=secret, after_sensitive=secret)
    planned = entry(
        resource_type,
        name,
        key=key,
        before=now,
        after=was if wanted is None else wanted,
        after_unknown=unknown,
    )
    planned["change"]["actions"] = list(actions or (("create",) if now is None else ("update",)))
    return {"resource_drift": [drift], "resource_changes": [planned]}
