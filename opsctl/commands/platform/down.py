"""`down`: refuse while jobs are active, destroy the platform root, then remove what Terraform does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from opsctl.aws.batch.batch import ActiveJob, Batch
from opsctl.aws.platform.inventory import Inventory
from opsctl.aws.platform.removal import Removal
from opsctl.commands.platform.teardown_totals import Contents, Spent
from opsctl.core.errors import ErrorCode, Interrupted, PlatformBusy, Problem
from opsctl.core.platform.inventory import Resource, ResourceKind, addresses_of
from opsctl.core.platform.platform import Platform
from opsctl.core.platform.terraform_events import Step
from opsctl.core.runs.submission import run_of_job
from opsctl.terraform.root import OnStep, Root

_POLL_SECONDS = 2.0
_CANCEL_SECONDS = 300.0
_NAMED = 5
#: What the provider waits for longer than AWS takes. The endpoint is for instances, and without queues none starts.
_SLOW_IN_TERRAFORM = (ResourceKind.QUEUE, ResourceKind.ENDPOINT)


@dataclass(frozen=True, kw_only=True)
class TeardownReport:
    """What was removed, what was kept, and what the platform cost.

    Attributes
    ----------
    removed
        The number of resources that were removed.
    left
        The resources that AWS still shows, each with the reason where one is known; empty when all are gone.
    data_bucket, contents, repository_url
        What was kept; None when unknown.
    log_group
        The log group that was kept, or None.
    spent
        The cost of the platform's runs; None when unknown.
    idle_usd_per_hour
        The cost of the platform while nothing ran.
    """

    name: str
    removed: int
    left: tuple[str, ...]
    data_bucket: str | None
    contents: Contents | None
    repository_url: str | None
    log_group: str | None = None
    spent: Spent | None = None
    idle_usd_per_hour: float = 0.0
    is_local: bool = False

    def as_json(self) -> dict[str, Any]:
        """The output of `down --json`."""
        value = asdict(self)
        contents = value.pop("contents") or {"object_count": None, "size_bytes": None, "is_whole": False}
        return {**value, **contents, "left": list(self.left)}


@dataclass(frozen=True)
class TeardownOutcome:
    """The outcome of a teardown.

    Attributes
    ----------
    removed, left
        As in `TeardownReport`.
    trouble
        Why Terraform's destroy failed, when the rest was removed without it.
    """

    removed: int
    left: tuple[str, ...]
    destroy_error: Problem | None


def active_jobs(batch: Batch, platform: Platform) -> list[ActiveJob]:
    """The active jobs on the platform's queues."""
    return jobs_of(batch, [resources.job_queue for resources in platform.models.values()])


def jobs_of(batch: Batch, queues: Iterable[str]) -> list[ActiveJob]:
    """The active jobs on queues, which are given by their ARNs."""
    return [job for queue in queues for job in batch.active(queue)]


def queues_of(resources: Iterable[Resource]) -> list[str]:
    """The ARNs of the job queues in an inventory."""
    return [resource.arn for resource in resources if resource.kind == ResourceKind.QUEUE]


def active_scans_text(jobs: Sequence[ActiveJob]) -> str:
    """`1 scan is`, `4 scans are`: the scans of jobs that have not ended."""
    scans = sum(job.scans for job in jobs)
    return "1 scan is" if scans == 1 else f"{scans:,} scans are"


def refuse_while_active(jobs: list[ActiveJob], *, may_force: bool = True) -> None:
    """Refuse an operation that would remove instances under running scans.

    Parameters
    ----------
    may_force
        Whether it is `down`, which has `--force`.

    Raises
    ------
    Problem
        When a job is active: with the count of its scans, and the names of its run.
    """
    if not jobs:
        return
    names = list(dict.fromkeys(run_of_job(job.name) or job.name for job in jobs))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    run_id = run_of_job(jobs[0].name)
    status = f"opsctl status --watch --run {run_id}" if run_id is not None and len(names) == 1 else "opsctl runs"
    force = ", or end them with `opsctl down --force`" if may_force else ""
    raise Problem(
        f"{active_scans_text(jobs)} still active: {', '.join(names[:_NAMED])}{more}.",
        f"Wait for the end (`{status}`){force}.",
        code=ErrorCode.JOBS_ACTIVE,
    )


