"""What a simulation changes of a run, and where the run would take place."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.core.diagnosis.account.account import Account, VolumeQuota
from opsctl.core.diagnosis.account.at_once import MODEL_SIZES, ROOT_VOLUME_GIB
from opsctl.core.diagnosis.queue_snapshot import Quota
from opsctl.core.platform.platform import ATTEMPTS, Platform

#: How many availability zones are assumed where the platform does not name them.
ZONES = 3


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """What is typed beside a simulation; None: as the run would be.

    Attributes
    ----------
    spot
        Spot instances, or on demand.
    quota
        The account's quota of vCPUs.
    pack
        How many scans an instance processes at the same time.
    instance
        The instance type.
    scans
        How many scans.
    reclaims
        How often AWS takes a Spot instance back, for each instance and hour.
    slowdown
        How many times longer a scan takes beside others on its instance.
    within_hours
        Use the number of instances that costs least and ends in time.
    """

    spot: bool | None = None
    quota: int | None = None
    pack: int | None = None
    instance: str | None = None
    scans: int | None = None
    reclaims: float | None = None
    slowdown: float | None = None
    within_hours: float | None = None


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a run takes place: a platform, or what `opsctl up` makes by default.

    Attributes
    ----------
    vcpus, memory_mib
        Of one job.
    max_vcpus
        What the compute environment allows.
    quotas
        The account's quotas on vCPUs; empty where they are not known.
    volumes
        The account's quota on disks; None where it is not known.
    zones
        How many availability zones; None where the platform uses all that the region has.
    is_local
        A platform on this machine: the simulation says what AWS would do.
    """

    model: str
    region: str
    instance_type: str
    vcpus: int
    memory_mib: int
    max_vcpus: int
    root_volume_gib: int
    spot: bool
    attempts: int = ATTEMPTS
    zones: int | None = None
    quotas: tuple[Quota, ...] = ()
    volumes: VolumeQuota | None = None
    is_local: bool = False
    is_platform: bool = True

    @classmethod
    def by_default(cls, model: str, *, region: str) -> Place:
        """What `opsctl up` would make without options."""
        size = MODEL_SIZES[model]
        return cls(
            model=model,
            region=region,
            instance_type=size.instance_type,
            vcpus=size.vcpus,
            memory_mib=size.memory_mib,
            max_vcpus=size.max_vcpus,
            root_volume_gib=ROOT_VOLUME_GIB,
            spot=False,
            is_platform=False,
        )

    @classmethod
    def of(cls, platform: Platform, model: str, *, account: Account | None) -> Place:
        """A platform and its account.

        Parameters
        ----------
        account
            None where nobody was asked, as on the local platform.
        """
        resources, variables = platform.models[model], platform.options.get("variables", {})
        zones = variables.get("zones")
        quotas = account.quotas if account else ()
        known = tuple(quota for quota in quotas if isinstance(quota, Quota))
        volumes = account.volumes if account else None
        return cls(
            model=model,
            region=platform.region,
            instance_type=resources.instance_type,
            vcpus=resources.vcpus,
            memory_mib=resources.memory_mib,
            max_vcpus=resources.max_vcpus,
            root_volume_gib=platform.root_volume_gib,
            spot=platform.spot,
            attempts=platform.attempts,
            zones=len(zones) if isinstance(zones, list) and zones else None,
            # One that is not known lifts the limit, as everywhere.
            quotas=known if len(known) == len(quotas) else (),
            volumes=volumes if isinstance(volumes, VolumeQuota) else None,
            is_local=platform.is_local,
        )
