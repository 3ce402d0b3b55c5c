"""Whether a job's memory holds the atlases of a run."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.core.atlases.atlas import Atlas
from opsctl.core.errors import UsageProblem


def ensure_atlases_fit(
    atlases: Sequence[Atlas], voxel_size: str, *, workers: int, memory_mib: int, largest_mib: int
) -> None:
    """Ensure that a job can make the graph of each atlas: m2g makes one after the other.

    Parameters
    ----------
    workers
        Number of processes that m2g makes a graph with.
    memory_mib
        Memory of each job of the run.
    largest_mib
        Memory of the largest job of the platform.

    Raises
    ------
    UsageProblem
        With the atlases that do not fit, and what would hold them.
    """
    needed = {atlas.name: atlas.memory_mib(voxel_size, workers=workers) for atlas in atlases}
    too_large = {name: mib for name, mib in needed.items() if mib > memory_mib}
    if not too_large:
        return
    needs = ", ".join(f"{name} ({mib:,} MiB)" for name, mib in too_large.items())
    nowhere = [name for name, mib in too_large.items() if mib > largest_mib]
    by_workers = f" with --n-cpus {workers}" if workers > 1 else ""
    message = f"Too large for a job of {memory_mib:,} MiB{by_workers}: {needs}."
    if nowhere and workers > 1:
        raise UsageProblem(message, "Leave out --n-cpus: each of m2g's processes holds matrices of its own.")
    if nowhere:
        raise UsageProblem(
            message,
            f"No job of this platform holds {' or '.join(nowhere)}: the largest has {largest_mib:,} MiB."
            " Choose other atlases with --parcellation; `opsctl parcellations` shows the memory that each needs.",
        )
    raise UsageProblem(message, f"With --memory {max(too_large.values())} each job gets enough.")
