"""Reads a fact that may stay unknown: what the caller may not see is marked as not visible, and nothing is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.aws.refusals import DENIED
from opsctl.core.diagnosis.queue_snapshot import NotVisible
from opsctl.core.errors import Problem

T = TypeVar("T")


def look(action: str, call: Callable[[], T]) -> T | NotVisible:
    """The answer of a call, or why there is none.

    Parameters
    ----------
    action
        The IAM action of the call; where it makes several, a denial names the action that was denied.
    """
    try:
        with translated("looking for causes"):
            return call()
    except Problem as problem:
        error = problem.__cause__
        if isinstance(error, ClientError) and code_of(error) in DENIED:
            service = action.partition(":")[0]
            return NotVisible(f"{service}:{error.operation_name}", "is not permitted")
        return NotVisible(action, f"failed ({problem.what.rstrip('.')})")
