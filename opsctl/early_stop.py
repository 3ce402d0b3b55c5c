"""A Ctrl-C that comes while opsctl is still being imported: a word in place of a traceback."""

from __future__ import annotations

import sys
from types import TracebackType


def say_stopped() -> None:
    """Let Python say `Stopped.` where a Ctrl-C ends it outside `main`; a shell still sees that a signal ended it."""
    usual = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.stderr.write("Stopped.\n")
        else:
            usual(kind, error, trace)

    sys.excepthook = hook
