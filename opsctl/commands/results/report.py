"""`report`: gather everything about a run, and write the page to one file."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from opsctl.commands.runs.records import Records
from opsctl.core.errors import ErrorCode, Problem, write_error_code
from opsctl.core.location import parse_uri
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
class ReportSubject:
    """A run, or a dataset over all its runs into one output location.

    Attributes
    ----------
    run
        Of a dataset: a run in memory, with the best result of each scan (`dataset_run`).
    dataset
        The dataset as it was typed; empty for a run.
    origins
        The runs that the results of a dataset are from, oldest first.
    """

    run: Run
    dataset: str = ""
    origins: tuple[Run, ...] = ()

    @property
    def output_name(self) -> str:
        """The name of the derivatives folder."""
        return self.run.output.rstrip("/").rpartition("/")[2]

    @property
    def title(self) -> str:
        """The run's id, or the dataset with its derivatives folder."""
        return f"{self.dataset}, {self.output_name}" if self.dataset else self.run.run_id

    @property
    def file_name(self) -> str:
        """The name of its report."""
        if not self.dataset:
            return f"{self.run.run_id}.html"
        return f"{parse_uri(self.run.dataset).prefix.rpartition('/')[2]}-{self.output_name}.html"

    @property
    def options(self) -> str:
        """The options of `report` and `results` that select it."""
        if not self.dataset:
            return f"--run {self.run.run_id}"
        return f"--dataset {shlex.quote(self.dataset)} --modif {shlex.quote(self.output_name)}"


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
    subject
        What it is about.
    """

    run: Run
    at: str
    status: RunStatus
    results: Mapping[int, Result]
    attempts: AttemptsByScan
    image_digest: str
    subject: ReportSubject


def gather(snapshot: RunSnapshot, *, subject: ReportSubject, pricing: Pricing | None, records: Records) -> Report:
    """Gather everything that a report shows of a run, but its files.

    Parameters
    ----------
    snapshot
        Of the whole run.
    """
    run = snapshot.run
    # The run of a dataset is only in memory: the latest of its runs has records.
    recorded = subject.origins[-1] if subject.origins else run
    document = records.document(recorded.run_id, 0) or {}
    status = snapshot.with_costs(pricing)
    if subject.dataset:
        # All scans of a dataset are adopted from the runs that paid for them.
        status = replace(status, bill=status.adopted_bill)
    return Report(
        run=run,
        at=timestamp(snapshot.at),
        status=status,
        results=snapshot.results,
        attempts=snapshot.attempts,
        image_digest=document.get("image_digest") or "",
        subject=subject,
    )


def target_of(file: Path | None, name: str, *, folder: Path) -> Path:
    """The path of the report: `file`, or `name` in the folder `file`, or in `folder` when `file` is None.

    Raises
    ------
    Problem
        When something that is not a report has this name, a link too, or its folder cannot be opened.
    """
    target = folder / name if file is None else file
    target = target / name if target.is_dir() else target
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
    # Not a list of the parts and then the whole: that is the page twice.
    body = bytearray()
    for part in page:
        body += part.encode("utf-8", errors="replace")
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
