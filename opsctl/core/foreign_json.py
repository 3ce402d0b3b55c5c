"""Parses JSON that something else than opsctl wrote. What has a fixed form is read by `opsctl.core.record` instead."""

from __future__ import annotations

import json
from typing import Any


def parse(text: str | bytes) -> Any:
    """Parse JSON.

    Raises
    ------
    ValueError
        If it is no JSON, or nested too deeply, or holds a number of thousands of digits.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def parse_object(text: str | bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises
    ------
    ValueError
        See `parse`; also if it holds something else than an object.
    """
    value = parse(text)
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    return value


def inner_object(value: Any, name: str) -> dict[str, Any]:
    """The object that an object has under a name; empty where it has none, or where either is something else."""
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}
