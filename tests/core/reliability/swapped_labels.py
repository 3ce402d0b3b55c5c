"""How well exchanged labels are found: the table in docs/explanation/scans-to-look-at.md.

    .venv/bin/python tests/core/reliability/swapped_labels.py

Each draw makes scans of subjects, computes their distances by the ranks of the edges, and looks for a pair whose labels
look exchanged; then it exchanges the labels of two scans of different subjects and looks again. It takes minutes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opsctl.core.reliability.swapped import Labelled

_DRAWS = 25
_EDGES = 200
#: Subjects and sessions. HNU1 has 30 with 10.
_DESIGNS = ((30, 10), (20, 3), (12, 2), (60, 2))
#: The noise of a session beside the differences of the subjects, chosen for D of about 1, 0.99, 0.95, 0.86 and 0.78.
_NOISES = (1.0, 1.7, 2.2, 2.8, 3.35)


def distances(draw: np.random.Generator, subjects: int, sessions: int, noise: float) -> NDArray[np.float64]:
    """Between scans whose edges are their subject's and noise, by the ranks of the edges."""
    own = draw.standard_normal((subjects, 1, _EDGES))
    edges = (own + noise * draw.standard_normal((subjects, sessions, _EDGES))).reshape(-1, _EDGES)
    ranks = edges.argsort(axis=1).argsort(axis=1).astype(np.float64)
    squares = (ranks**2).sum(axis=1)
    between = np.sqrt(np.maximum(squares[:, None] + squares - 2 * ranks @ ranks.T, 0))
    np.fill_diagonal(between, 0)
    return np.asarray(between)


def row(subjects: int, sessions: int, noise: float) -> str:
    """One line of the table."""
    draw = np.random.default_rng(1)
    names = [f"sub-{scan // sessions:02d}" for scan in range(subjects * sessions)]
    d, lowest, named, by_chance = [], 0, 0, 0
    for _ in range(_DRAWS):
        labelled = Labelled.of(distances(draw, subjects, sessions, noise), names)
        d.append(labelled.d)
        by_chance += labelled.pair() is not None
        first, second = draw.choice(len(names), 2, replace=False)
        while names[first] == names[second]:
            second = draw.integers(len(names))
        exchanged = labelled.exchanged(int(first), int(second))
        lowest += set(np.argsort(exchanged.own)[:2]) == {first, second}
        pair = exchanged.pair()
        named += pair is not None and pair.may_be(int(first), int(second))
    return f"| {subjects} x {sessions} | {np.mean(d):.3f} | {lowest} | {named} | {by_chance} |"


if __name__ == "__main__":
    print("| subjects x sessions | D | lowest two | pair named | named by chance |")
    for size in _DESIGNS:
        for level in _NOISES:
            print(row(*size, level), flush=True)
