"""What `up` says of the account before its question: plan, quotas and permissions. None of it stops `up`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opsctl.core.diagnosis.account.account import Account
from opsctl.core.diagnosis.account.at_once import MODEL_SIZES, scans_at_once
from opsctl.core.diagnosis.account.obstacles import (
    denied_notes,
    disk_notes,
    known_quotas,
    plan_obstacles,
    quota_obstacles,
    quotas_text,
)


@dataclass(frozen=True, kw_only=True)
class UpNotes:
    """Sentences on the account.

    Attributes
    ----------
    quota
        How many scans at once the vCPU quota gives; empty where that is not known, or where not one can start.
    warnings
        What would keep scans from running, each with what to do.
    """

    quota: str
    warnings: tuple[str, ...]


def up_notes(account: Account, denied: Sequence[str], *, max_vcpus: Mapping[str, int], root_volume_gib: int) -> UpNotes:
    """What to say of the account on which a platform is made.

    Parameters
    ----------
    denied
        The actions that IAM's simulation denies.
    max_vcpus
        Of each model's compute environment.
    """
    limits = {
        model: scans_at_once(
            max_vcpus=max_vcpus[model],
            vcpus=size.vcpus,
            quotas=account.quotas,
            volumes=account.volumes,
            root_volume_gib=root_volume_gib,
        )
        for model, size in MODEL_SIZES.items()
    }
    most = max(limits.values(), key=lambda limit: limit.platform_scans)
    smallest = min(MODEL_SIZES.values())
    obstacles = [*plan_obstacles(account, smallest.instance_type), *quota_obstacles(account, vcpus=smallest.vcpus)]
    quota, quotas = "", known_quotas(account)
    if quotas and any(limit.by_vcpus for limit in limits.values()):
        scans = " or ".join(f"{limit.by_vcpus:,} {model}" for model, limit in limits.items())
        codes = " and ".join(f"{known.code}" for known in quotas)
        quota = f"The account may run {quotas_text(quotas)} vCPUs (quota {codes}): {scans} scans at once."
    return UpNotes(
        quota=quota,
        warnings=(
            *(str(obstacle.problem) for obstacle in obstacles),
            *map(str, disk_notes(account, most, root_volume_gib=root_volume_gib, scans=most.platform_scans)),
            *denied_notes(denied, policy="up"),
        ),
    )
