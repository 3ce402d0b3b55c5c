"""How a run went over time, beside what the simulation expects of it."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from opsctl.core.simulation.simulation import Band, Simulation


@dataclass(frozen=True, kw_only=True)
class Milestone:
    """When so many scans were done.

    Attributes
    ----------
    scans
        How many.
    expected
        Hours after the submission, simulated; None where nothing was simulated, or not so many are done by then in all
        of these cases.
    real
        Hours after the submission; None where so many are not done.
    """

    scans: int
    expected: Band | None
    real: float | None


@dataclass(frozen=True, kw_only=True)
class RunCourse:
    """The scans that a run submitted, done over time.

    Attributes
    ----------
    done_at
        When each scan was done: hours after the submission, in order.
    until
        To when this is known, in hours after the submission.
    expected
        What the simulation says of as many scans; None where nothing is known to simulate it with.
    basis
        What the simulation rests on, or why there is none: plain sentences.
    """

    scan_count: int
    done_at: tuple[float, ...]
    until: float
    expected: Simulation | None
    basis: tuple[str, ...]

    @property
    def end(self) -> float:
        """The end of a plot of it, in hours."""
        return max(self.until, self.expected.curve[-1].hours if self.expected else 0.0)

    @property
    def milestones(self) -> tuple[Milestone, ...]:
        """When half, nine tenths and all of the scans were done; of few scans, some of these are the same."""
        counts = dict.fromkeys(-(-self.scan_count * tenths // 10) for tenths in (5, 9, 10))
        return tuple(Milestone(scans=count, expected=self._expected(count), real=self._real(count)) for count in counts)

    def _real(self, count: int) -> float | None:
        return self.done_at[count - 1] if count <= len(self.done_at) else None

    def _expected(self, count: int) -> Band | None:
        if self.expected is None:
            return None
        if count == self.scan_count:
            return self.expected.finish_hours
        # Few replications have many scans done early: the curve's 90th percentile is the 10th of the time.
        early, middle, late = (
            bisect_left([getattr(point.done, name) for point in self.expected.curve], count)
            for name in ("p90", "p50", "p10")
        )
        curve = self.expected.curve
        if late >= len(curve):
            return None
        return Band(curve[early].hours, curve[middle].hours, curve[late].hours)
