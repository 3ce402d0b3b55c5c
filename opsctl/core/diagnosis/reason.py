"""Why a scan failed, was not submitted, or waits: a code, the words, and the facts behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from opsctl.core.diagnosis.aws_messages import code_of_message
from opsctl.core.diagnosis.cause_code import CauseCode

Facts = Mapping[str, str | int]


@dataclass(frozen=True)
class Reason:
    """A cause where it arose.

    Attributes
    ----------
    code
        A `CauseCode`, or a code of a newer runner that this opsctl does not know; empty where there is no cause.
    message
        For people, never compared.
    facts
        What the cause is made of, by name, as the runner recorded it.
    """

    code: str
    message: str
    facts: Facts = field(default_factory=dict, hash=False)

    def number(self, name: str) -> int:
        """A fact that is a whole number; 0 where there is none."""
        value = self.facts.get(name, 0)
        return value if isinstance(value, int) else 0

    def as_json(self) -> dict[str, object]:
        """The reason in `status --json` and `why --json`."""
        return {"cause": self.message, "cause_code": self.code, "facts": dict(self.facts)}

    def completed(self, *reported: Reason) -> Reason:
        """The reason itself; of a job that knows only that it was stopped, the first of Batch's that says why.

        Parameters
        ----------
        reported
            From `batch_reason`, the best first.
        """
        if self.code != CauseCode.STOPPED:
            return self
        return next((reason for reason in reported if reason.code not in _SAYS_NOTHING), self)


NO_REASON = Reason("", "")
#: Codes of reports by Batch from which it is not clear who or what ended a job.
_SAYS_NOTHING = (NO_REASON.code, CauseCode.STOPPED, CauseCode.CONTAINER_EXITED)


def batch_reason(message: str, *, exit_code: int | None = None) -> Reason:
    """The reason that Batch gives for a job's end, or for its wait; `NO_REASON` where it gives none.

    Parameters
    ----------
    message, exit_code
        As for `code_of_message`.
    """
    return Reason(code_of_message(message, exit_code=exit_code), message) if message else NO_REASON
