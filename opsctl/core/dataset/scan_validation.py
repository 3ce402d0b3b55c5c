"""Whether m2g can process a scan, from what can be known before anyone pays: sidecars and the image's header."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opsctl.core.dataset.scan import Scan

Level = Literal["fine", "warning", "wrong"]

#: s/mm² below which a volume counts as b=0, as scanners write 5 or 50 where they mean none.
B0_THRESHOLD = 50.0

#: m2g fits both models with spherical harmonics of order 6: (6 + 1)(6 + 2) / 2 coefficients.
_ORDER = 6
DIRECTIONS_NEEDED = (_ORDER + 1) * (_ORDER + 2) // 2

# What a job's disk holds beside its scan, and how often m2g's steps keep the series uncompressed. Both are rough and on
# the safe side: a full disk ends a job after an hour.
_IMAGE_GIB = 30.0
_COPIES = 15
_GIB = 1024**3


@dataclass(frozen=True)
class ImageHeader:
    """What a NIfTI header says.

    Attributes
    ----------
    shape
        Voxels along each axis; the fourth is the volumes.
    bytes_per_voxel
        Of the data as stored.
    """

    shape: tuple[int, ...]
    bytes_per_voxel: int

    @property
    def volumes(self) -> int:
        """How many there are."""
        return self.shape[3] if len(self.shape) > 3 else 1

    @property
    def size_bytes(self) -> int:
        """The series uncompressed."""
        return math.prod(self.shape) * self.bytes_per_voxel


@dataclass(frozen=True, kw_only=True)
class ScanMetadata:
    """What was read of one scan.

    Attributes
    ----------
    bval, bvec
        The sidecars' text; None for a scan without.
    header
        The image's, or None where it could not be read; `header_fault` says why.
    """

    bval: str | None = None
    bvec: str | None = None
    header: ImageHeader | None = None
    header_fault: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a scan will do.

    Attributes
    ----------
    level
        `fine`, `warning` (it runs, but look) or `wrong` (its job would fail).
    findings
        Sentences, the worst first.
    """

    scan: str
    level: Level
    findings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """One scan of `check --json`."""
        return {"scan": self.scan, "verdict": self.level, "findings": list(self.findings)}


def judge(scan: Scan, facts: ScanMetadata, *, root_volume_gib: int) -> Verdict:
    """What m2g would make of a scan.

    Parameters
    ----------
    root_volume_gib
        The disk of the instance that runs the job.
    """
    wrong: list[str] = []
    warnings: list[str] = []
    if facts.header is None:
        wrong.append(facts.header_fault or "its header cannot be read")
    elif len(facts.header.shape) < 4 or facts.header.volumes < 2:
        wrong.append(f"the image has {facts.header.volumes} volume, a series is needed")
    if scan.pipeline == "dwi":
        wrong += _gradients(facts)
    if facts.header is not None:
        needed_gib = _IMAGE_GIB + _COPIES * facts.header.size_bytes / _GIB
        if needed_gib > root_volume_gib:
            warnings.append(
                f"it may need {needed_gib:.0f} GiB of disk, its job has {root_volume_gib} (`root_volume_gib`)"
            )
    level: Level = "wrong" if wrong else "warning" if warnings else "fine"
    return Verdict(scan=scan.name, level=level, findings=(*wrong, *warnings))


def _gradients(facts: ScanMetadata) -> list[str]:
    try:
        bvals = _bvals(facts.bval or "")
        bvecs = _bvecs(facts.bvec or "")
    except ValueError as error:
        return [str(error)]
    found: list[str] = []
    if len(bvals) != len(bvecs):
        found.append(f"bval and bvec differ in count: {len(bvals)} and {len(bvecs)}")
    if facts.header is not None and facts.header.volumes != len(bvals):
        found.append(f"the image has {facts.header.volumes} volumes, but there are {len(bvals)} b-values")
    if found:
        return found
    weighted = [direction for value, direction in zip(bvals, bvecs, strict=True) if value > B0_THRESHOLD]
    if len(weighted) == len(bvals):
        found.append(f"no b=0 volume: the smallest b-value is {min(bvals):.0f} s/mm²")
    count = _distinct(weighted)
    if count < DIRECTIONS_NEEDED:
        found.append(f"{count} directions, but order {_ORDER} of m2g's csd and csa models needs {DIRECTIONS_NEEDED}")
    return found


def _numbers(text: str, what: str) -> list[list[float]]:
    try:
        rows = [[float(word) for word in line.replace(",", " ").split()] for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise ValueError(f"{what} is not made of numbers") from error
    if not rows:
        raise ValueError(f"{what} is empty")
    if not all(math.isfinite(value) for row in rows for value in row):
        raise ValueError(f"{what} holds a number that is not finite")
    return rows


def _bvals(text: str) -> list[float]:
    return [value for row in _numbers(text, "bval") for value in row]


def _bvecs(text: str) -> list[tuple[float, ...]]:
    """Directions, from three rows (BIDS) or, as some tools write them, three columns."""
    rows = _numbers(text, "bvec")
    if len({len(row) for row in rows}) != 1:
        raise ValueError("bvec's rows differ in length")
    if len(rows) == 3:
        return list(zip(*rows, strict=True))
    if len(rows[0]) == 3:
        return [tuple(row) for row in rows]
    raise ValueError(f"bvec has {len(rows)} rows, not 3")


def _distinct(directions: Sequence[tuple[float, ...]]) -> int:
    """How many different axes: a direction and its opposite are one."""
    axes = set()
    for direction in directions:
        rounded = tuple(round(value, 3) + 0.0 for value in direction)
        axes.add(max(rounded, tuple(-value + 0.0 for value in rounded)))
    return len(axes)
