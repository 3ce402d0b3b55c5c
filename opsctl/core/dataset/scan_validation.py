"""Whether m2g can process a scan, as far as its files show before a job runs.

docs/inputs.md has the rules as a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from opsctl.core.dataset.bold_timing import BoldTiming, bold_timing, merged
from opsctl.core.dataset.gradients import GradientError
from opsctl.core.dataset.gradients import read as read_gradients
from opsctl.core.dataset.nifti_header import ImageHeader
from opsctl.core.dataset.scan import Role, Scan

Level = Literal["fine", "warning", "wrong"]

# What a job's disk holds besides its scan, and how many uncompressed copies of the series m2g's steps keep. Both are
# rough upper bounds: a full disk would end a job after an hour of work.
_IMAGE_GIB = 30.0
_COPIES = 15
_GIB = 1024**3
_NO_TIME = "it has no repetition time, neither in a JSON sidecar nor in its header: give --tr"


@dataclass(frozen=True, kw_only=True)
class ScanMetadata:
    """What was read of one scan's files.

    Attributes
    ----------
    bval, bvec
        The files' content; None where there is none, or where it could not be read.
    sidecars
        The content of a bold series' JSON sidecars, those of the dataset's root first.
    header, t1w
        The headers of the series and of the T1w; None where they could not be read.
    faults
        By role, why a file could not be read, as a phrase with the file's name.
    """

    bval: bytes | None = None
    bvec: bytes | None = None
    sidecars: tuple[bytes, ...] = ()
    header: ImageHeader | None = None
    t1w: ImageHeader | None = None
    faults: Mapping[Role, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether m2g can process a scan.

    Attributes
    ----------
    level
        `fine`, `warning` (the job would run, but the user should look) or `wrong` (the job would fail).
    findings
        Phrases, errors before warnings.
    timing
        What m2g would be told about a bold series; None for dwi, and where that is not known.
    """

    scan: str
    level: Level
    findings: tuple[str, ...] = ()
    timing: BoldTiming | None = None

    def as_json(self) -> dict[str, Any]:
        """An entry of `check --json`."""
        value = {"scan": self.scan, "verdict": self.level, "findings": list(self.findings)}
        if self.timing is None:
            return value
        return {**value, "tr_seconds": self.timing.tr_seconds, "acquisition": self.timing.acquisition}


def validate_scan(
    scan: Scan,
    facts: ScanMetadata,
    *,
    root_volume_gib: int,
    tr: float | None = None,
    acquisition: str | None = None,
) -> Verdict:
    """Decide whether m2g can process a scan.

    Parameters
    ----------
    root_volume_gib
        Size of the disk of the instance that runs the job.
    tr, acquisition
        Repetition time in s and slice order of a bold series, as typed; None: those of its data.
    """
    errors = list(facts.faults.values())
    warnings: list[str] = []
    header = facts.header
    timing: BoldTiming | None = None
    if header is not None and header.volumes < 2:
        errors.append("the image has 1 volume, a series is needed")
    elif facts.bval is not None and facts.bvec is not None:
        try:
            gradients = read_gradients(facts.bval, facts.bvec, volumes=None if header is None else header.volumes)
            warnings += gradients.warnings
        except GradientError as error:
            errors.append(str(error))
    elif header is not None and scan.pipeline == "func":
        try:
            timing = bold_timing(
                merged(facts.sidecars),
                header_tr=header.tr_seconds,
                slices=header.shape[2],
                tr=tr,
                acquisition=acquisition,
            )
        except ValueError as error:
            errors.append(str(error))
        else:
            warnings += timing.doubts
            if timing.tr_seconds is None:
                errors.append(_NO_TIME)
    if facts.t1w is not None and facts.t1w.volumes > 1:
        errors.append(f"the T1w has {facts.t1w.volumes} volumes, it must have one")
    if header is not None:
        needed_gib = _IMAGE_GIB + _COPIES * header.series_bytes / _GIB
        if needed_gib > root_volume_gib:
            warnings.append(
                f"it may need {needed_gib:.0f} GiB of disk, its job has {root_volume_gib} (`root_volume_gib`)"
            )
    level: Level = "wrong" if errors else "warning" if warnings else "fine"
    return Verdict(scan=scan.name, level=level, findings=(*errors, *warnings), timing=timing)
