"""One check of a self-test, and the row that it becomes."""

from __future__ import annotations

import time
import traceback
from dataclasses import asdict, dataclass
from typing import Any, Callable

from m2g_job.faults import Fault
from m2g_job.log import Log

FINE, WARNING, FAILED, NOT_CHECKED = "fine", "warning", "failed", "not_checked"


class Failed(Exception):
    """What was checked is not as it must be."""


class Doubtful(Exception):
    """Jobs run, but somebody should look."""


class NotChecked(Exception):
    """The check cannot be made here."""


@dataclass(frozen=True)
class Row:
    """What became of a check.

    Attributes
    ----------
    check
        The check's stable id; opsctl has a title and a remedy for each.
    group
        `identity`, `storage`, `instance`, `image` or `machine`.
    verdict
        `fine`, `warning`, `failed` or `not_checked`.
    detail
        One sentence.
    """

    check: str
    group: str
    verdict: str
    detail: str
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The row in the self-test's result."""
        return asdict(self)


@dataclass(frozen=True)
class Check:
    """A check.

    Attributes
    ----------
    look
        Returns the sentence of a check that is fine; raises `Failed`, `Doubtful` or `NotChecked` with another one.
    """

    check: str
    group: str
    look: Callable[[], str]

    def carry_out(self, log: Log) -> Row:
        """Make the check. An error in it fails this check, and never those that follow."""
        started = time.monotonic()
        verdict, detail = self._look(log)
        row = Row(self.check, self.group, verdict, " ".join(detail.split()), round(time.monotonic() - started, 3))
        log.write(f"{row.check}: {row.verdict}: {row.detail}")
        return row

    def _look(self, log: Log) -> tuple[str, str]:
        try:
            return FINE, self.look()
        except Doubtful as doubt:
            return WARNING, str(doubt)
        except NotChecked as reason:
            return NOT_CHECKED, str(reason)
        except (Failed, Fault) as failure:
            return FAILED, _sentence(str(failure))
        except Exception as error:
            # The traceback goes into the log, the sentence into the result.
            log.write(traceback.format_exc())
            return FAILED, f"The check itself failed: {type(error).__name__}: {error}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
