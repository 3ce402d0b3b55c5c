"""How long the comparison of connectomes takes on this machine, and the disk that it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from opsctl.commands.reliability.graph_stacks import StackFiles
from opsctl.commands.reliability.stack_room import is_on_disk, room_bytes
from opsctl.core.reliability.distances import Transform
from opsctl.core.reliability.ranks import mean_ranks

#: What is measured: the ranks of so many weights, and the products of so many scans over so many pairs of regions.
_RANKED, _SCANS, _PAIRS = 100_000, 512, 3200
#: Below so many weights nothing is measured: it takes less than a second.
_FEW = 10_000_000


@dataclass(frozen=True)
class Effort:
    """What the comparison of some stacks takes.

    Attributes
    ----------
    seconds
        Without the reading of the files.
    disk_bytes
        Of the largest stack, in the folder for temporary files: its weights and their ranks.
    """

    seconds: float
    disk_bytes: int


def effort(stacks: Iterable[StackFiles], transform: Transform, *, clock: Callable[[], float] = perf_counter) -> Effort:
    """Estimate it from a short measurement: ranks grow with the number of scans, distances with its square."""
    sizes = [(len(files.files), files.pairs) for files in stacks]
    matrices = 2 if transform == "ranks" else 1
    on_disk = [matrices * room_bytes(*size) for size in sizes if is_on_disk(*size)]
    if sum(scans * pairs for scans, pairs in sizes) < _FEW:
        return Effort(0.0, max(on_disk, default=0))
    values = np.random.default_rng(0).normal(size=_RANKED).astype(np.float32)
    block = np.ones((_SCANS, _PAIRS))
    block @ block.T
    start = clock()
    mean_ranks(values)
    ranked = clock()
    block @ block.T
    end = clock()
    per_rank = (ranked - start) / _RANKED if transform == "ranks" else 0.0
    per_product = (end - ranked) / (_SCANS**2 * _PAIRS)
    seconds = sum(scans * pairs * (per_rank + scans * per_product) for scans, pairs in sizes)
    return Effort(seconds, max(on_disk, default=0))
