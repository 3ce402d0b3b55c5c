"""The lines of `--verbose`: each AWS call, on standard error, when it has ended."""

from __future__ import annotations

import logging
import sys

import click

from opsctl.aws.call_log import CALLS
from opsctl.log_format import EntryFormatter


class _StderrHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        # Not stored: rich replaces sys.stderr while it draws on the terminal.
        sys.stderr.write(f"{self.format(record)}\n")


def show_calls(context: click.Context) -> None:
    """Show each call until the command ends; a second call changes nothing."""
    if not are_calls_shown():
        handler = _StderrHandler()
        handler.setFormatter(EntryFormatter())
        CALLS.addHandler(handler)
        context.call_on_close(lambda: CALLS.removeHandler(handler))


def are_calls_shown() -> bool:
    """Whether `show_calls` is in effect."""
    return any(isinstance(handler, _StderrHandler) for handler in CALLS.handlers)
