"""Calls of AWS go into opsctl's log from the first one on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def calls_logged() -> Iterator[None]:
    """Write each call into the log until the command ends."""
    from opsctl.aws.call_log import CALLS
    from opsctl.home import Home
    from opsctl.log_file import LogFile

    log = LogFile(Home.of(os.environ))
    CALLS.addHandler(log)
    try:
        yield
    finally:
        CALLS.removeHandler(log)
        log.close()
