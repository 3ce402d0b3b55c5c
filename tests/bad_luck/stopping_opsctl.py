"""opsctl that stops itself at one exact moment, as a closed laptop stops it: `stopping_opsctl.py MOMENT WORDS…`.

MOMENT is `before-submit`, `after-submit`, `in-download` or `never`. It sends itself SIGSTOP once, and goes on after
SIGCONT.
`LEASE_SECONDS` in the environment shortens the submission lease, and its other times with it.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

if "FAKETIME_TIMESTAMP_FILE" in os.environ:
    # libfaketime 0.9 breaks `clock_nanosleep` with a changing offset: EINVAL, or an hour's sleep.
    time.sleep = lambda seconds: (select.select([], [], [], seconds), None)[1]

from opsctl.__main__ import main
from opsctl.aws.batch.batch import Batch
from opsctl.aws.s3.partial_file import PartialFile
from opsctl.commands.runs import submission_lease


def stop_once() -> None:
    """Stop this process, the first time only."""
    if not _stopped:
        _stopped.append(True)
        os.kill(os.getpid(), signal.SIGSTOP)


def stop_around_submit(submit: Callable[..., str], *, before: bool) -> Callable[..., str]:
    """Stop after the lease was checked and before SubmitJob, or after its reply and before it is recorded."""

    def stopping(batch: Batch, request: Any) -> str:
        if before:
            stop_once()
        job_id = submit(batch, request)
        if not before:
            stop_once()
        return job_id

    return stopping


def stop_in_download(finish: Callable[..., None]) -> Callable[..., None]:
    """Stop with the locks of the files that are being downloaded, before a file gets its name."""

    def stopping(part: Any, **settings: Any) -> None:
        stop_once()
        finish(part, **settings)

    return stopping


_stopped: list[bool] = []

if __name__ == "__main__":
    moment = sys.argv.pop(1)
    if seconds := float(os.environ.get("LEASE_SECONDS", "0")):
        scale = seconds / submission_lease.LEASE_SECONDS
        for name in ("LEASE_SECONDS", "_RENEW_SECONDS", "_TRUSTED_SECONDS", "_POLL_SECONDS"):
            setattr(submission_lease, name, getattr(submission_lease, name) * scale)
    if moment in ("before-submit", "after-submit"):
        Batch.submit = stop_around_submit(Batch.submit, before=moment == "before-submit")  # type: ignore[method-assign]
    elif moment == "in-download":
        PartialFile.finish = stop_in_download(PartialFile.finish)  # type: ignore[method-assign]
    elif moment != "never":
        raise SystemExit(f"no moment {moment}")
    main()
