"""The phase of a running scan, as its job recorded it."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.core import bounded


@dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """What a job is doing.

    Attributes
    ----------
    name
        In plain words (`tractography`), from container/m2g_job/phases.py.
    started_at
        UTC, ISO 8601.
    number, count
        Of a phase that goes through the atlases: which one, from 1, and how many there are. 0 where that is not known,
        and in all other phases.
    """

    name: bounded.Name
    started_at: bounded.Moment
    number: bounded.Count = 0
    count: bounded.Count = 0

    @property
    def text(self) -> str:
        """`tractography`, `graphs 12 of 45`."""
        if not self.number:
            return self.name
        return f"{self.name} {self.number} of {self.count}" if self.count else f"{self.name} {self.number}"
