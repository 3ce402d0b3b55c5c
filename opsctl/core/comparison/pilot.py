"""The scans of a pilot: a few subjects with several sessions each, on which settings are compared."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, TypeVar

from opsctl.core.counted import counted
from opsctl.core.errors import ErrorCode, Problem, UsageProblem

if TYPE_CHECKING:
    from opsctl.core.dataset.scan import Scan

#: Discriminability needs two subjects with two sessions.
_FEWEST = 2
_TYPED = re.compile(r"([0-9]{1,6})[xX]([0-9]{1,6})")

_T = TypeVar("_T")

#: How the scans are chosen, in words.
RULE = "spread over the subjects' labels and over each subject's sessions, the first scan of each session"


@dataclass(frozen=True, kw_only=True)
class Pilot:
    """How many subjects, and how many sessions of each.

    The same scans are chosen whenever the dataset has the same ones: a pilot that was interrupted goes on with them.
    """

    subjects: int
    sessions: int

    @property
    def typed(self) -> str:
        """As it is typed, `8x2`."""
        return f"{self.subjects}x{self.sessions}"

    def of(self, scans: Sequence[Scan]) -> tuple[Scan, ...]:
        """The scans of the pilot, in the order of the dataset.

        Parameters
        ----------
        scans
            Of one pipeline.

        Raises
        ------
        Problem
            When too few subjects have that many sessions; says how many there are.
        """
        by_subject: dict[str, dict[str, Scan]] = defaultdict(dict)
        for scan in scans:
            # A session may have several scans (runs, acquisitions): the first one stands for it.
            by_subject[scan.subject].setdefault(scan.session or "", scan)
        enough = sorted(subject for subject, sessions in by_subject.items() if len(sessions) >= self.sessions)
        if len(enough) < self.subjects:
            raise self._too_few(by_subject, enough)
        chosen = {
            by_subject[subject][session].name
            for subject in _spread(enough, self.subjects)
            for session in _spread(sorted(by_subject[subject]), self.sessions)
        }
        return tuple(scan for scan in scans if scan.name in chosen)

    def _too_few(self, by_subject: dict[str, dict[str, Scan]], enough: Sequence[str]) -> Problem:
        what = f"--pilot {self.typed} needs {self.subjects:,} subjects with {self.sessions:,} sessions each. Of"
        what += f" {counted(len(by_subject), 'subject')}, {len(enough):,} {'has' if len(enough) == 1 else 'have'}"
        what += f" {self.sessions:,} sessions or more."
        with_two = sum(len(sessions) >= _FEWEST for sessions in by_subject.values())
        if len(enough) >= _FEWEST:
            hint = f"Type --pilot {len(enough)}x{self.sessions}."
        elif with_two >= _FEWEST:
            hint = f"Type --pilot {min(with_two, self.subjects)}x{_FEWEST}."
        else:
            hint = "Reliability cannot be measured on them: that needs two subjects with two sessions each."
        return Problem(what, hint, code=ErrorCode.NO_SCANS)


def parse_pilot(typed: str) -> Pilot:
    """Parse what was typed for `--pilot`.

    Raises
    ------
    UsageProblem
        If it is no such pair of numbers, or fewer than two subjects or sessions.
    """
    match = _TYPED.fullmatch(typed.strip())
    if match is None:
        raise UsageProblem(
            f"--pilot {typed!r} is not SUBJECTSxSESSIONS.", "8x2, for example, is 8 subjects with 2 sessions each."
        )
    subjects, sessions = int(match[1]), int(match[2])
    if min(subjects, sessions) < _FEWEST:
        raise UsageProblem(
            f"--pilot {typed} is too small: reliability needs two subjects with two sessions each, or more.",
            "8x2 is a usual pilot.",
        )
    return Pilot(subjects=subjects, sessions=sessions)


def _spread(values: Sequence[_T], count: int) -> list[_T]:
    """The first and the last value, then always the one in the middle of the widest gap.

    More values contain fewer: a larger pilot keeps the scans of a smaller one.
    """
    last = len(values) - 1
    chosen = [0, last]
    gaps = [(-last, 0, last)]
    while len(chosen) < count:
        _, left, right = heappop(gaps)
        middle = (left + right) // 2
        chosen.append(middle)
        for start, end in ((left, middle), (middle, right)):
            heappush(gaps, (start - end, start, end))
    return [values[index] for index in chosen]
