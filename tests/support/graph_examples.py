"""Stacks of connectomes for tests of the statistics: subjects differ, sessions of a subject differ less."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opsctl.core.reliability.graph_stack import GraphStack, StackedScan, pair_count
from opsctl.core.runs.output_kinds import GraphKind

ATLAS = "Example_space-MNI152NLin6_res-2x2x2"


def example_weights(
    subjects: int, sessions: int, regions: int, *, noise: float = 0.5, seed: int = 0
) -> NDArray[np.float32]:
    """Numbers of streamlines, scans x pairs: about half of the pairs have none."""
    generator = np.random.default_rng(seed)
    pairs = pair_count(regions)
    own = generator.normal(2, 2, (subjects, 1, pairs)) + noise * generator.normal(size=(subjects, sessions, pairs))
    weights: NDArray[np.float32] = np.floor(np.exp(np.maximum(own.reshape(-1, pairs), 0)) - 1).astype(np.float32)
    return weights


def example_stack(
    weights: NDArray[np.float32],
    *,
    sessions: int = 2,
    kind: GraphKind = "streamlines",
    scans: tuple[StackedScan, ...] | None = None,
) -> GraphStack:
    """A stack of scans `sub-000/ses-1`, …, with labels 1, 2, …"""
    regions = round((1 + (1 + 8 * weights.shape[1]) ** 0.5) / 2)
    names = [f"sub-{number // sessions:03d}/ses-{number % sessions + 1}" for number in range(len(weights))]
    return GraphStack(
        atlas=ATLAS,
        kind=kind,
        model="csd" if kind == "streamlines" else "",
        scans=scans or tuple(map(StackedScan.of, names)),
        labels=tuple(range(1, regions + 1)),
        regions=("n/a",) * regions,
        centres=None,
        weights=weights,
    )
