"""Terraform's state as its file holds it. On S3, everybody who may write to the bucket can have changed it."""

from __future__ import annotations

from typing import Any

from opsctl.core.foreign_json import parse_object


def parse_state(text: str | bytes) -> dict[str, Any]:
    """Parse a state, and check the form of what opsctl reads of it: the resources and their instances.

    Raises
    ------
    ValueError
        If it is no state.
    """
    state = parse_object(text)
    for resource in _objects(state.get("resources", []), "resources"):
        named = all(isinstance(resource.get(name), str) for name in ("type", "name"))
        if not named or not isinstance(resource.get("module", ""), str):
            raise ValueError("`resources` is wrong: a resource has no type or no name")
        for instance in _objects(resource.get("instances", []), "instances"):
            if not isinstance(instance.get("attributes") or {}, dict):
                raise ValueError("`attributes` is wrong")
    outputs = state.get("outputs") or {}
    if not isinstance(outputs, dict):
        raise ValueError("`outputs` is wrong")
    if not all("value" in output for output in _objects([*outputs.values()], "outputs")):
        raise ValueError("`outputs` is wrong: one has no value")
    return state


def _objects(value: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"`{name}` is wrong")
    return value
