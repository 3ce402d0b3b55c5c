"""Measures the statistics of `opsctl reliability` from a stack in an npz file: time by part, and the peak of memory.

    .venv/bin/python -m bench.reliability_process 1000 400

Arguments: scans (two a subject), regions, and `disk` to keep the weights and the ranks in files, as the command does
beyond 400 MB. Memory is the process's own (anonymous) part, in which files that are mapped into memory do not count.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opsctl.commands.reliability import stack_room
from opsctl.commands.reliability.reliability import assess
from opsctl.core.reliability.distances import distances
from opsctl.core.reliability.graph_stack import GraphStack, StackedScan, pair_count

_INTERVAL_SECONDS = 0.02
_ON_DISK = 4


class _Peak(threading.Thread):
    """The largest anonymous memory, looked at every 20 ms."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.mib = 0.0

    def run(self) -> None:
        while True:
            lines = Path("/proc/self/status").read_text().splitlines()
            kib = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
            self.mib = max(self.mib, kib / 1024)
            time.sleep(_INTERVAL_SECONDS)


def _write(path: Path, scans: int, regions: int) -> None:
    generator = np.random.default_rng(0)
    with path.open("wb") as file:
        weights = np.lib.format.open_memmap(file.name, mode="w+", dtype=np.float32, shape=(scans, pair_count(regions)))
        for index in range(scans):
            if index % 2 == 0:
                own = generator.normal(1, 2, weights.shape[1])
            values = own + generator.normal(0, 2, weights.shape[1])
            weights[index] = np.floor(np.exp(np.clip(values, 0, 8)) - 1)


def _stack(weights: NDArray[np.float32], regions: int) -> GraphStack:
    return GraphStack(
        atlas="Example",
        kind="streamlines",
        model="csd",
        scans=tuple(StackedScan.of(f"sub-{index // 2:05d}/ses-{index % 2 + 1}") for index in range(len(weights))),
        labels=tuple(range(1, regions + 1)),
        regions=("n/a",) * regions,
        centres=None,
        weights=weights,
    )


def main() -> None:
    """Print a line for each part."""
    scans, regions = int(sys.argv[1]), int(sys.argv[2])
    if sys.argv[3:] == ["disk"]:
        stack_room.IN_MEMORY_BYTES = _ON_DISK
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "weights.npy")
        _write(path, scans, regions)
        peak = _Peak()
        peak.start()
        times, cpu = [time.perf_counter()], time.process_time()
        weights = stack_room.room(scans, pair_count(regions))
        weights[:] = np.load(path, mmap_mode="r")
        times.append(time.perf_counter())
        stack = _stack(weights, regions)
        compared = distances(stack, ranks=stack_room.ranks_room(stack, "ranks"))
        times.append(time.perf_counter())
        row = assess(stack, compared, transform="ranks", permutations=999, seed=0)
        times.append(time.perf_counter())
        read, compare, statistics = np.diff(times)
        sys.stdout.write(
            f"{scans} scans x {regions} regions: read {read:.1f} s, ranks and distances {compare:.1f} s, D with"
            f" interval and test {statistics:.1f} s; {time.process_time() - cpu:.1f} s of one core; peak"
            f" {peak.mib:.0f} MiB; D {row.result.value if row.result else 0:.3f}\n"
        )


if __name__ == "__main__":
    main()