def end_jobs(batch: Batch, queues: Sequence[str], jobs: list[ActiveJob], *, sleep: Callable[[float], None]) -> None:
    """Terminate the jobs and wait until the queues are empty.

    Raises
    ------
    Problem
        When jobs are still active after five minutes.
    """
    for job in jobs:
        batch.terminate(job.job_id, reason="opsctl down --force")
    for _ in range(int(_CANCEL_SECONDS / _POLL_SECONDS)):
        active = jobs_of(batch, queues)
        if not active:
            return
        sleep(_POLL_SECONDS)
    raise Problem(
        f"{active_scans_text(active)} still active after {_CANCEL_SECONDS:.0f} s.",
        "Type `opsctl down --force` again.",
        code=ErrorCode.JOBS_ACTIVE,
    )


def tear_down(
    root: Root | None, *, name: str, inventory: Inventory, removal: Removal, keep_logs: bool, on_step: OnStep
) -> TeardownOutcome:
    """Destroy the platform root, then remove every resource that AWS still shows.

    The job queues and the VPC endpoint are removed before, where the state is on this machine: Terraform's provider
    waits 30 s after it has disabled a queue, 30 s more after it has deleted it, and 5 s after it has deleted an
    endpoint, however soon each is gone.

    Parameters
    ----------
    root
        The platform root; None when there is no state, or no Terraform.
    keep_logs
        Keep the log group.

    Raises
    ------
    PlatformBusy
        When another Terraform works on this platform: nothing was changed.
    Interrupted
        After Ctrl-C.
    """
    destroyed: list[str] = []
    destroy_error = None
    early: list[Resource] = []
    if root is not None:
        # A state on S3 may be locked by another machine's Terraform: then nothing is to be changed.
        if root.has_local_state:
            early = _remove_early(inventory.of(name), removal)
        try:
            _destroy(root, destroyed, name=name, keep_logs=keep_logs, on_step=on_step)
        except Interrupted as stopped:
            if early and not stopped.hint:
                # Terraform had not begun.
                raise Interrupted(
                    f"Stopped. Only {_early_text(early)} removed.", "`opsctl down` goes on from there."
                ) from stopped
            raise
        except PlatformBusy:
            raise
        except Problem as problem:
            destroy_error = problem
    undestroyed = resources_to_remove(inventory.of(name), keep_logs=keep_logs)
    reasons = {failure.resource.key: failure.reason for failure in removal.remove(undestroyed)}
    remaining = resources_to_remove(inventory.of(name), keep_logs=keep_logs)
    removed_directly = {resource.key for resource in undestroyed} - {resource.key for resource in remaining}
    return TeardownOutcome(
        removed=len(early) + len(destroyed) + len(removed_directly),
        left=tuple(
            f"{resource.words}: {reasons[resource.key]}" if resource.key in reasons else resource.words
            for resource in remaining
        ),
        destroy_error=destroy_error,
    )


def _remove_early(resources: Iterable[Resource], removal: Removal) -> list[Resource]:
    """Remove what Terraform would wait for; return what is gone. Terraform tries the others again."""
    early = [resource for resource in resources if resource.kind in _SLOW_IN_TERRAFORM]
    stuck = {failure.resource.key for failure in removal.remove(early)} if early else set()
    return [resource for resource in early if resource.key not in stuck]


def _early_text(removed: Iterable[Resource]) -> str:
    """`the job queues are`, `the job queues and the VPC endpoint are`."""
    kinds = {resource.kind for resource in removed}
    if kinds == {ResourceKind.ENDPOINT}:
        return "the VPC endpoint is"
    return "the job queues and the VPC endpoint are" if ResourceKind.ENDPOINT in kinds else "the job queues are"


def _destroy(root: Root, destroyed: list[str], *, name: str, keep_logs: bool, on_step: OnStep) -> None:
    """Destroy the root; its resources' addresses are added to `destroyed`, even when the destroy fails half-way."""
    root.import_existing({})
    if keep_logs:
        root.state_rm(addresses_of(root.state(), [f"/opsctl/{name}"]))

    def count(step: Step) -> None:
        if step.state == "done":
            destroyed.append(step.address)
        on_step(step)

    root.destroy(count)


def resources_to_remove(resources: Iterable[Resource], *, keep_logs: bool) -> list[Resource]:
    """The resources that a teardown removes: all but, with `keep_logs`, the log group."""
    return [resource for resource in resources if not (keep_logs and resource.kind == ResourceKind.LOG_GROUP)]
