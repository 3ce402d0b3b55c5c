"""How large an instance's root disk must be for the scans that share it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from opsctl.core.sizing.peaks import ScanPeak

#: The system, m2g's image as it is unpacked, and room to pull it. Assumed, not measured.
SYSTEM_GIB = 40
_HEADROOM = 1.25
_MIB_PER_GIB = 1024


def needed_gib(peaks: Sequence[ScanPeak], scans: int) -> int:
    """The root disk in GiB that holds the system and so many of the largest of the measured scans, a quarter added."""
    largest_mib = max((peak.disk_mib for peak in peaks), default=0)
    return SYSTEM_GIB + math.ceil(_HEADROOM * scans * largest_mib / _MIB_PER_GIB)
