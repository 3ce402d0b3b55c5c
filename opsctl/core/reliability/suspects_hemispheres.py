"""Which regions of an atlas lie left and right, and which of them are the same region on the other side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNKNOWN = "n/a"

#: Names in neuroparc begin with the side: `L_Precentral_gyrus`, `Left_Thalamus`.
_PREFIXES = {"l": "L", "left": "L", "r": "R", "right": "R"}
#: A region whose centre is nearer to the midline than this (mm) belongs to no side.
_MIDLINE_MM = 4.0
#: A region and its partner's mirror image lie at most this far apart (mm).
_MIRROR_MM = 12.0
#: Fewer pairs have too few edges for a correlation.
_LEAST_PAIRS = 5


@dataclass(frozen=True, kw_only=True)
class Hemispheres:
    """The sides of an atlas's regions.

    Attributes
    ----------
    sides
        `L`, `R`, or empty for a region of both sides or of the midline, in the order of the nodes.
    pairs
        Rows of the same region left and right.
    missing
        Why the atlas has no sides and pairs, as a sentence; empty if it has them.
    """

    sides: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    missing: str


def hemispheres(regions: Sequence[str], centres: NDArray[np.float64] | None) -> Hemispheres:
    """Find the left and right regions, and their pairs.

    The names tell the side and the pair where the atlas has names. Regions without names are parted by their centres,
    and two regions are a pair if each is the nearest to the other's mirror image. An atlas with names but without
    sides in them labels both hemispheres alike: its centres would tell nothing.

    Parameters
    ----------
    regions
        Names, `n/a` where there is none.
    centres
        Regions x 3, in mm (MNI); None where they are not known.
    """
    named = any(name != UNKNOWN for name in regions)
    sides = tuple(_side(name) for name in regions) if named else _sides_by_centre(centres, len(regions))
    pairs = _pairs_by_name(regions, sides) if named else []
    if centres is not None:
        paired = {row for pair in pairs for row in pair}
        pairs += _pairs_by_centre(sides, centres, taken=paired)
    if centres is None and not named:
        missing = "neither names nor centres of the atlas's regions are known."
    elif not ("L" in sides and "R" in sides):
        missing = "the atlas has no regions of one hemisphere only."
    elif len(pairs) < _LEAST_PAIRS or 4 * len(pairs) < len(regions):
        missing = "too few of the atlas's regions have a partner in the other hemisphere."
    else:
        missing = ""
    if missing:
        return Hemispheres(sides=("",) * len(regions), pairs=(), missing=missing)
    return Hemispheres(sides=sides, pairs=tuple(sorted(pairs)), missing="")


def _side(name: str) -> str:
    prefix, underscore, _ = name.partition("_")
    return _PREFIXES.get(prefix.lower(), "") if underscore else ""


def _sides_by_centre(centres: NDArray[np.float64] | None, count: int) -> tuple[str, ...]:
    if centres is None:
        return ("",) * count
    return tuple("L" if x < -_MIDLINE_MM else "R" if x > _MIDLINE_MM else "" for x in centres[:, 0].tolist())


def _pairs_by_name(regions: Sequence[str], sides: Sequence[str]) -> list[tuple[int, int]]:
    """The pairs of regions whose names differ in the side only, and occur once."""
    keys = [(side, name.partition("_")[2]) for side, name in zip(sides, regions, strict=True)]
    counts = Counter(keys)
    rows = {key: row for row, key in enumerate(keys) if key[0] and counts[key] == 1}
    return [(row, rows["R", name]) for (side, name), row in rows.items() if side == "L" and ("R", name) in rows]


def _pairs_by_centre(sides: Sequence[str], centres: NDArray[np.float64], *, taken: set[int]) -> list[tuple[int, int]]:
    """The pairs of regions of which each is nearest to the mirror image of the other."""
    left, right = (
        np.array([row for row, side in enumerate(sides) if side == wanted_side and row not in taken], dtype=int)
        for wanted_side in "LR"
    )
    if not (len(left) and len(right)):
        return []
    mirrored = centres[left] * (-1, 1, 1)
    apart = np.sqrt(((mirrored[:, None, :] - centres[right][None, :, :]) ** 2).sum(axis=2))
    nearest_right, nearest_left = apart.argmin(axis=1), apart.argmin(axis=0)
    return [
        (int(left[position]), int(right[partner]))
        for position, partner in enumerate(nearest_right.tolist())
        if nearest_left[partner] == position and apart[position, partner] <= _MIRROR_MM
    ]
