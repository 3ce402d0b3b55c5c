"""Text of unknown origin (log lines, names, records) that is about to be printed or logged."""

from __future__ import annotations

import re

# Remove what moves the cursor, changes the writing direction, or has no agreed meaning.
_CONTROL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)


def harmless(text: str) -> str:
    """Remove terminal control sequences from a text of unknown origin."""
    return _CONTROL.sub("", text)
