"""`down`: refuse while jobs are active, destroy the platform root, remove what Terraform does not know, say it all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from opsctl.aws.batch.batch import ActiveJob, Batch
from opsctl.aws.platform.inventory import Inventory
from opsctl.aws.platform.removal import Removal
from opsctl.commands.platform.teardown_totals import Contents, Spent
from opsctl.core.errors import Interrupted, PlatformBusy, Problem
from opsctl.core.platform.inventory import Resource, ResourceKind, addresses_of
from opsctl.core.platform.platform import Platform
from opsctl.core.platform.terraform_events import Step
from opsctl.terraform.root import OnStep, Root

_POLL_SECONDS = 2.0
_CANCEL_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class TeardownReport:
    """What is gone, what was kept, and what it cost.

    Attributes
    ----------
    removed
        How many resources went.
    left
        What AWS still shows of the platform, each named, with the reason where one is known; empty when all is gone.
    data_bucket, contents, repository_url
        What was kept; None where it is not known.
    log_group
        The one that was kept, or None.
    spent
        What the platform's runs have cost; None where that is not known.
    idle_usd_per_hour
        What it has cost while nothing ran.
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
        """What `down --json` prints."""
        value = asdict(self)
        contents = value.pop("contents") or {"object_count": None, "size_bytes": None, "is_whole": False}
        return {**value, **contents, "left": list(self.left)}


@dataclass(frozen=True)
class Gone:
    """What a teardown came to.

    Attributes
    ----------
    trouble
        Why Terraform did not go through with it, where the rest was removed without it.
    """

    removed: int
    left: tuple[str, ...]
    trouble: Problem | None


def active_jobs(batch: Batch, platform: Platform) -> list[ActiveJob]:
    """What the platform's queues still hold."""
    return jobs_of(batch, [resources.job_queue for resources in platform.models.values()])


def jobs_of(batch: Batch, queues: Iterable[str]) -> list[ActiveJob]:
    """What some queues still hold, by their ARNs."""
    return [job for queue in queues for job in batch.active(queue)]


def queues_of(resources: Iterable[Resource]) -> list[str]:
    """The ARNs of the queues among an inventory."""
    return [one.arn for one in resources if one.kind == ResourceKind.QUEUE]


def refuse_while_active(
    jobs: list[ActiveJob], *, hint: str = "Wait for the end (`opsctl status`), or end them with `opsctl down --force`."
) -> None:
    """The guard on everything that would take instances away under running scans.

    Raises
    ------
    Problem
        With the count and the names when there is any active job.
    """
    if jobs:
        names = ", ".join(f"{job.name} ({job.status})" for job in jobs[:5])
        more = f" and {len(jobs) - 5} more" if len(jobs) > 5 else ""
        raise Problem(
            f"{len(jobs)} job{'s are' if len(jobs) > 1 else ' is'} still active: {names}{more}.",
            hint,
        )


def end_jobs(batch: Batch, queues: Sequence[str], jobs: list[ActiveJob], *, sleep: Callable[[float], None]) -> None:
    """End every active job and wait until the queues are empty.

    Raises
    ------
    Problem
        When some have not ended after five minutes.
    """
    for job in jobs:
        batch.terminate(job.job_id, reason="opsctl down --force")
    for _ in range(int(_CANCEL_SECONDS / _POLL_SECONDS)):
        left = jobs_of(batch, queues)
        if not left:
            return
        sleep(_POLL_SECONDS)
    raise Problem(
        f"{len(left)} jobs have not ended after {_CANCEL_SECONDS:.0f} s.", "Type `opsctl down --force` again."
    )


def tear_down(
    root: Root | None, *, name: str, inventory: Inventory, removal: Removal, keep_logs: bool, on_step: OnStep
) -> Gone:
    """Destroy the platform root, then remove what AWS still shows: AWS's word counts, not Terraform's.

    Parameters
    ----------
    root
        The platform root; None where there is no state, or no Terraform.
    keep_logs
        Leave the log group alone.

    Raises
    ------
    AtWork
        When another Terraform is at work on this platform: then nothing is touched.
    Interrupted
        After Ctrl-C.
    """
    removed: list[str] = []
    trouble = None
    if root is not None:
        try:
            _destroy(root, removed, name=name, keep_logs=keep_logs, on_step=on_step)
        except (Interrupted, PlatformBusy):
            raise
        except Problem as problem:
            trouble = problem
    here = going(inventory.of(name), keep_logs=keep_logs)
    reasons = {one.resource.key: one.reason for one in removal.remove(here)}
    left = going(inventory.of(name), keep_logs=keep_logs)
    by_hand = {one.key for one in here} - {one.key for one in left}
    return Gone(
        removed=len(removed) + len(by_hand),
        left=tuple(f"{one.words}: {reasons[one.key]}" if one.key in reasons else one.words for one in left),
        trouble=trouble,
    )


def _destroy(root: Root, removed: list[str], *, name: str, keep_logs: bool, on_step: OnStep) -> None:
    """Let Terraform remove what it knows; into `removed` go the addresses, also of a destroy that breaks off."""
    root.import_existing({})
    if keep_logs:
        root.state_rm(addresses_of(root.state(), [f"/opsctl/{name}"]))

    def count(step: Step) -> None:
        if step.state == "done":
            removed.append(step.address)
        on_step(step)

    root.destroy(count)


def going(resources: Iterable[Resource], *, keep_logs: bool) -> list[Resource]:
    """What a teardown is about: all but a log group that is to be kept."""
    return [one for one in resources if not (keep_logs and one.kind == ResourceKind.LOG_GROUP)]
