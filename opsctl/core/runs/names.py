"""Scans and runs as a person names them: `sub-01/ses-1`, or a glob; a run by its id, or a part of it."""

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


def run_named(runs: Sequence[str], typed: str) -> str:
    """The run that is meant: by its id, by how only its id begins, or by its last part.

    Parameters
    ----------
    runs
        Every run's id, oldest first.

    Raises
    ------
    Problem
        When no run is meant, or more than one could be.
    """
    if typed in runs:
        return typed
    here = [run_id for run_id in runs if typed and (run_id.startswith(typed) or run_id.endswith(f"-{typed}"))]
    if len(here) == 1:
        return here[0]
    if here:
        newest = ", ".join([*reversed(here[-_NEAR:]), *(["…"] if here[_NEAR:] else [])])
        raise Problem(f"{len(here)} runs could be {typed}.", f"Type more of one: {newest}")
    if not runs:
        raise Problem(f"There is no run {typed}.", "There is no run yet: `opsctl run DATASET` starts one.")
    near = get_close_matches(typed, runs, n=_NEAR, cutoff=0.6)
    hint = f"Near: {', '.join(near)}. " if near else f"The latest is {runs[-1]}. "
    raise Problem(f"There is no run {typed}.", f"{hint}`opsctl runs` lists them.")
