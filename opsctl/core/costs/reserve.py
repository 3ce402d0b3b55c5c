"""What `--max-spend` sets aside for a scan in flight, and what it guarantees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opsctl.core.costs.estimate import Hours, Rates, time_text, usd_text
from opsctl.core.counted import counted, counted_verb


@dataclass(frozen=True, kw_only=True)
class Reserve:
    """What is set aside for each scan in flight: its last attempt takes as long as a long scan does.

    Attributes
    ----------
    hours
        The time that nine of ten scans take at most (`Hours.long`).
    usd_per_hour
        A scan's share of its instance.
    attempts, timeout_hours
        How often Batch tries a scan, and how long it lets an attempt run.
    """

    hours: float
    usd_per_hour: float
    attempts: int
    timeout_hours: float

    @classmethod
    def of(cls, hours: Hours, rates: Rates, *, attempts: int, timeout_seconds: int) -> Reserve:
        """The reserve of a run whose scans take `hours`."""
        timeout_hours = timeout_seconds / 3600
        return cls(
            # Batch ends a longer attempt. Of scans that take less than is counted, the figure itself is an upper bound.
            hours=min(hours.per_scan if hours.is_upper_bound else hours.long, timeout_hours),
            usd_per_hour=rates.usd_per_hour,
            attempts=attempts,
            timeout_hours=timeout_hours,
        )

    @property
    def usd_per_scan(self) -> float:
        """One long attempt."""
        return self.hours * self.usd_per_hour

    @property
    def most_usd_per_scan(self) -> float:
        """All attempts that Batch may make, each until its timeout."""
        return self.attempts * self.timeout_hours * self.usd_per_hour

    def most_in_flight(self, *, limit_usd: float, spent_usd: float, at_once: int, scan_count: int) -> int:
        """How many of the scans may be in flight together."""
        by_budget = int(max(0.0, limit_usd - spent_usd) / self.usd_per_scan + 1e-9) if self.usd_per_scan else scan_count
        return min(scan_count, at_once, by_budget)


@dataclass(frozen=True, kw_only=True)
class Guarantee:
    """What a limit guarantees for a run that is about to be submitted.

    Attributes
    ----------
    in_flight
        How many scans may be in flight together.
    portion
        How many scans a submission has at most.
    """

    limit_usd: float
    spent_usd: float
    scan_count: int
    in_flight: int
    portion: int
    reserve: Reserve

    @property
    def most_usd(self) -> float:
        """What the first scans in flight and the earlier ones can cost, with all attempts until the timeout."""
        return self.spent_usd + self.in_flight * self.reserve.most_usd_per_scan

    @property
    def is_certain(self) -> bool:
        """Whether the limit holds whatever happens: also all attempts of all scans stay below it."""
        return self.spent_usd + self.scan_count * self.reserve.most_usd_per_scan <= self.limit_usd

    @property
    def lines(self) -> list[str]:
        """The same in words, shown before the question."""
        reserve, limit = self.reserve, usd_text(self.limit_usd)
        each = f"{counted(reserve.attempts, 'attempt')} of {time_text(reserve.timeout_hours)} each"
        lines = [
            f"--max-spend {self.limit_usd:g}: counts every attempt as `opsctl cost` does, and reserves"
            f" {usd_text(reserve.usd_per_scan)} for each scan in flight"
            f" (one attempt of {time_text(reserve.hours)}, a long one; see the band above)."
        ]
        if self.is_certain:
            lines.append(f"  It holds whatever happens: {each} for every scan together cost less than {limit}.")
            return lines
        lines.append(
            f"  At most {counted_verb(self.in_flight, 'scan')} in flight at first, in submissions of at most"
            f" {self.portion:,}; more follow as they end, while the sum stays below {limit}."
        )
        lines.append(
            f"  Not guaranteed: what was submitted runs on, also when the sum is reached. With {each}, all that Batch"
            f" allows, the scans in flight at first would cost {usd_text(self.most_usd)}."
        )
        lines.append(
            "  The rest is submitted by this command: when it ends, or the computer sleeps, nothing more is submitted."
            " Typed again, it goes on."
        )
        return lines

    def as_json(self) -> dict[str, Any]:
        """`max_spend` in `run --dry-run --json`."""
        return {
            "limit_usd": self.limit_usd,
            "spent_usd": round(self.spent_usd, 4),
            "reserved_usd_per_scan": round(self.reserve.usd_per_scan, 5),
            "reserved_hours_per_scan": round(self.reserve.hours, 4),
            "in_flight_at_most": self.in_flight,
            "portion": self.portion,
            "certain": self.is_certain,
            "most_usd": round(self.most_usd, 4),
        }
