"""AWS Batch's rule for a failed attempt: try it again, or let the job fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class AttemptOutcome:
    """How one attempt ended.

    Parameters
    ----------
    exit_code
        The process's exit code, 128 + N after signal N; None if it never started.
    reason
        The container's reason, worded as on AWS; None for a process that ended by itself.
    status_reason
        The attempt's status reason, worded as on AWS.
    timed_out
        Whether the attempt exceeded its time limit.
    stopped
        Whether it was stopped before it had ended.
    """

    exit_code: int | None
    reason: str | None
    status_reason: str
    timed_out: bool = False
    stopped: bool = False

    @classmethod
    def not_started(cls, reason: str) -> Self:
        """Return the outcome of an attempt whose container never ran.

        Parameters
        ----------
        reason
            The container's, as ECS words it: `CannotPullContainerError: ...`, `CannotStartContainerError: ...`.
        """
        return cls(None, reason, "Task failed to start")

    @property
    def succeeded(self) -> bool:
        """Whether the attempt counts as a success."""
        return self.exit_code == 0 and not self.timed_out and not self.stopped


def should_retry(outcome: AttemptOutcome, *, attempt: int, attempts: int, rules: Sequence[Mapping[str, str]]) -> bool:
    """Return whether a failed attempt is followed by another.

    Parameters
    ----------
    outcome
        How the attempt ended.
    attempt
        Its number, from 1.
    attempts
        The retry strategy's `attempts`, 1 to 10.
    rules
        The retry strategy's `evaluateOnExit`: the first rule whose conditions all match decides; if none does, retry.

    Returns
    -------
    bool
        Never True for a stopped or timed out attempt: AWS does not retry those.
    """
    if outcome.stopped or outcome.timed_out or attempt >= attempts:
        return False
    for rule in rules:
        if _rule_matches(rule, outcome):
            return rule["action"].upper() == "RETRY"
    return True


def _rule_matches(rule: Mapping[str, str], outcome: AttemptOutcome) -> bool:
    values = {
        "onExitCode": None if outcome.exit_code is None else str(outcome.exit_code),
        "onReason": outcome.reason,
        "onStatusReason": outcome.status_reason,
    }
    return all(_matches(rule[name], value) for name, value in values.items() if rule.get(name) is not None)


def _matches(pattern: str, value: str | None) -> bool:
    # AWS's manual uses "*" as the rule for everything else, so it also matches an outcome without a reason.
    if pattern == "*":
        return True
    if value is None:
        return False
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern
