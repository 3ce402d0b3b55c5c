"""Orphans: a platform's resources that AWS shows and Terraform's state does not know.

A killed `up` or a lost reply leaves them. They are this state's own, because `up` claims the platform's name first
(`opsctl.commands.platform.name_claim`). `up` calls three functions, in this order
(`opsctl.cli.platform.orphan_cleanup` has the adapters):

1. `find_orphans`, between `init` and `plan` of the platform root: reports the orphans and what happens to each. It lets
   the plan import an existing log group. `OrphanReport.replace` is for the plan: the addresses of compute environments
   that AWS has made invalid, or whose machine image has aged. `opsctl.render.up.orphan_lines` shows the report beside
   the plan, before the one question.
2. `remove_orphans`, after the answer yes and before the apply.
3. `finish_cleanup`, after the apply: removes the orphans that were in use before and the superseded revisions of job
   definitions, and takes the inventory.

When the apply has to be planned again, `find_invalid_environments` says what that plan has to replace, and
`clear_lost` removes what this `up` has made without knowing it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from opsctl.aws.batch.batch import Batch
from opsctl.aws.platform.inventory import Inventory
from opsctl.aws.platform.removal import NotRemoved, Removal
from opsctl.commands.platform.down import active_scans_text, jobs_of, queues_of
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.inventory import (
    NAMED_KINDS,
    Resource,
    ResourceKind,
    addresses_of,
    counts_text,
    environments_to_replace,
    in_use,
    known_keys,
    orphans,
    superseded,
)
from opsctl.core.platform.platform import record_parameter
from opsctl.terraform.root import Root

#: The log group's address in the platform root.
LOG_GROUP_ADDRESS = "module.batch.aws_cloudwatch_log_group.jobs"


@dataclass(frozen=True, kw_only=True)
class OrphanReport:
    """The orphans before an `up`.

    Attributes
    ----------
    orphans
        Removed before the apply, which creates them anew.
    later
        Orphans that a resource in the state still uses: removed after the apply.
    foreign
        Resources with a name like the platform's but without its tag: kept.
    log_group
        The existing log group, which is imported with its events.
    invalid
        Compute environments in the state that AWS has made invalid: replaced.
    aged
        Compute environments in the state for which AWS has a newer machine image: replaced, unless jobs are active.
    active_jobs
        The number of the platform's active jobs, for whose sake `aged` is left as it is; 0 otherwise.
    replace
        The addresses of `invalid`, and of `aged` without active jobs.
    seen
        The keys of all resources that stay until the apply.
    has_record
        Whether the state knows the platform's record.
    """

    name: str
    orphans: tuple[Resource, ...] = ()
    later: tuple[Resource, ...] = ()
    foreign: tuple[Resource, ...] = ()
    log_group: Resource | None = None
    invalid: tuple[Resource, ...] = ()
    aged: tuple[Resource, ...] = ()
    active_jobs: int = 0
    replace: tuple[str, ...] = ()
    seen: frozenset[str] = frozenset()
    has_record: bool = False

    @property
    def needs_confirmation(self) -> bool:
        """Whether orphans are removed."""
        return bool(self.orphans or self.later)

    @property
    def newest(self) -> datetime | None:
        """When the newest orphan was created; None when AWS does not say."""
        orphans = (*self.orphans, *self.later)
        return max((resource.since for resource in orphans if resource.since is not None), default=None)


def find_orphans(
    root: Root, *, name: str, inventory: Inventory, batch: Batch, importable: Mapping[str, str] | None = None
) -> OrphanReport:
    """Compare AWS's inventory of a platform with its Terraform state.

    Parameters
    ----------
    importable
        Ids by address of what exists and is in no inventory: the plan imports what the state does not know.

    Raises
    ------
    Problem
        When the platform is up and belongs to another state, or when jobs are active on a queue that would be removed.
    """
    resources, state = inventory.of(name), root.state()
    known = known_keys(state)
    unknown = orphans(resources, known)
    if not known and any(resource.kind == ResourceKind.RECORD for resource in unknown):
        raise Problem(
            f"The platform {name} is up already, and this machine has no Terraform state of it: "
            "it was made from another one.",
            f"Use it (`--platform {name}`), or remove it with `opsctl down --name {name}`.",
            code=ErrorCode.PLATFORM_ELSEWHERE,
        )
    log_group = next((resource for resource in unknown if resource.kind == ResourceKind.LOG_GROUP), None)
    imports = {address: existing for address, existing in (importable or {}).items() if existing not in known}
    root.import_existing({**imports, **({LOG_GROUP_ADDRESS: log_group.id} if log_group else {})})
    kept = {log_group, *superseded(unknown, known)}
    removable = [resource for resource in unknown if resource not in kept and resource.is_tagged]
    jobs = jobs_of(batch, queues_of(removable))
    if jobs:
        raise Problem(
            f"{'1 resource is' if len(removable) == 1 else f'{len(removable)} resources are'} left of an earlier `up` "
            f"of {name}, "
            f"and {active_scans_text(jobs)} active on them, such as {jobs[0].name}.",
            f"Wait for their end, or end them and remove it all with `opsctl down --name {name} --force`.",
            code=ErrorCode.JOBS_ACTIVE,
        )
    used = in_use(resources, known)
    invalid = tuple(resource for resource in resources if resource.is_invalid and resource not in unknown)
    aged = tuple(
        resource for resource in resources if resource.has_newer_image and resource not in (*unknown, *invalid)
    )
    # A newer image is worth no scan: it waits until nothing runs, and `up` does the rest of its work meanwhile.
    active = len(jobs_of(batch, queues_of(resources))) if aged else 0
    removed = tuple(resource for resource in removable if not {resource.key, resource.id} & used)
    return OrphanReport(
        name=name,
        orphans=removed,
        later=tuple(resource for resource in removable if {resource.key, resource.id} & used),
        foreign=tuple(resource for resource in unknown if not resource.is_tagged and resource.kind in NAMED_KINDS),
        log_group=log_group,
        invalid=invalid,
        aged=aged,
        active_jobs=active,
        replace=(
            *environments_to_replace(resources, state),
            *addresses_of(state, [resource.key for resource in (() if active else aged)]),
        ),
        seen=frozenset(resource.key for resource in resources if resource not in removed),
        has_record=record_parameter(name) in known,
    )


def find_invalid_environments(root: Root, *, name: str, inventory: Inventory) -> tuple[str, ...]:
    """The addresses of the compute environments in the state that AWS has made INVALID, for a plan to replace."""
    return environments_to_replace(inventory.of(name), root.state())


def clear_lost(
    root: Root, *, name: str, seen: frozenset[str], inventory: Inventory, removal: Removal
) -> tuple[Resource, ...]:
    """Clear the way of the next plan from what this `up` has made and whose reply was lost.

    It carries the platform's tag, was not there at the plan, and Terraform's state does not know it. A log group is
    imported with its events; everything else is removed, and made anew.

    Parameters
    ----------
    seen
        `OrphanReport.seen` of the plan.

    Returns
    -------
    tuple of Resource
        What was in the way; empty if the conflict is with somebody else's.

    Raises
    ------
    Problem
        When some cannot be removed: each is named, with AWS's reason.
    """
    resources, known = inventory.of(name), known_keys(root.state())
    unknown = orphans(resources, known)
    kept = {*in_use(resources, known), *seen}
    lost = tuple(
        resource
        for resource in unknown
        if resource.is_tagged and not {resource.key, resource.id} & kept and resource not in superseded(unknown, known)
    )
    log_group = next((resource for resource in lost if resource.kind == ResourceKind.LOG_GROUP), None)
    if log_group is not None:
        root.import_existing({LOG_GROUP_ADDRESS: log_group.id})
    failures = removal.remove(resource for resource in lost if resource is not log_group)
    if failures:
        raise Problem(
            f"{_counts(failures)} of this `up` could not be removed, whose reply from AWS was lost: "
            f"{_reasons(failures)}.",
            "`opsctl up` tries again.",
            code=ErrorCode.REMOVAL_INCOMPLETE,
        )
    return lost


def find_existing_storage(root: Root, existing: Mapping[str, str]) -> list[str]:
    """Let the storage root's plan import existing resources that its state does not know, unchanged.

    Parameters
    ----------
    existing
        The resources' ids by address.

    Returns
    -------
    list of str
        The ids of the resources to import.
    """
    known = known_keys(root.state())
    unknown = {address: resource_id for address, resource_id in existing.items() if resource_id not in known}
    root.import_existing(unknown)
    return list(unknown.values())


def remove_orphans(report: OrphanReport, removal: Removal) -> None:
    """Remove the orphans that would make the apply fail.

    Raises
    ------
    Problem
        When some cannot be removed: each is named, with AWS's reason.
    """
    failures = removal.remove(report.orphans)
    if failures:
        raise Problem(
            f"{_counts(failures)} of an earlier `up` could not be removed: {_reasons(failures)}.",
            f"Nothing was made. `opsctl down --name {report.name}` tries again to remove everything.",
            code=ErrorCode.REMOVAL_INCOMPLETE,
        )


def finish_cleanup(root: Root, *, name: str, inventory: Inventory, removal: Removal) -> tuple[Resource, ...]:
    """Remove the orphans that were in use before the apply, and superseded revisions; returns the platform's resources.

    Raises
    ------
    Problem
        When some orphans cannot be removed.
    """
    # The import blocks have done their work, and a later destroy would fail on them.
    root.import_existing({})
    resources, known = inventory.of(name), known_keys(root.state())
    unknown = orphans(resources, known)
    failures = removal.remove(resource for resource in unknown if resource.is_tagged)
    if failures:
        raise Problem(
            f"The platform {name} is up, but {_counts(failures)} of an earlier `up` "
            f"could not be removed: {_reasons(failures)}.",
            "`opsctl up` tries again.",
            code=ErrorCode.REMOVAL_INCOMPLETE,
        )
    return tuple(resource for resource in resources if resource not in unknown)


def _counts(failures: Iterable[NotRemoved]) -> str:
    return counts_text(failure.resource for failure in failures)


def _reasons(failures: Sequence[NotRemoved]) -> str:
    reasons = [f"{failure.resource.words} ({failure.reason})" for failure in failures[:3]]
    more = [f"and {len(failures) - 3} more"] if len(failures) > 3 else []
    return "; ".join([*reasons, *more])
