"""A permission that a call needs, and a call whose permissions are not known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: Action, resource and further context of each permission that a call needs.
Needs = Iterator[tuple[str, str, dict[str, Any]]]


class UnknownCall(Exception):
    """A call whose permissions the local platform does not know. It is refused for a role, never let through."""
