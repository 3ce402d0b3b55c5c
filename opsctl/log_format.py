"""Lines of logs: foreign text in them moves no terminal, has a limit, and cannot look like a line of its own."""

from __future__ import annotations

import logging

from opsctl.core.harmless import harmless, shortened

#: A traceback is a few thousand characters; what it quotes may be anything.
_LONGEST_ENTRY = 50_000
_INDENT = "\n  "


def log_entry(text: str) -> str:
    """A log's entry: its first line begins at the margin, all further ones are indented."""
    return harmless(shortened(text, _LONGEST_ENTRY)).replace("\n", _INDENT)


class EntryFormatter(logging.Formatter):
    """Formats records as entries."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's entry, with its traceback."""
        return log_entry(super().format(record))
