"""Whether m2g can process a scan, as far as its sidecars and the image's header show before a job runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opsctl.core.dataset.scan import Scan

Level = Literal["fine", "warning", "wrong"]

#: b-values up to this (s/mm²) count as b=0, because scanners write 5 or 50 for volumes without weighting.
B0_THRESHOLD = 50.0

#: m2g fits both models with spherical harmonics of order 6, which have (6 + 1)(6 + 2) / 2 coefficients.
_ORDER = 6
DIRECTIONS_NEEDED = (_ORDER + 1) * (_ORDER + 2) // 2

# What a job's disk holds besides its scan, and how many uncompressed copies of the series m2g's steps keep. Both are
# rough upper bounds: a full disk would end a job after an hour of work.
_IMAGE_GIB = 30.0
_COPIES = 15
_GIB = 1024**3


@dataclass(frozen=True)
class ImageHeader:
    """The part of a NIfTI header that validation needs.

    Attributes
    ----------
    shape
        Voxels along each axis; the fourth axis is the volumes.
    bytes_per_voxel
        Of the stored data.
    """

    shape: tuple[int, ...]
    bytes_per_voxel: int

    @property
    def volumes(self) -> int:
        """Number of volumes."""
        return self.shape[3] if len(self.shape) > 3 else 1

    @property
    def size_bytes(self) -> int:
        """Size of the uncompressed series."""
        return math.prod(self.shape) * self.bytes_per_voxel


@dataclass(frozen=True, kw_only=True)
class ScanMetadata:
    """What was read of one scan's files.

    Attributes
    ----------
    bval, bvec
        The sidecars' text; None for a scan without sidecars.
    header
        The image's header; None where it could not be read, and `header_fault` says why.
    """

    bval: str | None = None
    bvec: str | None = None
    header: ImageHeader | None = None
    header_fault: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether m2g can process a scan.

    Attributes
    ----------
    level
        `fine`, `warning` (the job would run, but the user should look) or `wrong` (the job would fail).
    findings
        Phrases, errors before warnings.
    """

    scan: str
    level: Level
    findings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """An entry of `check --json`."""
        return {"scan": self.scan, "verdict": self.level, "findings": list(self.findings)}


def judge(scan: Scan, facts: ScanMetadata, *, root_volume_gib: int) -> Verdict:
    """Decide whether m2g can process a scan.

    Parameters
    ----------
    root_volume_gib
        Size of the disk of the instance that runs the job.
    """
    errors: list[str] = []
    warnings: list[str] = []
    if facts.header is None:
        errors.append(facts.header_fault or "its header cannot be read")
    elif len(facts.header.shape) < 4 or facts.header.volumes < 2:
        errors.append(f"the image has {facts.header.volumes} volume, a series is needed")
    if scan.pipeline == "dwi":
        errors += _gradient_errors(facts)
    if facts.header is not None:
        needed_gib = _IMAGE_GIB + _COPIES * facts.header.size_bytes / _GIB
        if needed_gib > root_volume_gib:
            warnings.append(
                f"it may need {needed_gib:.0f} GiB of disk, its job has {root_volume_gib} (`root_volume_gib`)"
            )
    level: Level = "wrong" if errors else "warning" if warnings else "fine"
    return Verdict(scan=scan.name, level=level, findings=(*errors, *warnings))


def _gradient_errors(facts: ScanMetadata) -> list[str]:
    try:
        bvals = _bvals(facts.bval or "")
        bvecs = _bvecs(facts.bvec or "")
    except ValueError as error:
        return [str(error)]
    errors: list[str] = []
    if len(bvals) != len(bvecs):
        errors.append(f"bval and bvec differ in count: {len(bvals)} and {len(bvecs)}")
    if facts.header is not None and facts.header.volumes != len(bvals):
        errors.append(f"the image has {facts.header.volumes} volumes, but there are {len(bvals)} b-values")
    if errors:
        return errors
    weighted = [direction for value, direction in zip(bvals, bvecs, strict=True) if value > B0_THRESHOLD]
    if len(weighted) == len(bvals):
        errors.append(f"no b=0 volume: the smallest b-value is {min(bvals):.0f} s/mm²")
    count = _axis_count(weighted)
    if count < DIRECTIONS_NEEDED:
        errors.append(f"{count} directions, but order {_ORDER} of m2g's csd and csa models needs {DIRECTIONS_NEEDED}")
    return errors


def _numbers(text: str, file: str) -> list[list[float]]:
    try:
        rows = [
            [float(number) for number in line.replace(",", " ").split()] for line in text.splitlines() if line.strip()
        ]
    except ValueError as error:
        raise ValueError(f"{file} is not made of numbers") from error
    if not rows:
        raise ValueError(f"{file} is empty")
    if not all(math.isfinite(value) for row in rows for value in row):
        raise ValueError(f"{file} holds a number that is not finite")
    return rows


def _bvals(text: str) -> list[float]:
    return [value for row in _numbers(text, "bval") for value in row]


def _bvecs(text: str) -> list[tuple[float, ...]]:
    """The directions, from three rows (BIDS) or from three columns, as some tools write them."""
    rows = _numbers(text, "bvec")
    if len({len(row) for row in rows}) != 1:
        raise ValueError("bvec's rows differ in length")
    if len(rows) == 3:
        return list(zip(*rows, strict=True))
    if len(rows[0]) == 3:
        return [tuple(row) for row in rows]
    raise ValueError(f"bvec has {len(rows)} rows, not 3")


def _axis_count(directions: Sequence[tuple[float, ...]]) -> int:
    """Number of different axes: a direction and its opposite count once."""
    axes = set()
    for direction in directions:
        rounded = tuple(round(value, 3) + 0.0 for value in direction)
        axes.add(max(rounded, tuple(-value + 0.0 for value in rounded)))
    return len(axes)
