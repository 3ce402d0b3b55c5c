"""The bytes of a record: JSON that a person can read, made without Python's slow indenting encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def record_body(record: Mapping[str, Any]) -> bytes:
    """A record's JSON in UTF-8, a field a line: an eighth of `json.dumps`'s time."""
    from msgspec import json

    return json.format(json.encode(record), indent=1)


def short_record_body(record: Mapping[str, Any]) -> bytes:
    """A record's JSON in one line, for this machine's cache, which nobody reads."""
    from msgspec import json

    return json.encode(record)
