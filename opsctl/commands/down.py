"""`down`: refuse while jobs are active, destroy the platform root, ask AWS what is left, say what was kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from opsctl.aws.batch import ActiveJob, Batch
from opsctl.aws.inventory import Inventory
from opsctl.aws.s3 import Storage
from opsctl.core.errors import Problem
from opsctl.core.location import Location
from opsctl.core.platform import Platform
from opsctl.terraform import OnStep, Root

_POLL_SECONDS = 2.0
_CANCEL_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What is gone and what was kept.

    Attributes
    ----------
    removed
        How many resources Terraform removed.
    left
        What AWS still shows of the platform, each named; empty when all is gone.
    data_bucket, object_count, size_bytes
        What was kept.
    """

    name: str
    removed: int
    left: tuple[str, ...]
    data_bucket: str
    object_count: int
    size_bytes: int
    repository_url: str

    def as_json(self) -> dict[str, Any]:
        """What `down --json` prints."""
        return {**asdict(self), "left": list(self.left)}


def active_jobs(batch: Batch, platform: Platform) -> list[ActiveJob]:
    """What the platform's queues still hold."""
    return [job for resources in platform.models.values() for job in batch.active(resources.job_queue)]


def refuse_while_active(
    jobs: list[ActiveJob], *, mend: str = "Wait for the end (`opsctl status`), or end them with `opsctl down --force`."
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
            mend,
        )


def end_jobs(batch: Batch, platform: Platform, jobs: list[ActiveJob], *, sleep: Callable[[float], None]) -> None:
    """End every active job and wait until the queues are empty.

    Raises
    ------
    Problem
        When some have not ended after five minutes.
    """
    for job in jobs:
        batch.terminate(job.job_id, reason="opsctl down --force")
    for _ in range(int(_CANCEL_SECONDS / _POLL_SECONDS)):
        left = active_jobs(batch, platform)
        if not left:
            return
        sleep(_POLL_SECONDS)
    raise Problem(
        f"{len(left)} jobs have not ended after {_CANCEL_SECONDS:.0f} s.", "Type `opsctl down --force` again."
    )


def tear_down(root: Root, platform: Platform, *, storage: Storage, inventory: Inventory, on_step: OnStep) -> Receipt:
    """Destroy the platform root and write the receipt from what AWS says afterwards, not from Terraform's word."""
    removed = root.destroy(on_step)
    kept = storage.below(Location(platform.data_bucket, ""))
    return Receipt(
        name=platform.name,
        removed=removed,
        left=tuple(inventory.of(platform.name)),
        data_bucket=platform.data_bucket,
        object_count=len(kept),
        size_bytes=sum(one.size_bytes for one in kept),
        repository_url=platform.repository_url,
    )
