"""What a run of so many scans costs and takes on one instance type: to compare types before one is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from opsctl.core.simulation.instance_size import instance_size

SCHEMA_VERSION = 1
#: The numbers of scans that are compared: a usual dataset, and a large study.
SCAN_COUNTS = (300, 10_000)
#: What terraform/platform's more_instance_sizes takes.
LARGER_SIZES = ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge")
#: A smaller difference is no reason for larger instances: with one that AWS takes back, all its scans begin again.
_WORTHWHILE = 0.03


@dataclass(frozen=True, kw_only=True)
class RunOnType:
    """A simulated run on one instance type: the medians over its replications."""

    scans: int
    usd: float
    finish_hours: float
    replications: int


@dataclass(frozen=True, kw_only=True)
class InstanceOffer:
    """What an instance type offers.

    Attributes
    ----------
    scans_on_each
        How many jobs Batch places on it at the same time.
    is_allowed
        Whether the platform's scans may run on it now.
    usd_per_instance_hour
        With disk and address; 0 where `why_not` is not empty.
    why_not
        Why no run can take place on it, in words; `runs` is then empty.
    """

    instance_type: str
    scans_on_each: int
    is_allowed: bool
    usd_per_instance_hour: float
    runs: tuple[RunOnType, ...]
    why_not: str = ""

    def run_of(self, scans: int) -> RunOnType | None:
        """The run of so many scans."""
        return next((run for run in self.runs if run.scans == scans), None)

    @property
    def size(self) -> str:
        """`4xlarge`."""
        return self.instance_type.partition(".")[2]


@dataclass(frozen=True, kw_only=True)
class InstanceComparison:
    """Instance types, each with what a run costs and takes on it.

    Attributes
    ----------
    offers
        By size; the first is the model's own type.
    sources
        What the figures rest on, in words.
    warning
        What is wrong with the prices; empty where nothing is.
    """

    model: str
    region: str
    kind: str
    scan_counts: tuple[int, ...]
    offers: tuple[InstanceOffer, ...]
    sources: tuple[str, ...]
    is_local: bool
    is_complete: bool
    warning: str = ""

    @property
    def own(self) -> InstanceOffer:
        """The model's own instance type."""
        return self.offers[0]

    def cheapest(self, scans: int) -> InstanceOffer:
        """The smallest of the types on which a run of so many scans costs about the least: within 3 %."""
        costs = [(offer, run.usd) for offer in self.offers if (run := offer.run_of(scans)) is not None]
        least = min((usd for _, usd in costs), default=0.0)
        return next((offer for offer, usd in costs if usd <= (1 + _WORTHWHILE) * least), self.own)

    def as_json(self) -> dict[str, Any]:
        """What `size --instances --json` prints."""
        return {
            "schema_version": SCHEMA_VERSION,
            "model": self.model,
            "region": self.region,
            "kind": self.kind,
            "local": self.is_local,
            "complete": self.is_complete,
            "instances": [asdict(offer) for offer in self.offers],
            "cheapest": {str(scans): self.cheapest(scans).instance_type for scans in self.scan_counts},
            "sources": list(self.sources),
        }


def compared_types(own: str, allowed: Sequence[str], *, only_allowed: bool = False) -> list[str]:
    """The types to compare: the model's own first, then r5's larger ones and those that the platform allows, by size.

    Parameters
    ----------
    own
        The model's own instance type.
    allowed
        Further types on which the platform's scans may run.
    """
    family = own.partition(".")[0]
    least = instance_size(own).vcpus
    larger = [] if only_allowed else [f"{family}.{size}" for size in LARGER_SIZES]
    others = {name for name in (*larger, *allowed) if instance_size(name).vcpus >= least} - {own}
    return [own, *sorted(others, key=_order)]


def _order(instance_type: str) -> tuple[int, str]:
    return instance_size(instance_type).vcpus, instance_type


def scan_counts_with(scans: int | None) -> tuple[int, ...]:
    """The numbers of scans that are compared, with a run's own."""
    counts: Iterable[int] = SCAN_COUNTS if not scans else {*SCAN_COUNTS, scans}
    return tuple(sorted(counts))
