"""Refuses to delete what active jobs read or write, what somebody submits to, or what later runs rest on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import NoReturn

from opsctl.aws.batch.batch import Batch
from opsctl.aws.s3.storage import Storage
from opsctl.commands.deletion.scope import Scope
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.commands.runs.submission_lease import SubmissionLease, leased_outputs
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location, parse_uri
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.manifest import Run
from opsctl.home import Home

_SHOWN = 3


def refuse_while_used(
    scope: Scope, *, platform: Platform, records: Records, batch: Batch, now: Callable[[], datetime]
) -> None:
    """Refuse while jobs of a run that reads or writes the data are active, or a later run lists the run's scans.

    Raises
    ------
    Problem
        With the runs' ids.
    """
    if scope.adopters:
        raise Problem(
            f"Scans of {scope.target.run_id} were taken over by {_ids(scope.adopters)}: that status needs its records.",
            f"Delete the later run first: `opsctl delete run {scope.adopters[-1]}`.",
            code=ErrorCode.DATA_IN_USE,
        )
    active = [run.run_id for run in scope.runs if _is_active(run, records=records, batch=batch, now=now)]
    known = {run.run_id for run in scope.runs}
    active += [run_id for run_id in scope.run_ids if run_id not in known and _has_job(run_id, platform, batch)]
    if active:
        raise Problem(
            f"Jobs of {_ids(active)} are active, and use what is to be deleted. Nothing was deleted.",
            f"Wait for their end (`opsctl status --run {active[0]} --wait`), or end them (`opsctl cancel --run "
            f"{active[0]}`).",
            code=ErrorCode.JOBS_ACTIVE,
        )


@contextmanager
def leases_on(
    outputs: Sequence[Location],
    *,
    dataset: Location | None,
    storage: Storage,
    home: Home,
    data_bucket: str,
    who: str,
) -> Iterator[Callable[[], None]]:
    """Hold the submission leases on output locations, so that no `run` begins; yields a check that they are still held.

    Parameters
    ----------
    dataset
        The folder of a dataset into whose outputs no `run` may begin, those too that do not exist yet.

    Raises
    ------
    Problem
        When somebody else holds one: nothing is waited for.
    """

    def refuse(message: str) -> NoReturn:
        raise Problem(
            f"{message}. Nothing was deleted.",
            "Type the command again when the submission has ended: `opsctl runs` shows the run.",
            code=ErrorCode.DATA_IN_USE,
        )

    leases: list[SubmissionLease] = []
    with ExitStack() as held:

        def hold(location: Location) -> None:
            lease = SubmissionLease(storage, home, location, data_bucket=data_bucket, who=who, on_wait=refuse)
            held.enter_context(lease.acquire())
            leases.append(lease)

        uris = {output.uri for output in outputs}
        if dataset is not None:
            hold(dataset)
            uris |= leased_outputs(storage, dataset, data_bucket=data_bucket)
        for uri in sorted(uris):
            hold(parse_uri(uri))

        def ensure_held() -> None:
            for lease in leases:
                lease.ensure_held()

        yield ensure_held


def _is_active(run: Run, *, records: Records, batch: Batch, now: Callable[[], datetime]) -> bool:
    reader = SnapshotReader(run, records=records, batch=batch, now=now)
    return not reader.counts().is_over or not reader.jobs_are_over


def _has_job(run_id: str, platform: Platform, batch: Batch) -> bool:
    """Whether a queue of the platform has a job of a run whose record does not tell."""
    queues = {resources.job_queue for resources in platform.models.values()}
    return any(job.name.startswith(f"{run_id}-") for queue in sorted(queues) for job in batch.active(queue))


def _ids(run_ids: Sequence[str]) -> str:
    more = f" and {len(run_ids) - _SHOWN} more" if len(run_ids) > _SHOWN else ""
    return f"{'the run ' if len(run_ids) == 1 else 'the runs '}{', '.join(run_ids[:_SHOWN])}{more}"
