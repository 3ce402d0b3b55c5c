"""One input that labs have met, with the right verdict: what `check` must say, and what the job must do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from opsctl.core.dataset.scan_validation import Level
from support.scan_files import Inputs


@dataclass(frozen=True)
class Case:
    """One input and its verdicts.

    Attributes
    ----------
    check
        The level that `check` must give; of two, either.
    job
        `done`: m2g is started and can end well. Otherwise the runner's cause code: it ends before m2g is started.
    of_m2g
        Part of the message with which m2g itself ends; empty where the rule is opsctl's own.
    """

    name: str
    check: tuple[Level, ...]
    job: str
    of_m2g: str
    inputs: Callable[[], Inputs] = field(repr=False)

    @property
    def is_done(self) -> bool:
        return self.job == "done"


def fine(name: str, inputs: Callable[[], Inputs]) -> Case:
    return Case(name, ("fine",), "done", "", inputs)


def warning(name: str, inputs: Callable[[], Inputs]) -> Case:
    return Case(name, ("warning",), "done", "", inputs)


def wrong(name: str, code: str, inputs: Callable[[], Inputs], of_m2g: str = "") -> Case:
    return Case(name, ("wrong",), code, of_m2g, inputs)


def unseen(name: str, code: str, inputs: Callable[[], Inputs]) -> Case:
    """A fault that the first bytes, which `check` reads, do not show."""
    return Case(name, ("fine", "wrong"), code, "", inputs)
