"""A scan's gradients as m2g reads them, as DIPY's gradient table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from dipy.core.gradients import gradient_table

from opsctl.core.dataset.gradients import B0_THRESHOLD, DIRECTIONS_NEEDED, ORDER, GradientError
from opsctl.core.dataset.gradients import read as read_by_rules
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.size_limits import SIDECAR_BYTES


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
        The order of the spherical harmonics: 6 as in m2g, also with fewer directions than coefficients.
    """

    table: Any
    directions: int
    sh_order: int = ORDER

    @property
    def coefficients(self) -> int:
        """The number of spherical harmonic coefficients of a voxel."""
        return DIRECTIONS_NEEDED


def read(bval: Path, bvec: Path, *, volumes: int) -> Gradients:
    """Read bval and bvec for an image with this number of volumes.

    Raises
    ------
    Problem
        m2g refuses them, then in its words; or could make nothing of them.
    """
    try:
        gradients = read_by_rules(_content(bval), _content(bvec), volumes=volumes)
    except GradientError as error:
        raise Problem(error.of_m2g or f"{error}.", code=ErrorCode.INPUT_INVALID) from error
    bvals = np.asarray(gradients.bvals, dtype=np.float64)
    bvecs = np.zeros((len(bvals), 3))
    bvecs[gradients.weighted] = [gradients.bvecs[number] for number in gradients.weighted]
    lengths = np.linalg.norm(bvecs, axis=1, keepdims=True)
    bvecs = np.divide(bvecs, lengths, out=bvecs, where=lengths > 0)
    return Gradients(
        table=gradient_table(bvals, bvecs=bvecs, b0_threshold=max(B0_THRESHOLD, bvals.min())),
        directions=gradients.directions,
    )


def _content(path: Path) -> bytes:
    """A file's content; of one that is too large, enough for the rules to refuse it."""
    with path.open("rb") as file:
        return file.read(SIDECAR_BYTES + 1)
