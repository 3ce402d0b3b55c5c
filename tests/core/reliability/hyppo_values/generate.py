"""Makes values.json: what hyppo and graspologic say of some generated graphs. They are no dependencies of opsctl.

    uv venv oracle && uv pip install -p oracle/bin/python hyppo==0.5.2 graspologic==3.4.4
    oracle/bin/python tests/core/reliability/hyppo_values/generate.py

It uses nothing of opsctl. The graphs themselves are in the file, so that no generator of random numbers has to agree.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from graspologic.utils import pass_to_ranks
from hyppo.discrim import DiscrimOneSample
from scipy.stats import rankdata

_TARGET = Path(__file__).with_name("values.json")


def graphs(subjects: list[int], regions: int, *, noise: float, seed: int, is_signed: bool) -> list[np.ndarray]:
    """Symmetric matrices without a diagonal: streamline counts, many of them 0 and many equal, or correlations."""
    generator = np.random.default_rng(seed)
    of_subject = {subject: generator.normal(1.5, 1.5, (regions, regions)) for subject in sorted(set(subjects))}
    matrices = []
    for subject in subjects:
        values = of_subject[subject] + noise * generator.normal(size=(regions, regions))
        weights = np.round(np.tanh(values / 3), 6) if is_signed else np.floor(np.exp(np.clip(values, 0, 6)) - 1)
        upper = np.triu(weights, 1)
        matrices.append(upper + upper.T)
    return matrices


def signed_ranks(matrix: np.ndarray) -> np.ndarray:
    """The ranks of all entries off the diagonal, by SciPy."""
    is_pair = ~np.eye(len(matrix), dtype=bool)
    ranks = np.zeros_like(matrix)
    ranks[is_pair] = rankdata(matrix[is_pair]) / (is_pair.sum() + 1)
    return ranks


def discriminability(matrices: list[np.ndarray], subjects: list[int]) -> float:
    """By hyppo's one-sample statistic, which drops the subjects with one scan and takes the Euclidean distance."""
    flat = np.array([matrix.ravel() for matrix in matrices])
    return float(DiscrimOneSample().test(flat, np.array(subjects), reps=1).stat)


def case(name: str, subjects: list[int], *, regions: int, noise: float, seed: int, is_signed: bool) -> dict[str, Any]:
    matrices = graphs(subjects, regions, noise=noise, seed=seed, is_signed=is_signed)
    upper = np.triu_indices(regions, k=1)
    # graspologic refuses negative weights: opsctl ranks all of them, which is the same formula over all pairs.
    ranked = [signed_ranks(matrix) if is_signed else pass_to_ranks(matrix.copy()) for matrix in matrices]
    values = {"raw": discriminability(matrices, subjects), "ranks": discriminability(ranked, subjects)}
    if not is_signed:
        values["log"] = discriminability([np.log(matrix + 1) for matrix in matrices], subjects)
    return {
        "name": name,
        "kind": "correlation" if is_signed else "streamlines",
        "subjects": [f"sub-{subject:02d}" for subject in subjects],
        "weights": [matrix[upper].tolist() for matrix in matrices],
        "ranks_of_first": ranked[0][upper].tolist(),
        "discriminability": values,
    }


def with_ties(seed: int) -> dict[str, Any]:
    """Distances of whole numbers: many comparisons are equal."""
    generator = np.random.default_rng(seed)
    subjects = [number for number, count in enumerate((3, 2, 1, 2, 4, 2, 2)) for _ in range(count)]
    distances = generator.integers(1, 6, (len(subjects), len(subjects)))
    distances = np.triu(distances, 1) + np.triu(distances, 1).T
    value = DiscrimOneSample(is_dist=True).test(distances.astype(float), np.array(subjects), reps=1).stat
    return {
        "subjects": [f"sub-{subject:02d}" for subject in subjects],
        "distances": distances.tolist(),
        "discriminability": float(value),
    }


def main() -> None:
    pairs = [number // 2 for number in range(24)]
    ragged = [number for number, count in enumerate((2, 3, 1, 4, 2, 1, 2, 3)) for _ in range(count)]
    cases = [
        case("counts, little noise", pairs, regions=12, noise=0.5, seed=1, is_signed=False),
        case("counts, much noise", pairs, regions=12, noise=3.0, seed=2, is_signed=False),
        case("counts, unequal numbers of scans", ragged, regions=10, noise=2.0, seed=3, is_signed=False),
        case("correlations", ragged, regions=12, noise=3.0, seed=4, is_signed=True),
    ]
    made_by = {name: version(name) for name in ("hyppo", "graspologic", "numpy")}
    document = {"made_by": made_by, "graphs": cases, "ties": [with_ties(seed) for seed in range(3)]}
    _TARGET.write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()
