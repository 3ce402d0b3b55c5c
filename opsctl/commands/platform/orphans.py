"""Orphans: what AWS shows of a platform and Terraform's state does not know: an `up` was killed, or a reply was lost.

`up` calls three functions, in this order (`opsctl.cli.platform.orphan_cleanup` has the adapters):

1. `look`, between `init` and `plan` of the platform root: what there is, and what will become of it. It lets the plan
   take over a log group that is there already, with its lines. `OrphanReport.replace` is for the plan: the addresses of
   environments that AWS has given up. `opsctl.render.up.orphan_lines` says it all, beside the plan and under its
   one question.
2. `clear`, after the yes and before the apply.
3. `settle`, after the apply: what could not go before, and the inventory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from opsctl.aws.batch.batch import Batch
from opsctl.aws.platform.inventory import Inventory
from opsctl.aws.platform.removal import NotRemoved, Removal
from opsctl.commands.platform.down import jobs_of, queues_of
from opsctl.core.errors import Problem
from opsctl.core.platform.inventory import (
    NAMED_KINDS,
    Resource,
    ResourceKind,
    addresses_of,
    counts_text,
    in_use,
    known_keys,
    orphans,
)
from opsctl.terraform.root import Root

#: Where the platform root has its log group.
LOG_GROUP_ADDRESS = "module.batch.aws_cloudwatch_log_group.jobs"


@dataclass(frozen=True, kw_only=True)
class OrphanReport:
    """What stands before an `up`.

    Attributes
    ----------
    orphans
        Removed before the apply, which makes them anew.
    later
        Orphans that something in the state still uses: removed after the apply.
    foreign
        What has a name like ours and not our tag: it stays.
    log_group
        The one that is taken over, with its lines.
    invalid
        Environments of the state that AWS has given up: made anew.
    replace
        The addresses of `invalid`.
    """

    name: str
    orphans: tuple[Resource, ...] = ()
    later: tuple[Resource, ...] = ()
    foreign: tuple[Resource, ...] = ()
    log_group: Resource | None = None
    invalid: tuple[Resource, ...] = ()
    replace: tuple[str, ...] = ()

    @property
    def needs_a_yes(self) -> bool:
        """Whether something goes."""
        return bool(self.orphans or self.later)

    @property
    def newest(self) -> datetime | None:
        """When the last of them was made, as far as AWS tells it."""
        moments = [one.since for one in (*self.orphans, *self.later) if one.since is not None]
        return max(moments, default=None)


def look(root: Root, *, name: str, inventory: Inventory, batch: Batch) -> OrphanReport:
    """Compare what AWS shows of a platform with what its state knows.

    Raises
    ------
    Problem
        When the platform is up and was made from another state; or while jobs are active on a queue that would go.
    """
    found, state = inventory.of(name), root.state()
    known = known_keys(state)
    unknown = orphans(found, known)
    if not known and any(one.kind == ResourceKind.RECORD for one in unknown):
        raise Problem(
            f"The platform {name} is up already, and this machine has no Terraform state of it: "
            "it was made from another one.",
            f"Use it (`--platform {name}`), or remove it with `opsctl down --name {name}`.",
        )
    log_group = next((one for one in unknown if one.kind == ResourceKind.LOG_GROUP), None)
    root.import_existing({LOG_GROUP_ADDRESS: log_group.id} if log_group else {})
    rest = [one for one in unknown if one is not log_group and one.is_tagged]
    jobs = jobs_of(batch, queues_of(rest))
    if jobs:
        raise Problem(
            f"{len(rest)} resources are left of an earlier `up` of {name}, and {len(jobs)} jobs are active on them, "
            f"such as {jobs[0].name}.",
            f"Wait for their end, or end them and remove it all with `opsctl down --name {name} --force`.",
        )
    used = in_use(found, known)
    invalid = tuple(one for one in found if one.is_invalid and one not in unknown)
    return OrphanReport(
        name=name,
        orphans=tuple(one for one in rest if not {one.key, one.id} & used),
        later=tuple(one for one in rest if {one.key, one.id} & used),
        foreign=tuple(one for one in unknown if not one.is_tagged and one.kind in NAMED_KINDS),
        log_group=log_group,
        invalid=invalid,
        replace=tuple(addresses_of(state, [one.key for one in invalid])),
    )


def look_at_storage(root: Root, there: Mapping[str, str]) -> list[str]:
    """Let the storage root's plan take over what is there and its state does not know; nothing of it is changed.

    Parameters
    ----------
    there
        Ids by address.

    Returns
    -------
    list of str
        The ids of what is taken over.
    """
    known = known_keys(root.state())
    unknown = {address: one for address, one in there.items() if one not in known}
    root.import_existing(unknown)
    return list(unknown.values())


def clear(found: OrphanReport, removal: Removal) -> None:
    """Remove the orphans that the apply would stumble over.

    Raises
    ------
    Problem
        When some could not be removed: each is named, with AWS's reason.
    """
    left = removal.remove(found.orphans)
    if left:
        raise Problem(
            f"{counts_text(one.resource for one in left)} of an earlier `up` could not be removed: {_reasons(left)}.",
            f"Nothing was made. `opsctl down --name {found.name}` tries again to remove everything.",
        )


def settle(root: Root, *, name: str, inventory: Inventory, removal: Removal) -> tuple[Resource, ...]:
    """Remove the orphans that were in use before the apply, and take the inventory of what stands.

    Raises
    ------
    Problem
        When there is still something that the state does not know.
    """
    # It has done its work, and a destroy must not meet it.
    root.import_existing({})
    found, known = inventory.of(name), known_keys(root.state())
    left = removal.remove(one for one in orphans(found, known) if one.is_tagged)
    if left:
        raise Problem(
            f"The platform {name} is up, but {counts_text(one.resource for one in left)} of an earlier `up` "
            f"could not be removed: {_reasons(left)}.",
            "`opsctl up` tries again.",
        )
    return tuple(one for one in found if one not in orphans(found, known))


def _reasons(left: tuple[NotRemoved, ...]) -> str:
    told = [f"{one.resource.words} ({one.reason})" for one in left[:3]]
    return "; ".join([*told, *([f"and {len(left) - 3} more"] if len(left) > 3 else [])])
