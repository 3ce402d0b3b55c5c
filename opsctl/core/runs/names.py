"""Find the scans and runs that a person names: scans by name or glob, a run by its id or a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from opsctl.core.errors import ErrorCode, Problem

_NEAR = 5


def find_scans(scans: Sequence[str], patterns: Sequence[str], *, whose: str = "The run") -> list[int]:
    """Find the scans that match any of the patterns.

    Parameters
    ----------
    scans
        The names of all scans of a run, by index; the empty name of a deleted scan never matches.
    patterns
        Names or globs; slashes at either end are ignored. A pattern that is a scan's name matches only that scan.
    whose
        What has the scans, as the error says it.

    Returns
    -------
    list of int
        The scans' indices, in the run's order, each once.

    Raises
    ------
    Problem
        For the first pattern that matches no scan, with similar names.
    """
    matches: set[int] = set()
    for pattern in patterns:
        name_or_glob = pattern.strip("/")
        indices = {index for index, scan in enumerate(scans) if scan == name_or_glob}
        indices = indices or {index for index, scan in enumerate(scans) if fnmatchcase(scan, name_or_glob)}
        indices = {index for index in indices if scans[index]}
        if not indices:
            scans = [scan for scan in scans if scan]
            near = _near(name_or_glob, scans, cutoff=0.5)
            near = near or [scan for scan in scans if name_or_glob and name_or_glob in scan][:_NEAR]
            raise Problem(
                f"{whose} has no scan {pattern}.",
                f"Near: {', '.join(near)}" if near else _examples(scans),
                code=ErrorCode.SCAN_NOT_FOUND,
            )
        matches |= indices
    return sorted(matches)


def _examples(scans: Sequence[str]) -> str:
    if not scans:
        return "All its scans were deleted on request."
    return f"It has {len(scans)}, such as {', '.join(scans[:2])}."


def find_run(runs: Sequence[str], typed: str) -> str:
    """Find a run by its id, by the beginning of its id, or by the id's last part.

    Parameters
    ----------
    runs
        The ids of all runs, oldest first.

    Raises
    ------
    Problem
        Where no run matches, or more than one.
    """
    if typed in runs:
        return typed
    matches = [run_id for run_id in runs if typed and (run_id.startswith(typed) or run_id.endswith(f"-{typed}"))]
    if len(matches) == 1:
        return matches[0]
    if matches:
        newest = ", ".join([*reversed(matches[-_NEAR:]), *(["…"] if matches[_NEAR:] else [])])
        raise Problem(
            f"{len(matches)} runs could be {typed}.", f"Type more of one: {newest}", code=ErrorCode.RUN_NOT_FOUND
        )
    if not runs:
        raise Problem(
            f"There is no run {typed}.",
            "There is no run yet: `opsctl run DATASET` starts one.",
            code=ErrorCode.RUN_NOT_FOUND,
        )
    near = _near(typed, runs, cutoff=0.6)
    hint = f"Near: {', '.join(near)}. " if near else f"The latest is {runs[-1]}. "
    raise Problem(f"There is no run {typed}.", f"{hint}`opsctl runs` lists them.", code=ErrorCode.RUN_NOT_FOUND)


def _near(typed: str, names: Sequence[str], *, cutoff: float) -> list[str]:
    # The Tab key finds a run too, and needs no likeness.
    from difflib import get_close_matches

    return get_close_matches(typed, names, n=_NEAR, cutoff=cutoff)
