"""A scan's gradients by m2g's own rules: what it reads of bval and bvec, what it refuses, and what it only fits badly.

docs/inputs.md has the rules as a table. The job runner has the same in container/m2g_job/gradients.py.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.core.size_limits import SIDECAR_BYTES

Direction = tuple[float, ...]

#: Above this b-value (s/mm²) a volume is weighted for DIPY, which m2g fits its models with.
B0_THRESHOLD = 50.0

#: m2g takes the volumes with the smallest b-value as b=0. Up to this value (s/mm²) that is what the scanner meant
#: (55 to 65 in HCP's 7T scans). A larger one belongs to a weighted shell.
LARGEST_B0 = 100.0

#: m2g takes a direction with a component of this size for a corrupt one, and puts (1, 0, 0) in its place.
_REPLACED_FROM = 10.0
_REPLACEMENT: Direction = (1.0, 0.0, 0.0)

#: DIPY refuses a longer direction; m2g allows a difference of 1 from a unit vector.
_LONGEST = 2.0

#: m2g fits both models with spherical harmonics of order 6, which have (6 + 1)(6 + 2) / 2 coefficients.
ORDER = 6
DIRECTIONS_NEEDED = (ORDER + 1) * (ORDER + 2) // 2

#: The volumes that NIfTI-1 can count. A row with more values is not made into numbers.
_MOST_VOLUMES = 2**15 - 1
_LONGEST_MESSAGE = 200

# DIPY's words.
_SHAPES_DIFFER = "b-values and b-vectors shapes do not correspond"
_NO_THREE_ROWS = "bvec file should have three rows"

_LINE = re.compile(r"[^\r\n]+")


class GradientError(ValueError):
    """Gradients that no job should be paid for.

    Parameters
    ----------
    finding
        What is wrong, as a phrase.
    of_m2g
        The message with which m2g itself ends; empty where m2g would go on and fail later, or make nonsense.
    """

    def __init__(self, finding: str, of_m2g: str = "") -> None:
        super().__init__(finding)
        self.of_m2g = of_m2g


@dataclass(frozen=True)
class Gradients:
    """A value and a direction for each volume, with m2g's own repairs.

    Attributes
    ----------
    bvals
        In s/mm², as the file has them.
    bvecs
        (0, 0, 0) where b is exactly 0, and (1, 0, 0) in place of a corrupt direction.
    warnings
        What m2g accepts, but the user should look at, as phrases.
    """

    bvals: Sequence[float]
    bvecs: Sequence[Direction]
    warnings: tuple[str, ...] = ()

    @property
    def weighted(self) -> list[int]:
        """The numbers, from 0, of the volumes that the model is fitted to."""
        return [number for number, bval in enumerate(self.bvals) if bval > max(B0_THRESHOLD, min(self.bvals))]

    @property
    def directions(self) -> int:
        """The number of different axes of the weighted volumes: a direction and its opposite count once."""
        axes = set()
        for number in self.weighted:
            length = math.hypot(*self.bvecs[number])
            rounded = tuple(round(value / length, 3) + 0.0 for value in self.bvecs[number])
            axes.add(max(rounded, tuple(-value + 0.0 for value in rounded)))
        return len(axes)


def read(bval: bytes, bvec: bytes, *, volumes: int | None) -> Gradients:
    """Read the gradients of an image as m2g does.

    Parameters
    ----------
    bval, bvec
        The content of the two files.
    volumes
        The image's number of volumes; None where its header could not be read.

    Raises
    ------
    GradientError
        m2g refuses them, or could make nothing of them.
    """
    bvals, bvecs = _bvals(bval), _bvecs(bvec)
    if len(bvals) != len(bvecs):
        raise GradientError(
            f"bval and bvec differ in count: {len(bvals)} and {len(bvecs)}",
            _SHAPES_DIFFER,
        )
    if volumes is not None and volumes != len(bvals):
        raise GradientError(f"the image has {volumes} volumes, but there are {len(bvals)} b-values")
    corrupt = [any(abs(value) >= _REPLACED_FROM for value in direction) for direction in bvecs]
    repaired = [
        (0.0, 0.0, 0.0) if value == 0 else _REPLACEMENT if is_corrupt else direction
        for value, direction, is_corrupt in zip(bvals, bvecs, corrupt, strict=True)
    ]
    gradients = Gradients(bvals, repaired)
    _ensure_usable(gradients)
    return Gradients(bvals, repaired, tuple(_warnings(gradients, corrupt)))


def _rows(data: bytes, file: str) -> list[list[float]]:
    """The numbers of each line, as NumPy's `loadtxt` reads them after DIPY has made blanks of commas and tabs."""
    if len(data) > SIDECAR_BYTES:
        raise GradientError(f"{file} has more than {SIDECAR_BYTES:,} bytes")
    rows: list[list[float]] = []
    try:
        for line in _LINE.finditer(data.decode("utf-8")):
            words = line[0].partition("#")[0].replace(",", " ").split(None, _MOST_VOLUMES)
            if len(words) > _MOST_VOLUMES or len(rows) == _MOST_VOLUMES:
                raise GradientError(f"{file} has more than {_MOST_VOLUMES:,} values in a row or column")
            if words:
                rows.append([float(word) for word in words])
    except GradientError:
        raise
    except ValueError as error:  # UnicodeDecodeError is one
        is_marked = data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        finding = "begins with a byte order mark, which m2g cannot read" if is_marked else "is not made of numbers"
        raise GradientError(f"{file} {finding}", str(error)[:_LONGEST_MESSAGE]) from error
    if not rows:
        raise GradientError(f"{file} is empty", _SHAPES_DIFFER if file == "bval" else _NO_THREE_ROWS)
    unequal = [number for number, row in enumerate(rows, start=1) if len(row) != len(rows[0])]
    if unequal:
        raise GradientError(f"{file}'s rows differ in length", f"Wrong number of columns at line {unequal[0]}")
    return rows


