"""The measured peaks of scans, and how they are spread."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.runs.result import Result


@dataclass(frozen=True, kw_only=True)
class ScanPeak:
    """The most memory and disk that a scan needed.

    Attributes
    ----------
    is_cut_off
        The scan ran out of memory: it needs more than `memory_mib`, and nobody knows how much.
    atlas_count
        Number of atlases that graphs were made of.
    volumes
        Of the diffusion or functional image; None where it is not known.
    """

    scan: str
    model: str
    memory_mib: int
    disk_mib: int
    atlas_count: int
    volumes: int | None = None
    is_cut_off: bool = False

    def fits(self, memory_mib: int) -> bool:
        """Whether a job with this much memory would have held the scan."""
        return self.memory_mib <= memory_mib and not (self.is_cut_off and self.memory_mib == memory_mib)


def peak_of(result: Result, *, model: str, atlas_count: int, volumes: int | None, job_mib: int) -> ScanPeak | None:
    """What a result tells of a scan's needs; None where it tells nothing: it failed for another reason.

    Parameters
    ----------
    job_mib
        Memory of the scan's job: what ran out of memory needs at least this much.
    """
    is_cut_off = not result.succeeded and result.cause_code == CauseCode.OUT_OF_MEMORY
    if not result.peak_memory_mib or not (result.succeeded or is_cut_off):
        return None
    return ScanPeak(
        scan=result.scan,
        model=model,
        memory_mib=max(result.peak_memory_mib, job_mib) if is_cut_off else result.peak_memory_mib,
        disk_mib=result.peak_disk_mib,
        atlas_count=atlas_count,
        volumes=volumes,
        is_cut_off=is_cut_off,
    )


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How numbers are spread."""

    count: int
    least: int
    middle: int
    tenth_largest: int
    largest: int


def spread(numbers: Sequence[int]) -> Spread:
    """The least, the median, the 90th percentile (the smallest number that nine tenths do not exceed) and the largest.

    Parameters
    ----------
    numbers
        At least one.
    """
    ordered = sorted(numbers)
    return Spread(
        count=len(ordered),
        least=ordered[0],
        middle=round(median(ordered)),
        tenth_largest=ordered[math.ceil(0.9 * len(ordered)) - 1],
        largest=ordered[-1],
    )


@dataclass(frozen=True, kw_only=True)
class PeakGroup:
    """Scans that differ neither in model nor in atlases nor in volumes."""

    model: str
    atlas_count: int
    volumes: int | None
    memory: Spread
    disk: Spread
    cut_off: int


def peak_groups(peaks: Iterable[ScanPeak]) -> list[PeakGroup]:
    """The spread of the peaks by model, number of atlases and number of volumes, in this order."""
    groups: dict[tuple[str, int, int], list[ScanPeak]] = defaultdict(list)
    for peak in peaks:
        groups[peak.model, peak.atlas_count, peak.volumes or 0].append(peak)
    return [
        PeakGroup(
            model=model,
            atlas_count=atlas_count,
            volumes=volumes or None,
            memory=spread([peak.memory_mib for peak in members]),
            disk=spread([peak.disk_mib for peak in members]),
            cut_off=sum(peak.is_cut_off for peak in members),
        )
        for (model, atlas_count, volumes), members in sorted(groups.items())
    ]
