"""How much longer a scan takes beside others on an instance."""

from __future__ import annotations

#: How much longer a scan takes that shares a physical core with another. Assumed, not measured with m2g.
SLOWDOWN = 1.35
_VCPUS_PER_CORE = 2


def slowdown_of(scans: int, *, vcpus: int, slowdown: float = SLOWDOWN) -> float:
    """How much longer each of `scans` on an instance takes: no longer, as long as each has a core of its own."""
    return 1.0 if scans <= max(1, vcpus // _VCPUS_PER_CORE) else slowdown
