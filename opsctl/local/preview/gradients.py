"""A scan's diffusion gradients, checked against its image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from dipy.core.gradients import gradient_table
from dipy.io.gradients import read_bvals_bvecs
from numpy.typing import NDArray

from opsctl.core.errors import ErrorCode, Problem

#: The largest b-value, in s/mm², of a b=0 volume: m2g's and DIPY's threshold.
B0_THRESHOLD = 50

#: Two directions closer than this, in degrees, count as one.
_SAME_DIRECTION_DEGREES = 2.0


@dataclass(frozen=True)
class Gradients:
    """The gradient table and what the model needs of it.

    Attributes
    ----------
    table
        DIPY's GradientTable.
    directions
        The number of different directions; opposite ones count as one.
    sh_order
        The order of the spherical harmonics: 6 as in m2g, or 4 if there are too few directions for 6.
    """

    table: Any
    directions: int
    sh_order: int

    @property
    def coefficients(self) -> int:
        """The number of spherical harmonic coefficients of a voxel."""
        return _coefficients(self.sh_order)


def read(bval: Path, bvec: Path, *, volumes: int) -> Gradients:
    """Read bval and bvec for an image with this number of volumes.

    Raises
    ------
    Problem
        The counts differ, there is no b=0 volume, a weighted volume has no direction, or directions are too few.
    """
    bvals, bvecs = _read_files(bval, bvec)
    if len(bvals) != len(bvecs):
        raise Problem(f"bval and bvec differ in count: {len(bvals)} and {len(bvecs)}.", code=ErrorCode.INPUT_INVALID)
    if len(bvals) != volumes:
        raise Problem(f"The image has {volumes} volumes, bval has {len(bvals)} values.", code=ErrorCode.INPUT_INVALID)
    weighted = bvals > B0_THRESHOLD
    if weighted.all():
        raise Problem(
            f"No volume has a b-value of {B0_THRESHOLD} s/mm² or less: there is no b=0 image.",
            code=ErrorCode.INPUT_INVALID,
        )
    lengths = np.linalg.norm(bvecs, axis=1)
    if (lengths[weighted] == 0).any():
        raise Problem("A diffusion-weighted volume has no direction in bvec.", code=ErrorCode.INPUT_INVALID)
    bvecs[weighted] /= lengths[weighted, None]
    bvecs[~weighted] = 0
    directions = _count_different(bvecs[weighted])
    return Gradients(
        table=gradient_table(bvals, bvecs=bvecs, b0_threshold=B0_THRESHOLD),
        directions=directions,
        sh_order=_harmonic_order(directions),
    )


def _read_files(bval: Path, bvec: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    try:
        bvals = np.atleast_1d(np.asarray(read_bvals_bvecs(str(bval), None)[0], dtype=np.float64))
        bvecs = np.asarray(read_bvals_bvecs(None, str(bvec))[1], dtype=np.float64)
    except (OSError, ValueError) as error:
        raise Problem(f"bval or bvec cannot be read: {error}", code=ErrorCode.INPUT_INVALID) from error
    # Scanners write nan for the direction of a b=0 volume.
    return bvals, np.nan_to_num(bvecs)


def _count_different(directions: NDArray[np.float64]) -> int:
    cosine = np.cos(np.radians(_SAME_DIRECTION_DEGREES))
    same = np.abs(directions @ directions.T) >= cosine
    # Count each direction that equals no earlier one.
    return int(sum(not same[row, :row].any() for row in range(len(directions))))


def _harmonic_order(directions: int) -> int:
    for order in (6, 4):
        if directions >= _coefficients(order):
            return order
    raise Problem(
        f"Too few directions: {directions}. Spherical harmonics of order 4, the least that shows crossing fibres, "
        f"need {_coefficients(4)}.",
        code=ErrorCode.INPUT_INVALID,
    )


def _coefficients(order: int) -> int:
    return (order + 1) * (order + 2) // 2
