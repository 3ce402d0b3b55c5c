"""The repetition time and the slice order of a bold series, as the job gives them to m2g.

The job runner decides by the same rules (container/m2g_job/bold_timing.py), because it has the whole image.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: m2g's own slice order where nothing tells another.
DEFAULT_ORDER = "alt+z"

#: m2g has two names for three of AFNI's slice orders.
_SAME_ORDER = {"altplus": "alt+z", "altminus": "alt-z"}

#: BIDS wants seconds; a series with a longer repetition time is one whose header or sidecar has milliseconds.
_LONGEST_TR_SECONDS = 30.0
_TOLERANCE = 0.01
_UNITS_PER_SECOND = {"sec": 1.0, "msec": 1e3, "usec": 1e6}

#: A sidecar that is nested deeper is refused: how deep a document Python can read depends on its version.
_DEEPEST = 64
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
# Closed or not: so that no text takes longer than its length.
_STRING = re.compile(rb'"[^"]*"?')
_TO_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


@dataclass(frozen=True, kw_only=True)
class BoldTiming:
    """What m2g is told about a series.

    Attributes
    ----------
    tr_seconds
        Repetition time in s; None where neither the sidecar nor the header has one.
    acquisition
        m2g's name of the slice order.
    doubts
        Phrases about what differs or is unknown; the job runs all the same.
    """

    tr_seconds: float | None
    acquisition: str
    doubts: tuple[str, ...]


def merged(sidecars: Sequence[bytes]) -> Mapping[str, Any]:
    """The fields of a series' JSON sidecars, those of the dataset's root first: nearer ones replace them.

    Raises
    ------
    ValueError
        A sidecar is not a JSON object.
    """
    fields: dict[str, Any] = {}
    for sidecar in sidecars:
        if _is_deep(sidecar):
            raise ValueError("its JSON sidecar is not JSON: its brackets are not closed, or nested too deeply")
        try:
            # A whole number may have any length: as an int it would take the square of that, or be refused.
            document = json.loads(sidecar.decode("utf-8-sig"), parse_int=float)
        except ValueError as error:
            raise ValueError("its JSON sidecar is not JSON") from error
        if not isinstance(document, dict):
            raise ValueError("its JSON sidecar is not a JSON object")
        fields.update(document)
    return fields


def _is_deep(sidecar: bytes) -> bool:
    """Whether a JSON text is nested more deeply than any sidecar, or its brackets are not closed."""
    brackets = _STRING.sub(b"", _ESCAPED.sub(b"", sidecar)).translate(_TO_SQUARE, _NO_BRACKETS)
    for _ in range(_DEEPEST):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return True


def header_seconds(value: float, unit: str) -> float | None:
    """The repetition time of a NIfTI header in s; None where it has none.

    Parameters
    ----------
    value
        `pixdim[4]`.
    unit
        Of `xyzt_units`: `sec`, `msec`, `usec`; anything else: milliseconds where seconds would be too long.
    """
    if not 0 < value < math.inf:
        return None
    if unit not in _UNITS_PER_SECOND:
        unit = "sec" if value <= _LONGEST_TR_SECONDS else "msec"
    return value / _UNITS_PER_SECOND[unit]


def bold_timing(
    fields: Mapping[str, Any],
    *,
    header_tr: float | None,
    slices: int,
    tr: float | None,
    acquisition: str | None,
) -> BoldTiming:
    """Decide a series' repetition time and slice order.

    Parameters
    ----------
    fields
        Of the JSON sidecars (`merged`); empty where there is none.
    header_tr
        Repetition time in the image's header, in s; None where it has none.
    slices
        Number of slices: voxels along the third axis.
    tr, acquisition
        As typed, or None: they win over the data.
    """
    doubts: list[str] = []
    sidecar_tr = _seconds(fields.get("RepetitionTime"))
    if "RepetitionTime" in fields and sidecar_tr is None:
        doubts.append(f"its sidecar's RepetitionTime is not a time in seconds: {_shown(fields['RepetitionTime'])}")
    header_tr = _seconds(header_tr)
    data_tr = sidecar_tr if sidecar_tr is not None else header_tr
    if sidecar_tr is not None and header_tr is not None and _differ(sidecar_tr, header_tr):
        doubts.append(
            f"its sidecar says a repetition time of {sidecar_tr:g} s and its header {header_tr:g} s: "
            "the sidecar's is taken"
        )
    if tr is not None and data_tr is not None and _differ(tr, data_tr):
        doubts.append(f"--tr {tr:g} replaces the repetition time of its data, {data_tr:g} s")
    order, doubt = _order(fields, slices)
    if acquisition is not None:
        typed_order = _SAME_ORDER.get(acquisition, acquisition)
        if order is not None and order != typed_order:
            doubts.append(f"--acquisition {acquisition} replaces the slice order of its sidecar, {order}")
    elif doubt:
        doubts.append(f"{doubt}: m2g corrects it as {DEFAULT_ORDER}")
    return BoldTiming(
        tr_seconds=tr if tr is not None else data_tr,
        acquisition=acquisition or order or DEFAULT_ORDER,
        doubts=tuple(doubts),
    )


def _shown(value: Any) -> str:
    """A value of a sidecar for a message: it may be of any kind and length."""
    return repr(value)[:40]


def _seconds(value: Any) -> float | None:
    """A plausible repetition time; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value <= _LONGEST_TR_SECONDS else None


def _differ(one_tr: float, other_tr: float) -> bool:
    return abs(one_tr - other_tr) > _TOLERANCE * max(one_tr, other_tr)


def _order(fields: Mapping[str, Any], slices: int) -> tuple[str | None, str]:
    """m2g's name of the order in which the slices were taken, and why there is none."""
    times = fields.get("SliceTiming")
    if times is None:
        return None, "its slice order is not known (no SliceTiming)"
    if not isinstance(times, list) or not all(_is_time(time) for time in times):
        return None, "its SliceTiming is not a list of times"
    if len(times) != slices:
        return None, f"its SliceTiming has {len(times)} times for {slices} slices"
    direction = fields.get("SliceEncodingDirection", "k")
    if direction not in ("k", "k-"):
        return None, f"its slices lie along {_shown(direction)}, and m2g knows orders along the third axis only"
    if direction == "k-":
        times = times[::-1]
    if len(set(times)) == len(times):
        taken = sorted(range(slices), key=lambda number: times[number])
        for name, order in _orders(slices).items():
            if taken == order:
                return name, ""
    return None, "its slices were taken in an order that m2g has no name for"


def _is_time(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)


def _orders(slices: int) -> dict[str, list[int]]:
    """AFNI's slice orders by m2g's names for them."""
    up = list(range(slices))
    down = up[::-1]
    return {
        "alt+z": up[::2] + up[1::2],
        "alt+z2": up[1::2] + up[::2],
        "alt-z": down[::2] + down[1::2],
        "alt-z2": down[1::2] + down[::2],
        "seqplus": up,
        "seqminus": down,
    }
