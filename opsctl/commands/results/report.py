"""`report`: gather everything about a run, and write the page to one file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from opsctl.commands.runs.records import Records
from opsctl.core.errors import ErrorCode, Problem, write_error_code
from opsctl.core.runs.attempt_merge import AttemptsByScan
from opsctl.core.runs.manifest import Run, timestamp
from opsctl.core.runs.result import Result
from opsctl.core.runs.snapshot import Pricing, RunSnapshot
from opsctl.core.runs.status import RunStatus
from opsctl.open_folder import InTheWay, Taken
from opsctl.safe_folder import SafeFolder

#: Marks a file as a report; it is in the first lines.
MARK = '<meta name="generator" content="opsctl report">'

_MARK_WITHIN_BYTES = 2000


@dataclass(frozen=True, kw_only=True)
class Report:
    """A run at one moment.

    Attributes
    ----------
    at
        The moment: UTC, ISO 8601.
    results
        By the scan's index, perhaps without their lists of files.
    attempts
        Each scan's attempts in their order, by the scan's index.
    image_digest
        `sha256:…`, or empty when unknown.
    """

    run: Run
    at: str
    status: RunStatus
    results: Mapping[int, Result]
    attempts: AttemptsByScan
    image_digest: str


def gather(snapshot: RunSnapshot, *, pricing: Pricing | None, records: Records) -> Report:
    """Gather everything that a report shows of a run, but its files.

    Parameters
    ----------
    snapshot
        Of the whole run.
    """
    run = snapshot.run
    document = records.document(run.run_id, 0) or {}
    return Report(
        run=run,
        at=timestamp(snapshot.at),
        status=snapshot.with_costs(pricing),
        results=snapshot.results,
        attempts=snapshot.attempts,
        image_digest=document.get("image_digest") or "",
    )


def target_of(file: Path | None, run: Run, *, folder: Path) -> Path:
    """The path of the report: `file`, or `RUN_ID.html` in the folder `file`, or in `folder` when `file` is None.

    Raises
    ------
    Problem
        When something that is not a report has this name, a link too, or its folder cannot be opened.
    """
    target = folder / f"{run.run_id}.html" if file is None else file
    target = target / f"{run.run_id}.html" if target.is_dir() else target
    try:
        with SafeFolder(target.parent) as parent, parent.reading(target.name) as existing:
            is_free = existing is None or _is_report(existing)
    except OSError as error:
        raise _unwritable(target, error) from error
    if not is_free:
        raise _not_a_report(target)
    return target


def write(page: Iterable[str], target: Path) -> int:
    """Write the report, readable by its owner only because it shows patients' data; returns its size in bytes.

    Parameters
    ----------
    page
        In parts: a whole page of 20 MB need not be in memory as text too.

    Raises
    ------
    Problem
        When the file cannot be written, or is no report and was not there before.
    """
    body = b"".join(part.encode("utf-8", errors="replace") for part in page)
    try:
        with SafeFolder(target.parent) as parent:
            parent.write(target.name, body, mode=0o600, may_replace=_is_report)
    except OSError as error:
        raise _unwritable(target, error) from error
    return len(body)


def _is_report(existing: BinaryIO) -> bool:
    return MARK.encode() in existing.read(_MARK_WITHIN_BYTES)


def _not_a_report(target: Path) -> Problem:
    return Problem(
        f"{target} is there already and is no report of opsctl's.",
        "Name another file.",
        code=ErrorCode.OUTPUT_IN_USE,
    )


def _unwritable(target: Path, error: OSError) -> Problem:
    if isinstance(error, Taken):
        return _not_a_report(target)
    return Problem(
        f"{target} cannot be written ({error.strerror}).",
        "Name another file.",
        code=ErrorCode.OUTPUT_IN_USE if isinstance(error, InTheWay) else write_error_code(error),
    )
