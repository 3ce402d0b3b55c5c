"""Removes every version of what a self-test has written."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.aws.s3.versions import Versions
from opsctl.core.errors import Problem


def remove_objects(versions: Versions, prefixes: Sequence[str], *, bucket: str) -> str:
    """Remove all versions below some prefixes for good.

    Returns
    -------
    str
        What stays, in one or two sentences; empty where nothing does.
    """
    stays = []
    for prefix in prefixes:
        try:
            failures = versions.delete(list(versions.below(prefix)))
        except Problem as problem:
            stays.append(f"s3://{bucket}/{prefix} ({problem.what.rstrip('.')})")
            continue
        if failures:
            stays.append(f"s3://{bucket}/{prefix} ({failures[0].reason.rstrip('.')})")
    if not stays:
        return ""
    return f"Not removed: {'; '.join(stays)}. It is a few small files, which cost less than a cent a year."
