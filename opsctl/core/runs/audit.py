"""Check each scan of a dataset against its output location: inputs, job and outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from opsctl.core.counted import counted
from opsctl.core.dataset.scan import S3Object
from opsctl.core.runs.result import OutputFile, Result
from opsctl.core.runs.state import DailyState
from opsctl.core.runs.status import ACTIVE, ScanStatus

AuditState = Literal["complete", "in flight", "failed", "cancelled", "missing", "outputs damaged", "inputs changed"]


@dataclass(frozen=True, kw_only=True)
class AuditRow:
    """One scan.

    Attributes
    ----------
    state
        `in flight`: it waits or runs.
        `complete`: a job succeeded on the inputs as they are now, and every file that it published is unchanged.
    inputs, job, outputs
        A phrase on each.
    run_id
        The run that these phrases are about; empty where there is none.
    cause_code
        Why the job failed (`opsctl.core.diagnosis.cause_code`); empty where it did not.
    """

    scan: str
    state: AuditState
    inputs: str
    job: str
    outputs: str
    run_id: str = ""
    cause_code: str = ""

    @property
    def is_active(self) -> bool:
        """Whether a job of the scan waits or runs."""
        return self.state == "in flight"

    @property
    def text(self) -> str:
        """`failed: bval and bvec differ in count (HNU1-…). Inputs unchanged since.`"""
        if self.state == "missing":
            return "missing: it was never submitted."
        of_run = f" ({self.run_id})"
        if self.is_active:
            return f"{self.job}{of_run}."
        inputs = "Inputs unchanged since." if self.inputs == "unchanged" else f"Since then {self.inputs}."
        if self.state in ("failed", "cancelled"):
            job = self.job or "no reason is known"
            head = job if job.startswith(self.state) else f"{self.state}: {job}"
        else:
            head = f"{self.state}: {self.outputs}; {self.job}"
        return f"{head}{of_run}. {inputs}"

    def as_json(self) -> dict[str, Any]:
        """An entry of `audit --json`."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One run's records of a scan.

    Attributes
    ----------
    inputs
        Etags by URI, as the scan's JSON lists them.
    status
        What has become of the scan in this run.
    """

    run_id: str
    inputs: Mapping[str, str]
    status: ScanStatus
    result: Result | None


def audit_row(
    scan: str,
    entries: Sequence[AuditEntry],
    *,
    dataset: Mapping[str, str],
    damage_of: Callable[[Result], tuple[int, int]],
) -> AuditRow:
    """Audit one scan.

    Parameters
    ----------
    entries
        The submitted ones, newest first.
    dataset
        Current etags of the dataset's objects by URI.
    damage_of
        How many files of a succeeded result are missing, and how many have changed.
    """
    if not entries:
        return AuditRow(scan=scan, state="missing", inputs="", job="was never submitted", outputs="none")
    active = next((entry for entry in entries if entry.status.state in ACTIVE), None)
    done = next((entry for entry in entries if entry.status.state == "DONE"), None)
    entry = active or done or entries[0]
    inputs = _inputs(entry, dataset)
    if active is not None:
        return AuditRow(
            scan=scan,
            state="in flight",
            inputs=inputs,
            job=str(active.status.daily),
            outputs="not yet",
            run_id=active.run_id,
        )
    if done is None or done.result is None:
        return AuditRow(
            scan=scan,
            state="cancelled" if entry.status.daily is DailyState.CANCELLED else "failed",
            inputs=inputs,
            job=entry.status.cause,
            outputs="none",
            run_id=entry.run_id,
            cause_code=entry.status.cause_code,
        )
    count = done.result.file_count
    damage = _damage_phrase(*damage_of(done.result), count)
    state: AuditState = "complete"
    if inputs != "unchanged":
        state = "inputs changed"
    if damage:
        state = "outputs damaged"
    return AuditRow(
        scan=scan,
        state=state,
        inputs=inputs,
        job=f"done (attempt {done.result.attempt})",
        outputs=damage or ("its file" if count == 1 else f"all {count} files"),
        run_id=done.run_id,
    )


def _inputs(entry: AuditEntry, dataset: Mapping[str, str]) -> str:
    gone = [uri for uri in entry.inputs if uri not in dataset]
    changed = [uri for uri, etag in entry.inputs.items() if uri in dataset and dataset[uri] != etag]
    parts = [f"{_file_name(uri)} is gone" for uri in gone] + [f"{_file_name(uri)} has changed" for uri in changed]
    return "; ".join(parts) or "unchanged"


def damage(files: Iterable[OutputFile], derivatives: Mapping[str, S3Object]) -> tuple[int, int]:
    """How many files of a result are missing, and how many have changed.

    Parameters
    ----------
    derivatives
        Objects of the output location by URI.
    """
    missing, changed = 0, 0
    for file in files:
        obj = derivatives.get(file.uri)
        if obj is None:
            missing += 1
        elif not file.is_intact(obj):
            changed += 1
    return missing, changed


def _damage_phrase(missing: int, changed: int, count: int) -> str:
    of_all = f"of {counted(count, 'file')}"
    parts = [f"{missing} {of_all} {'is' if missing == 1 else 'are'} missing"] if missing else []
    parts += [f"{changed} {of_all} {'has' if changed == 1 else 'have'} changed"] if changed else []
    return ", ".join(parts)


def _file_name(uri: str) -> str:
    return uri.rpartition("/")[2]
