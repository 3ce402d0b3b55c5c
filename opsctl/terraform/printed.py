"""Reads the JSON that Terraform prints: states and plans."""

from __future__ import annotations

from typing import Any

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.foreign_json import parse_object
from opsctl.core.platform.drift_sentences import drift_sentences
from opsctl.core.platform.state_document import parse_state


def state(text: str, root: str) -> dict[str, Any]:
    """A root's state.

    Raises
    ------
    Problem
        If the text is no state.
    """
    try:
        return parse_state(text)
    except ValueError as error:
        raise _unreadable(f"the state of the {root}", error) from error


def drift(text: str, root: str) -> tuple[str, ...]:
    """A sentence for each change by hand in a plan.

    Raises
    ------
    Problem
        If the text is not what `terraform show -json` prints of a plan.
    """
    try:
        return drift_sentences(parse_object(text))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _unreadable(f"the plan of the {root}", error) from error


def _unreadable(subject: str, error: Exception) -> Problem:
    return Problem(
        f"Terraform's output cannot be read: {subject} has another form ({type(error).__name__}: {str(error)[:200]}).",
        "`opsctl doctor` shows which terraform is used.",
        code=ErrorCode.STATE_UNUSABLE,
    )
