"""b-values and b-vectors: two text files that m2g reads without any check."""

from __future__ import annotations

import math

from m2g_job import causes
from m2g_job.faults import WrongInput

#: The code of a file that is not such a table, by its role.
_INVALID = {"bval": causes.BVAL_INVALID, "bvec": causes.BVEC_INVALID}


def _rows(path: str, role: str) -> list[list[float]]:
    try:
        with open(path, encoding="utf-8") as lines:
            rows = [[float(value) for value in line.replace(",", " ").split()] for line in lines]
    except ValueError as error:
        raise WrongInput(f"the {role} file is not a table of numbers: {error}", _INVALID[role])
    rows = [row for row in rows if row]
    if not rows:
        raise WrongInput(f"the {role} file is empty", _INVALID[role])
    if not all(math.isfinite(value) for row in rows for value in row):
        raise WrongInput(f"the {role} file holds values that are no finite numbers", _INVALID[role])
    return rows


def bval_count(path: str) -> int:
    """Count the b-values of a file with one row or one column.

    Raises
    ------
    WrongInput
        The file is not such a table.
    """
    rows = _rows(path, "bval")
    if len(rows) > 1 and any(len(row) != 1 for row in rows):
        raise WrongInput(f"the bval file has {len(rows)} rows; it must have one", _INVALID["bval"])
    return sum(len(row) for row in rows)


def bvec_count(path: str) -> int:
    """Count the b-vectors of a file with three rows (BIDS) or three columns.

    Raises
    ------
    WrongInput
        The file is not such a table.
    """
    rows = _rows(path, "bvec")
    lengths = {len(row) for row in rows}
    if len(rows) == 3 and len(lengths) == 1:
        return lengths.pop()
    if lengths == {3}:
        return len(rows)
    raise WrongInput(
        f"the bvec file must have three rows of equal length, not {len(rows)} of {sorted(lengths)}", _INVALID["bvec"]
    )
