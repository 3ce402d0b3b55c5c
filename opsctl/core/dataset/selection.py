"""Select scans of a dataset by labels, entities and patterns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from opsctl.core.errors import ErrorCode, Problem

if TYPE_CHECKING:
    from opsctl.core.comparison.pilot import Pilot
    from opsctl.core.dataset.scan import Scan

#: Which of the selected scans are submitted, by what has become of them.
Only = Literal["missing", "failed", "outgrown", "changed", "all"]

_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Filters on scans. An empty filter matches every scan; all filters accept globs.

    Attributes
    ----------
    participant_labels, session_labels
        BIDS labels, with or without `sub-` and `ses-`.
    tasks, acquisitions, runs
        Labels of the image's `task`, `acq` and `run` entities; leading zeros of a run are ignored.
    names, exclude
        Scan names (`sub-01/ses-1*`) to include and to exclude.
    first
        Select only the first N of the matching scans.
    pilot
        Select a few subjects with several sessions each of the matching scans; None: all.
    """

    participant_labels: tuple[str, ...] = ()
    session_labels: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    acquisitions: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    first: int | None = None
    pilot: Pilot | None = None

    def of(self, scans: Sequence[Scan]) -> tuple[Scan, ...]:
        """The scans that match all filters, in their order.

        Raises
        ------
        Problem
            Where a filter matches no scan; names the filter and the existing labels. Where there are too few subjects
            with enough sessions for the pilot.
        """
        selected = tuple(scans)
        for option, patterns, label_of in self._filters():
            if patterns:
                matching = tuple(scan for scan in selected if _matches(label_of(scan), patterns))
                if not matching:
                    raise _nothing_left(option, patterns, selected, label_of)
                selected = matching
        if self.exclude:
            remaining = tuple(scan for scan in selected if not _matches(scan.name, self.exclude))
            if not remaining:
                raise Problem(
                    f"--exclude {' '.join(self.exclude)} leaves no scan of {len(selected)}.", code=ErrorCode.NO_SCANS
                )
            selected = remaining
        if self.pilot is not None:
            selected = self.pilot.of(selected)
        return selected[: self.first] if self.first is not None else selected

    def _filters(self) -> list[tuple[str, list[str], Callable[[Scan], str]]]:
        def without(labels: Sequence[str], prefix: str) -> list[str]:
            return [label.removeprefix(prefix) for label in labels]

        def entity(name: str) -> Callable[[Scan], str]:
            return lambda scan: str(scan.entities.get(name, ""))

        runs = [label.lstrip("0") or label for label in without(self.runs, "run-")]
        return [
            ("--participant-label", without(self.participant_labels, "sub-"), lambda scan: scan.subject),
            ("--session-label", without(self.session_labels, "ses-"), lambda scan: scan.session or ""),
            ("--task", without(self.tasks, "task-"), entity("task")),
            ("--acq", without(self.acquisitions, "acq-"), entity("acquisition")),
            ("--run-label", runs, entity("run")),
            ("--scan", list(self.names), lambda scan: scan.name),
        ]


#: Selects every scan.
EVERYTHING = Selection()


def _matches(label: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(label, pattern) for pattern in patterns)


def _nothing_left(
    option: str, patterns: Sequence[str], scans: Sequence[Scan], label_of: Callable[[Scan], str]
) -> Problem:
    labels = sorted({label_of(scan) for scan in scans} - {""})
    shown = ", ".join(labels[:_SHOWN]) + (", …" if len(labels) > _SHOWN else "")
    return Problem(
        f"{option} {' '.join(patterns)} leaves no scan.",
        f"There are: {shown}." if labels else "",
        code=ErrorCode.NO_SCANS,
    )
