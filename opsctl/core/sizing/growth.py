"""Scans that outgrow the memory of their jobs: with how much they run again, and by which command."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.causes import run_again
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.scan_history import ScanDisposition
from opsctl.core.runs.status import RunStatus, ScanStatus
from opsctl.core.sizing.job_size import JobSize


def grown_memory_mib(size: JobSize, model: str, platform: Platform) -> int | None:
    """The memory with which a scan runs again that outgrew such a job; None where no job has more.

    A scan that shared its instance gets the whole of one like it. One that had it for itself gets the larger model's.
    """
    own = platform.models[model].whole_memory_mib
    larger = [own, *sorted(resources.whole_memory_mib for resources in platform.models.values())]
    return next((memory_mib for memory_mib in larger if memory_mib > size.memory_mib), None)


def outgrown_scans(status: RunStatus) -> list[ScanStatus]:
    """The run's own scans that ran out of memory, and that more memory may help; none where they are not run again.

    Where somebody has cancelled scans of the run, nothing of it is submitted again without being asked for.
    """
    grows_to = status.run.grows_to_mib
    if grows_to is None or status.cancelled:
        return []
    return [
        scan
        for scan in status.failed
        if scan.is_submitted
        and scan.index < status.run.submitted_count
        and scan.cause_code == CauseCode.OUT_OF_MEMORY
        # What asks for more at once than the larger job has would fail again.
        and scan.reason.number("allocation_mib") < grows_to
    ]


def outgrown_before(
    scans: Iterable[ScanDisposition], earlier: Sequence[Run], *, memory_mib: int, platform: Platform
) -> list[ScanDisposition]:
    """The scans that ran out of memory before, in jobs with no less memory than they would have now.

    Parameters
    ----------
    scans
        What would be submitted.
    earlier
        The runs that decided what became of them.
    memory_mib
        Of the jobs now.
    """
    runs = {run.run_id: run for run in earlier}

    def had_mib(scan: ScanDisposition) -> int:
        run = runs.get(scan.origin.run_id) if scan.origin else None
        resources = platform.models.get(run.resources) if run else None
        return (run.memory_mib if run else None) or (resources.memory_mib if resources else 0)

    return [scan for scan in scans if scan.is_outgrown and had_mib(scan) >= memory_mib]


def growth_command(run: Run) -> str:
    """The command that runs a run's outgrown scans again: once, and within the same budget.

    Parameters
    ----------
    run
        With `grows_to_mib`.
    """
    words = shlex.split(run_again(run, has_own_memory=True))
    # The JSONs of a person's own folder are the first run's.
    while "--jobdir" in words:
        place = words.index("--jobdir")
        del words[place : place + 2]
    words = [word for word in words if not word.startswith("--jobdir=") and word != "--no-grow"]
    words += ["--only", "outgrown", "--memory", str(run.grows_to_mib), "--no-grow"]
    words += [] if run.max_spend_usd is None else ["--max-spend", f"{run.max_spend_usd:.15g}"]
    return shlex.join(words)
