"""Scans as a person names them: `sub-01/ses-1`, or a glob."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from opsctl.core.errors import Problem

_NEAR = 5


def named(scans: Sequence[str], patterns: Sequence[str]) -> list[int]:
    """The indices of the scans that are meant, each once, in the run's order.

    Parameters
    ----------
    scans
        All of a run, by index.
    patterns
        Names or globs; a name wins over what it would mean as a glob.

    Raises
    ------
    Problem
        For the first pattern that no scan fits: which scans have near names.
    """
    found: set[int] = set()
    for pattern in patterns:
        wanted = pattern.strip("/")
        here = {index for index, name in enumerate(scans) if name == wanted}
        here = here or {index for index, name in enumerate(scans) if fnmatchcase(name, wanted)}
        if not here:
            near = get_close_matches(wanted, scans, n=_NEAR, cutoff=0.5)
            raise Problem(
                f"The run has no scan {pattern}.",
                f"Near: {', '.join(near)}" if near else f"It has {len(scans)}, such as {', '.join(scans[:2])}.",
            )
        found |= here
    return sorted(found)
