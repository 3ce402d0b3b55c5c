"""Makes `hyppo_values.json`: differences of discriminability by hyppo 0.5.2, an independent implementation.

In an environment of its own: `pip install hyppo==0.5.2`, then `python hyppo_values.py > hyppo_values.json`.
"""

from __future__ import annotations

import json
import sys

import numpy as np

CASES = [(8, 2, 0.9, 1.3, 1), (6, 3, 1.2, 1.1, 2), (12, 2, 1.6, 1.0, 3), (9, 2, 0.8, 0.8, 4)]


def points(subjects: int, sessions: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scans x 20 numbers, and the subject of each scan."""
    generator = np.random.default_rng(seed)
    subject_of = np.repeat(np.arange(subjects), sessions)
    own = generator.normal(size=(subjects, 20))[subject_of]
    return own + noise * generator.normal(size=own.shape), subject_of


def distances(x: np.ndarray) -> np.ndarray:
    """Between every two scans."""
    return np.linalg.norm(x[:, None] - x, axis=2)


def main() -> None:
    """Print the values."""
    from hyppo.discrim import DiscrimOneSample, DiscrimTwoSample

    cases = []
    for subjects, sessions, first_noise, second_noise, seed in CASES:
        first, subject_of = points(subjects, sessions, first_noise, seed)
        second, _ = points(subjects, sessions, second_noise, seed + 100)
        d1, d2, probability = DiscrimTwoSample().test(first, second, subject_of, reps=200, workers=1)
        without = []
        for subject in range(subjects):
            kept = subject_of != subject
            both = [DiscrimOneSample().statistic(distances(x[kept]), subject_of[kept]) for x in (first, second)]
            without.append(both[0] - both[1])
        cases.append({"first": d1, "second": d2, "p_of_its_own_test": probability, "without": without})
    json.dump({"hyppo": "0.5.2", "cases": cases}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
