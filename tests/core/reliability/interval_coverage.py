"""How often the jackknife's 95 % interval holds D of the population: the figures of docs/explanation/reliability.md.

    PYTHONPATH=tests .venv/bin/python tests/core/reliability/interval_coverage.py

Scans are points: a subject's place, and noise around it that differs between subjects. D of the population is taken
from a sample of 3,000 subjects.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from opsctl.core.reliability.discriminability import discriminability
from opsctl.core.reliability.interval import jackknife_interval

_DIMENSIONS = 20
_DRAWS = 200
_SUBJECTS = (6, 10, 15, 30)
_NOISES = (0.45, 0.65, 0.95, 1.4)
_POPULATION = 3000


def sample(generator: np.random.Generator, subjects: int, noise: float, sessions: int) -> NDArray[np.float64]:
    """The distances of the scans of some subjects, one subject after the other."""
    places = generator.normal(size=(subjects, 1, _DIMENSIONS))
    spread = noise * generator.uniform(0.7, 1.6, size=(subjects, 1, 1))
    scans = (places + spread * generator.normal(size=(subjects, sessions, _DIMENSIONS))).reshape(-1, _DIMENSIONS)
    squares = (scans**2).sum(axis=1)
    return np.sqrt(np.maximum(squares[:, None] + squares - 2 * scans @ scans.T, 0))


def coverage(subjects: int, noise: float, *, sessions: int, population: float) -> tuple[float, float, float]:
    """The share of samples with an interval, of these the share that holds the population's D, and their mean width."""
    generator = np.random.default_rng([subjects, round(100 * noise), sessions])
    names = [f"sub-{number // sessions}" for number in range(subjects * sessions)]
    widths, held = [], 0
    for _ in range(_DRAWS):
        distances = sample(generator, subjects, noise, sessions)
        interval = jackknife_interval(distances, names)
        if interval is None:
            continue
        widths.append(interval.high - interval.low)
        held += interval.low <= population <= interval.high
    return len(widths) / _DRAWS, held / len(widths), float(np.mean(widths))


def main() -> None:
    sys.stdout.write("sessions\tpopulation D\tsubjects\twith interval\theld\twidth\n")
    for sessions in (2,):
        for noise in _NOISES:
            names = [f"sub-{number // sessions}" for number in range(_POPULATION * 2)]
            many = sample(np.random.default_rng(1), _POPULATION * 2 // sessions, noise, sessions)
            population = discriminability(many, names).value
            for subjects in _SUBJECTS:
                share, held, width = coverage(subjects, noise, sessions=sessions, population=population)
                sys.stdout.write(f"{sessions}\t{population:.3f}\t{subjects}\t{share:.3f}\t{held:.3f}\t{width:.3f}\n")


if __name__ == "__main__":
    main()
