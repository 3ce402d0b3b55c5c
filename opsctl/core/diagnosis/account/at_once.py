"""How many scans run at once: what the compute environment allows, and what the account's quotas leave of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from opsctl.core.diagnosis.account.account import Account, VolumeQuota
from opsctl.core.diagnosis.queue_snapshot import NotVisible, Quota
from opsctl.core.platform.platform import ModelResources


class ModelSize(NamedTuple):
    """What a model's scans need by terraform/platform's defaults, for an account without a platform."""

    vcpus: int
    max_vcpus: int
    instance_type: str
    memory_mib: int


MODEL_SIZES = {"csd": ModelSize(2, 512, "r5.large", 15_200), "csa": ModelSize(4, 1024, "r5.xlarge", 30_400)}
ROOT_VOLUME_GIB = 100


@dataclass(frozen=True, kw_only=True)
class AtOnce:
    """How many scans run at once.

    Attributes
    ----------
    scans
        0 where the account's quotas let not even one start.
    platform_scans
        What the compute environment allows.
    by_vcpus, by_disks
        What each of the account's quotas allows; None where it is not known.
    """

    scans: int
    platform_scans: int
    by_vcpus: int | None
    by_disks: int | None


def scans_at_once(
    *,
    max_vcpus: int,
    vcpus: int,
    quotas: Sequence[Quota | NotVisible | None] = (),
    volumes: VolumeQuota | NotVisible | None = None,
    root_volume_gib: int = ROOT_VOLUME_GIB,
    scans_per_instance: int = 1,
) -> AtOnce:
    """How many scans run at once.

    Parameters
    ----------
    max_vcpus
        Of the compute environment. With `spot_fallback` a second one of the same size may add to it, which is not
        counted.
    vcpus
        Of one scan.
    quotas
        Those that the platform's instances count against, added up; one that is not known lifts the limit.
    volumes, root_volume_gib
        The quota on gp3 volumes, and the size of each instance's root volume.
    scans_per_instance
        How many scans share an instance and its volume.
    """
    platform_scans = max_vcpus // vcpus if vcpus else 0
    known = [quota for quota in quotas if isinstance(quota, Quota)]
    by_vcpus = sum(quota.vcpus // vcpus for quota in known) if vcpus and known and len(known) == len(quotas) else None
    by_disks = volumes.disks(root_volume_gib) * scans_per_instance if isinstance(volumes, VolumeQuota) else None
    limits = [limit for limit in (by_vcpus, by_disks) if limit is not None]
    return AtOnce(
        scans=min([platform_scans, *limits]), platform_scans=platform_scans, by_vcpus=by_vcpus, by_disks=by_disks
    )


def model_at_once(resources: ModelResources, account: Account | None, *, root_volume_gib: int) -> AtOnce:
    """How many scans of a model run at once in an account; None: the local platform, or the account is not known."""
    return scans_at_once(
        max_vcpus=resources.max_vcpus,
        vcpus=resources.vcpus,
        quotas=account.quotas if account else (),
        volumes=account.volumes if account else None,
        root_volume_gib=root_volume_gib,
        scans_per_instance=resources.scans_per_instance,
    )
