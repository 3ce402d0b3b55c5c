"""What `size` says: how the peaks are spread, and what they propose."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from opsctl.core.costs.estimate import Rates
from opsctl.core.counted import counted_verb
from opsctl.core.platform.platform import ModelResources
from opsctl.core.runs.manifest import Run
from opsctl.core.simulation.instance_size import instance_size
from opsctl.core.sizing.disk import NOT_MEASURED, SystemDisk
from opsctl.core.sizing.packing import CANARY_SCANS, ENOUGH_SCANS, Assumptions, Packing, Proposal, propose
from opsctl.core.sizing.peaks import PeakGroup, ScanPeak, peak_groups

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class SizeReport:
    """What the peaks of a run's scans propose.

    Attributes
    ----------
    unmeasured
        How many finished or failed scans of the run say nothing of what they need.
    is_preview
        The peaks are the preview's, and say nothing of m2g's.
    resources
        Of the run's model.
    rates
        What an instance costs with one scan.
    hours_source
        Where the hours of a scan come from, in words.
    proposal
        None where nothing can be proposed: `why_not` says why.
    system
        What the disk holds besides scans.
    """

    run: Run
    peaks: tuple[ScanPeak, ...]
    unmeasured: int
    is_preview: bool
    is_local: bool
    resources: ModelResources
    rates: Rates
    hours_source: str
    proposal: Proposal | None
    why_not: str = ""
    system: SystemDisk = NOT_MEASURED

    @property
    def groups(self) -> list[PeakGroup]:
        """The spread of the peaks."""
        return peak_groups(self.peaks)

    def disk_scans(self, packing: Packing) -> int:
        """The most scans that share a disk: on the largest instance that the platform allows, as many as Batch places.

        All instances of a platform have the same disk.
        """
        size = packing.size
        larger = map(instance_size, self.resources.more_instance_types)
        return max(packing.scans, *(each.holds(vcpus=size.vcpus, memory_mib=size.memory_mib) for each in larger), 1)

    def disk_gib(self, packing: Packing) -> int:
        """The root disk that these scans need."""
        return self.system.needed_gib(self.peaks, self.disk_scans(packing))

    def as_json(self) -> dict[str, Any]:
        """What `size --json` prints."""
        proposal = self.proposal
        return {
            "schema_version": SCHEMA_VERSION,
            "run_id": self.run.run_id,
            "dataset": self.run.dataset,
            "measured": len(self.peaks),
            "unmeasured": self.unmeasured,
            "preview": self.is_preview,
            "local": self.is_local,
            "instance_type": self.resources.instance_type,
            "root_volume_gib": self.rates.root_volume_gib,
            "system_disk_mib": self.system.used_mib,
            "system_disk_source": self.system.text,
            "groups": [asdict(group) for group in self.groups],
            "scans": [asdict(peak) for peak in self.peaks],
            "assumptions": asdict(proposal.assumptions) if proposal else None,
            "packings": [self._packing_json(proposal, packing) for packing in proposal.packings] if proposal else [],
            "proposed": proposal.best.scans if proposal else None,
            "why_not": self.why_not,
            "price_source": self.rates.source,
            "hours_source": self.hours_source,
        }

    def _packing_json(self, proposal: Proposal, packing: Packing) -> dict[str, Any]:
        return {
            **asdict(packing),
            "scans": packing.scans,
            "against_alone": proposal.against_alone(packing.usd_per_scan),
            "worst_against_alone": proposal.against_alone(packing.worst_usd_per_scan),
            "disk_gib": self.disk_gib(packing),
            "disk_scans": self.disk_scans(packing),
        }


def size_report(
    run: Run,
    peaks: tuple[ScanPeak, ...],
    *,
    unmeasured: int,
    is_preview: bool,
    is_local: bool,
    resources: ModelResources,
    rates: Rates,
    hours_source: str,
    assumptions: Assumptions,
    system: SystemDisk = NOT_MEASURED,
) -> SizeReport:
    """What a run's peaks propose, or why they propose nothing."""
    why_not = _why_not(peaks, is_preview=is_preview, is_local=is_local, rates=rates)
    proposal = None
    if not why_not:
        disk_usd = rates.disk_usd_per_gib_hour

        def usd_per_hour(scans: int) -> float:
            # The disk of one scan is as the platform has it; more scans may need a larger one.
            further_gib = max(0, system.needed_gib(peaks, scans) - rates.root_volume_gib) if scans > 1 else 0
            return rates.usd_per_instance_hour + disk_usd * further_gib

        proposal = propose(peaks, resources, usd_per_hour=usd_per_hour, assumptions=assumptions)
    return SizeReport(
        run=run,
        peaks=peaks,
        unmeasured=unmeasured,
        is_preview=is_preview,
        is_local=is_local,
        resources=resources,
        rates=rates,
        hours_source=hours_source,
        proposal=proposal,
        why_not=why_not,
        system=system,
    )


def _why_not(peaks: tuple[ScanPeak, ...], *, is_preview: bool, is_local: bool, rates: Rates) -> str:
    if is_preview and not is_local:
        return "The peaks are the preview's, which needs a fraction of m2g's memory: they propose nothing for AWS."
    if len(peaks) < ENOUGH_SCANS:
        few = counted_verb(len(peaks), "measured scan")
        return f"{few} too few to propose anything: {ENOUGH_SCANS} are needed, {CANARY_SCANS} are better."
    if not rates.is_complete:
        return "The price of the platform's instances is not known, so nothing can be compared."
    return ""