def _bvals(data: bytes) -> list[float]:
    rows = _rows(data, "bval")
    if len(rows) > 1 and len(rows[0]) > 1:
        raise GradientError(f"bval has {len(rows)} rows, it must have one", "bval file should have one row")
    values = [value for row in rows for value in row]
    if not all(math.isfinite(value) and value >= 0 for value in values):
        raise GradientError("bval holds a value that is negative or not finite")
    return values


def _bvecs(data: bytes) -> list[Direction]:
    """The directions, from three rows (BIDS) or from three columns, as some tools write them."""
    rows = _rows(data, "bvec")
    if min(len(rows), len(rows[0])) != 3:
        raise GradientError(
            f"bvec has {len(rows)} rows of {len(rows[0])} values: m2g needs three rows, and three volumes or more",
            _NO_THREE_ROWS,
        )
    # DIPY takes three rows of three values for columns.
    return [tuple(row) for row in rows] if len(rows[0]) == 3 else list(zip(*rows, strict=True))


def _ensure_usable(gradients: Gradients) -> None:
    bvals, smallest = gradients.bvals, min(gradients.bvals)
    above = [number for number, bval in enumerate(bvals) if bval > B0_THRESHOLD]
    directionless = [number for number in above if not any(gradients.bvecs[number])]
    if directionless:
        raise GradientError(
            f"{_volumes(directionless, bvals)} without a direction in bvec",
            "WARNING: Encountered potentially corrupted bval/bvecs. Check to ensure volumes with a diffusion weighting "
            "are not being treated as B0's along the bvecs",
        )
    weighted = gradients.weighted
    undefined = [number for number in weighted if any(map(math.isnan, gradients.bvecs[number]))]
    if undefined:
        raise GradientError(f"{_volumes(undefined, bvals)} with nan as the direction")
    too_long = [number for number in above if math.hypot(*gradients.bvecs[number]) > _LONGEST]
    if too_long:
        raise GradientError(
            f"{_volumes(too_long, bvals)} with a direction longer than {_LONGEST:g}, which is no unit vector",
            "The vectors in bvecs should be unit (The tolerance can be modified as an input parameter)",
        )
    if smallest > LARGEST_B0:
        raise GradientError(f"no b=0 volume: the smallest b-value is {smallest:g} s/mm²")
    if not weighted:
        raise GradientError("no diffusion-weighted volume: every volume is b=0")


def _warnings(gradients: Gradients, corrupt: Sequence[bool]) -> list[str]:
    warnings = []
    smallest = min(gradients.bvals)
    if smallest > B0_THRESHOLD:
        warnings.append(f"the smallest b-value is {smallest:g} s/mm²: these volumes are taken as b=0")
    replaced = [number for number in gradients.weighted if corrupt[number]]
    if replaced:
        warnings.append(
            f"{_volumes(replaced, gradients.bvals)} with a component of {_REPLACED_FROM:g} or more in bvec: m2g takes "
            f"(1, 0, 0) as the direction"
        )
    if gradients.directions < DIRECTIONS_NEEDED:
        warnings.append(
            f"{gradients.directions} directions, but order {ORDER} of m2g's csd and csa models has {DIRECTIONS_NEEDED} "
            f"coefficients: the fit is weak"
        )
    return warnings


def _volumes(numbers: Sequence[int], bvals: Sequence[float]) -> str:
    """`volume 39 (b=1000)`, counted from 0; `3 volumes (the first is 4, b=1000)`."""
    if len(numbers) == 1:
        return f"volume {numbers[0]} (b={bvals[numbers[0]]:g})"
    return f"{len(numbers)} volumes (the first is {numbers[0]}, b={bvals[numbers[0]]:g})"
