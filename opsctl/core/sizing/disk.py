"""How large an instance's root disk must be: system and image, and the scans that share it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.core.sizing.peaks import ScanPeak

#: The system, m2g's image as it is unpacked, and room to pull it. Assumed where no self-test has measured it.
SYSTEM_GIB = 40
#: EC2 launches no instance with a disk smaller than the snapshot of the machine image.
SNAPSHOT_GIB = 30
#: gp3's own, in MiB/s; all scans of an instance share it.
GP3_THROUGHPUT = 125

#: While Docker pulls an image, the compressed layers lie beside the unpacked ones. Assumed: they have half the size.
_PULL_SHARE = 0.5
_HEADROOM = 1.25
_MIB_PER_GIB = 1024


@dataclass(frozen=True, kw_only=True)
class SystemDisk:
    """What an instance's disk holds besides scans.

    Attributes
    ----------
    used_mib
        What system and image take, as a self-test measured it; None: `SYSTEM_GIB` is assumed for them and the pull.
    measured_on
        The date of the self-test.
    """

    used_mib: int | None = None
    measured_on: str = ""

    @property
    def text(self) -> str:
        """What is counted, and where it comes from."""
        if self.used_mib is None:
            return f"{SYSTEM_GIB} GiB for system and image (assumed; `opsctl selftest` measures it)"
        return (
            f"{_gib(self.used_mib)} GiB for system and image (the self-test of {self.measured_on}), and room for the"
            " image's compressed layers while Docker pulls it, or for the scans after that"
        )

    def needed_gib(self, peaks: Sequence[ScanPeak], scans: int) -> int:
        """The root disk that holds the system and so many of the largest of the measured scans, a quarter added."""
        largest_mib = max((peak.disk_mib for peak in peaks), default=0)
        scans_mib = _HEADROOM * scans * largest_mib
        if self.used_mib is None:
            needed = SYSTEM_GIB + _gib(scans_mib)
        else:
            # The layers are removed before the first scan begins.
            needed = _gib(self.used_mib + max(_PULL_SHARE * self.used_mib, scans_mib))
        return max(needed, least_gib(scans))


#: No self-test has measured it.
NOT_MEASURED = SystemDisk()


def least_gib(scans: int) -> int:
    """The smallest root disk for so many scans, whatever was measured: as terraform/platform has it."""
    return SNAPSHOT_GIB + (scans if scans > 1 else 0)


def _gib(mib: float) -> int:
    return math.ceil(mib / _MIB_PER_GIB)
