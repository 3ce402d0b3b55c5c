"""AWS Batch's rule for a failed attempt: run it again, or let the job fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class AttemptOutcome:
    """How one attempt ended.

    Parameters
    ----------
    exit_code
        The process's exit code, 128 + N after signal N; None when it never started.
    reason
        The container's reason, in AWS's words; None for a process that ended by itself.
    status_reason
        The attempt's status reason, in AWS's words.
    timed_out
        Whether the attempt ran into its time limit.
    stopped
        Whether it was asked to stop before it had ended.
    """

    exit_code: int | None
    reason: str | None
    status_reason: str
    timed_out: bool = False
    stopped: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether the attempt counts as a success."""
        return self.exit_code == 0 and not self.timed_out and not self.stopped


def should_retry(outcome: AttemptOutcome, *, attempt: int, attempts: int, rules: Sequence[Mapping[str, str]]) -> bool:
    """Tell whether a failed attempt is followed by another.

    Parameters
    ----------
    outcome
        How the attempt ended.
    attempt
        Its number, from 1.
    attempts
        The retry strategy's `attempts`, 1 to 10.
    rules
        The retry strategy's `evaluateOnExit`: the first whose conditions all hold decides. None that holds means retry.

    Returns
    -------
    bool
        Never True for a stopped or timed out attempt: AWS does not repeat those.
    """
    if outcome.stopped or outcome.timed_out or attempt >= attempts:
        return False
    for rule in rules:
        if _holds(rule, outcome):
            return rule["action"].upper() == "RETRY"
    return True


def _holds(rule: Mapping[str, str], outcome: AttemptOutcome) -> bool:
    facts = {
        "onExitCode": None if outcome.exit_code is None else str(outcome.exit_code),
        "onReason": outcome.reason,
        "onStatusReason": outcome.status_reason,
    }
    return all(_matches(rule[name], fact) for name, fact in facts.items() if rule.get(name) is not None)


def _matches(pattern: str, fact: str | None) -> bool:
    # A bare "*" is AWS's own example of a rule for everything else, so it holds where there is no reason at all.
    if pattern == "*":
        return True
    if fact is None:
        return False
    return fact.startswith(pattern[:-1]) if pattern.endswith("*") else fact == pattern
