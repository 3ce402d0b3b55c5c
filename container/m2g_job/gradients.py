"""A scan's gradients by m2g's own rules, before m2g is started: it would refuse them after an hour, or make nonsense.

docs/inputs.md has the rules as a table. opsctl has the same in opsctl/core/dataset/gradients.py.
"""

from __future__ import annotations

import codecs
import math
import re
from typing import Sequence, Tuple

from m2g_job import causes
from m2g_job.faults import WrongInput

Direction = Tuple[float, ...]

#: Above this b-value (s/mm²) a volume is weighted for DIPY, which m2g fits its models with.
B0_THRESHOLD = 50.0

#: m2g takes the volumes with the smallest b-value as b=0. Up to this value (s/mm²) that is what the scanner meant.
LARGEST_B0 = 100.0

# m2g puts (1, 0, 0) in the place of a direction with a component of this size.
_REPLACED_FROM = 10.0
# DIPY refuses a longer direction; m2g allows a difference of 1 from a unit vector.
_LONGEST = 2.0

#: The largest file: real ones have some 10 kB. opsctl has the same bound (opsctl/core/size_limits.py).
LARGEST_BYTES = 1_000_000
# The volumes that NIfTI-1 can count. A row with more values is not made into numbers.
_MOST_VOLUMES = 2**15 - 1
_LONGEST_MESSAGE = 200

#: The code of a file that is no such table, by its role.
_INVALID = {"bval": causes.BVAL_INVALID, "bvec": causes.BVEC_INVALID}
_LINE = re.compile("[^\r\n]+")


def check(bval: str, bvec: str, *, volumes: int, image: str) -> list[float]:
    """Refuse gradients that m2g refuses, or could make nothing of.

    Parameters
    ----------
    bval, bvec
        Paths of the two files.
    volumes, image
        The image's number of volumes, and its name in the messages.

    Returns
    -------
    list of float
        The b-values, in s/mm².

    Raises
    ------
    WrongInput
        With the reason.
    """
    bvals, bvecs = _bvals(bval), _bvecs(bvec)
    if len(bvals) != len(bvecs):
        raise WrongInput(
            f"bval and bvec differ in count: {len(bvals)} and {len(bvecs)}",
            causes.GRADIENT_COUNTS_DIFFER,
            bvals=len(bvals),
            bvecs=len(bvecs),
        )
    if volumes != len(bvals):
        raise WrongInput(
            f"image and bval differ in count: {image} has {volumes} volumes for {len(bvals)} b-values",
            causes.VOLUME_COUNT_DIFFERS,
            file=image,
            volumes=volumes,
            bvals=len(bvals),
        )
    smallest = min(bvals)
    for number, (value, direction) in enumerate(zip(bvals, bvecs)):
        if value > B0_THRESHOLD:
            _check_direction(number, value, direction, is_b0=value == smallest)
    if smallest > LARGEST_B0:
        raise WrongInput(
            f"there is no b=0 volume: the smallest b-value is {smallest:g} s/mm²", causes.B0_VOLUME_MISSING
        )
    if max(bvals) <= max(B0_THRESHOLD, smallest):
        raise WrongInput("there is no diffusion-weighted volume: every volume is b=0", causes.WEIGHTED_VOLUME_MISSING)
    return bvals


def _check_direction(number: int, value: float, direction: Direction, *, is_b0: bool) -> None:
    """Check the direction of a volume, counted from 0, with a b-value above the threshold."""
    volume = f"volume {number} (b={value:g})"
    if not any(direction):
        raise WrongInput(f"{volume} has no direction in bvec: m2g refuses that", causes.DIRECTION_INVALID)
    if any(abs(component) >= _REPLACED_FROM for component in direction):
        return
    length = math.sqrt(sum(component * component for component in direction))
    if math.isnan(length) and not is_b0:
        raise WrongInput(f"{volume} has nan as its direction in bvec", causes.DIRECTION_INVALID)
    if length > _LONGEST:
        raise WrongInput(
            f"{volume} has a direction of length {length:.3g}, which is no unit vector: m2g refuses that",
            causes.DIRECTION_INVALID,
        )


def write_b0(path: str, bvals: Sequence[float]) -> bool:
    """Write the b-values again with 0 as the smallest one, where DIPY would not take the smallest one as b=0.

    m2g takes the volumes with the smallest b-value as b=0, but DIPY's gradient table still asks for 50 or less. With
    HCP 7T's 55 to 65 the csa model has no b=0 volume, and ends with nan after registration.

    Returns
    -------
    bool
        Whether the file was written.
    """
    smallest = min(bvals)
    if smallest <= B0_THRESHOLD:
        return False
    with open(path, "w", encoding="ascii") as file:
        file.write(" ".join("0" if value == smallest else repr(value) for value in bvals) + "\n")
    return True


def _rows(path: str, role: str) -> list[list[float]]:
    """The numbers of each line, as NumPy's `loadtxt` reads them after DIPY has made blanks of commas and tabs."""
    with open(path, "rb") as file:
        data = file.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise WrongInput(f"the {role} file has more than {LARGEST_BYTES:,} bytes", _INVALID[role])
    if data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise WrongInput(f"the {role} file begins with a byte order mark, which m2g cannot read", _INVALID[role])
    rows = []
    try:
        for line in _LINE.finditer(data.decode("utf-8")):
            words = line.group().partition("#")[0].replace(",", " ").split(None, _MOST_VOLUMES)
            if len(words) > _MOST_VOLUMES or len(rows) == _MOST_VOLUMES:
                raise WrongInput(
                    f"the {role} file has more than {_MOST_VOLUMES:,} values in a row or column", _INVALID[role]
                )
            if words:
                rows.append([float(word) for word in words])
    except ValueError as error:  # UnicodeDecodeError is one
        raise WrongInput(f"the {role} file is not a table of numbers: {str(error)[:_LONGEST_MESSAGE]}", _INVALID[role])
    if not rows:
        raise WrongInput(f"the {role} file is empty", _INVALID[role])
    if len({len(row) for row in rows}) != 1:
        raise WrongInput(f"the {role} file's rows differ in length", _INVALID[role])
    return rows


def _bvals(path: str) -> list[float]:
    rows = _rows(path, "bval")
    if len(rows) > 1 and len(rows[0]) > 1:
        raise WrongInput(f"the bval file has {len(rows)} rows; it must have one", _INVALID["bval"])
    values = [value for row in rows for value in row]
    if not all(math.isfinite(value) and value >= 0 for value in values):
        raise WrongInput("the bval file holds a value that is negative or not finite", _INVALID["bval"])
    return values


def _bvecs(path: str) -> list[Direction]:
    rows = _rows(path, "bvec")
    if min(len(rows), len(rows[0])) != 3:
        raise WrongInput(
            f"the bvec file has {len(rows)} rows of {len(rows[0])} values: m2g needs three rows, and three volumes or "
            "more",
            _INVALID["bvec"],
        )
    # DIPY takes three rows of three values for columns.
    return [tuple(row) for row in rows] if len(rows[0]) == 3 else list(zip(*rows))
