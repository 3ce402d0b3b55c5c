"""What the AWS account allows: its plan, and its quotas on vCPUs and on disks."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.core.diagnosis.queue_snapshot import NotVisible, Quota


@dataclass(frozen=True)
class AccountPlan:
    """The plan of an AWS account that was opened since July 2025.

    Attributes
    ----------
    kind
        `FREE` or `PAID`.
    status
        `NOT_STARTED`, `ACTIVE` or `EXPIRED`.
    """

    kind: str
    status: str

    @property
    def is_restricted(self) -> bool:
        """Whether EC2 launches only a few small instance types, none of which can process a scan."""
        return self.kind == "FREE"


@dataclass(frozen=True)
class VolumeQuota:
    """The account's limit on the storage of its gp3 volumes; `code` is Service Quotas' code."""

    code: str
    tib: float

    @property
    def request(self) -> str:
        """How to get more, as a sentence."""
        return f"Ask AWS for more: Service Quotas, EBS, {self.code}."

    def disks(self, root_volume_gib: int) -> int:
        """How many root volumes of a size fit."""
        return int(self.tib * 1024 // root_volume_gib)


@dataclass(frozen=True, kw_only=True)
class Account:
    """What limits a platform's instances. A field is `NotVisible` where it could not be read.

    Attributes
    ----------
    plan
        None in China and GovCloud, whose accounts have none.
    quotas
        On the vCPUs that the platform's instances count against: Spot or on-demand, with `spot_fallback` Spot first
        and then on-demand.
    volumes
        On gp3 volumes: each instance has a root volume.
    """

    plan: AccountPlan | NotVisible | None
    quotas: tuple[Quota | NotVisible, ...]
    volumes: VolumeQuota | NotVisible
