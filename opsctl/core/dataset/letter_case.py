"""Names that differ only in upper and lower case: some file systems cannot hold both."""

from __future__ import annotations

from collections.abc import Iterable

from opsctl.core.errors import ErrorCode, Problem


def ensure_distinct(names: Iterable[str]) -> None:
    """Ensure that no two different names are the same in lower case.

    Raises
    ------
    Problem
        With the first two that are.
    """
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise Problem(
                f"{other} and {name} differ only in upper and lower case.",
                "Rename one: their results could not stand side by side on every disk.",
                code=ErrorCode.INPUT_INVALID,
            )
