"""Connectomes of made-up subjects, each scanned several times: edge lists as m2g writes them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

#: Subjects and sessions differ in so few ways that distances vary as those of real connectomes do.
_PATTERNS = 8


def repeated_scans(
    *, subjects: int = 12, sessions: int = 2, nodes: int = 70, noise: float = 0.5, seed: int = 1
) -> dict[str, str]:
    """The edge lists by the scan's name.

    Parameters
    ----------
    noise
        How much two sessions of a subject differ, where two subjects differ by 1: the larger, the smaller is D.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.triu_indices(nodes, 1)
    common = 5.5 - 0.09 * np.abs(rows - columns) + rng.normal(0, 1.1, len(rows))
    patterns = rng.normal(0, 1, (_PATTERNS, len(rows)))
    texts = {}
    for subject in range(subjects):
        own = common + 0.2 * rng.normal(0, 1, _PATTERNS) @ patterns
        for session in range(sessions):
            change = noise * rng.lognormal(0, 0.4) * rng.normal(0, 1, _PATTERNS) @ patterns
            counts = np.exp(own + 0.2 * change + 0.1 * rng.normal(0, 1, len(rows))) - 1
            name = f"sub-{25427 + subject:07d}/ses-{session + 1}"
            texts[name] = edge_list(rows, columns, np.floor(counts.clip(0)))
    return texts


def repeated_correlations(
    *, subjects: int = 6, sessions: int = 2, nodes: int = 40, noise: float = 0.5, seed: int = 1
) -> dict[str, str]:
    """The same of a functional run: all pairs have a correlation."""
    rng = np.random.default_rng(seed)
    rows, columns = np.triu_indices(nodes, 1)
    common = 0.4 - 0.02 * np.abs(rows - columns) + rng.normal(0, 0.25, len(rows))
    patterns = rng.normal(0, 1, (_PATTERNS, len(rows)))
    texts = {}
    for subject in range(subjects):
        own = common + 0.06 * rng.normal(0, 1, _PATTERNS) @ patterns
        for session in range(sessions):
            values = np.tanh(own + 0.06 * noise * rng.normal(0, 1, _PATTERNS) @ patterns)
            texts[f"sub-{subject + 1:02d}/ses-{session + 1}"] = edge_list(rows, columns, values)
    return texts


def edge_list(rows: NDArray[np.int64], columns: NDArray[np.int64], weights: NDArray[np.float64]) -> str:
    """The text of a connectome's file: `node node weight`, numbered from 1, without the pairs of weight 0."""
    return "".join(
        f"{row + 1} {column + 1} {weight:.7g}\n"
        for row, column, weight in zip(rows.tolist(), columns.tolist(), weights.tolist(), strict=True)
        if weight
    )


def with_swapped_labels(texts: Mapping[str, str], first: str, second: str) -> dict[str, str]:
    """The same scans, two of which have each other's connectome."""
    return {**texts, first: texts[second], second: texts[first]}
