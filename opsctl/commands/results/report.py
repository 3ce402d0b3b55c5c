"""`report`: all that is known of a run, and the one file that it is written to."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.commands.runs.status import StatusReader
from opsctl.core.errors import Problem
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.attempt_merge import attempts_by_scan
from opsctl.core.runs.manifest import Origin, Run, timestamp
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import BatchJob, RunStatus

#: By this a report knows its own kind; it stands in the first lines of the file.
MARK = '<meta name="generator" content="opsctl report">'

_MARK_WITHIN_BYTES = 2000


@dataclass(frozen=True, kw_only=True)
class Report:
    """A run as it stood at one moment.

    Attributes
    ----------
    at
        UTC, ISO 8601.
    attempts
        By the scan's index, in their order.
    image_digest
        `sha256:…`, empty where it is not known.
    """

    run: Run
    at: str
    status: RunStatus
    results: Mapping[int, Result]
    attempts: Mapping[int, tuple[Attempt, ...]]
    image_digest: str


def gather(reader: RunReader, asked: StatusReader, *, records: Records, now: datetime) -> Report:
    """Read a run's facts.

    Parameters
    ----------
    asked
        Where the run stands, with the money.
    """
    run = reader.run
    # Batch is asked before the results are read: a job that ends in between has then written its result.
    status = asked.whole()
    document = records.document(run.run_id, 0) or {}
    return Report(
        run=run,
        at=timestamp(now),
        status=status,
        results=reader.results(),
        attempts=attempts_by_scan(reader.attempts(), _last_words(run, records)),
        image_digest=document.get("image_digest") or "",
    )


def _last_words(run: Run, records: Records) -> dict[int, BatchJob]:
    """What Batch said of jobs that ended without a word of their own: lost instances, images not pulled."""
    places = {run.origin(index): index for index in range(len(run.scans))}
    return {
        places[origin]: job
        for run_id in {origin.run_id for origin in places}
        for index, job in records.load_final_job_states(run_id).items()
        if (origin := Origin(run_id, index)) in places
    }


def target_of(file: Path | None, run: Run, *, folder: Path) -> Path:
    """Where the report goes: the file or into the folder that was named, else `RUN_ID.html` in this folder.

    Raises
    ------
    Problem
        Where a file stands there that is no report.
    """
    target = folder / f"{run.run_id}.html" if file is None else file
    target = target / f"{run.run_id}.html" if target.is_dir() else target
    try:
        with target.open("rb") as there:
            is_mine = MARK.encode() in there.read(_MARK_WITHIN_BYTES)
    except FileNotFoundError:
        return target
    except OSError as error:
        raise _unwritable(target, error) from error
    if not is_mine:
        raise Problem(f"{target} is there already and is no report of opsctl's.", "Name another file.")
    return target


def write(page: str, target: Path) -> int:
    """Write the report whole or not at all, readable by its owner only: it shows patients' data. Gives its bytes.

    Raises
    ------
    Problem
        Where the disk refuses.
    """
    body = page.encode("utf-8", errors="replace")
    try:
        # mkstemp's files are their owner's only.
        handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
            Path(beside).replace(target)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unwritable(target, error) from error
    return len(body)


def _unwritable(target: Path, error: OSError) -> Problem:
    return Problem(f"{target} cannot be written ({error.strerror}).", "Name another file.")
