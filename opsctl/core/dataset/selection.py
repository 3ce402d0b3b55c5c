"""Which of a dataset's scans are meant: labels, entities and patterns, each filter told when it leaves nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from opsctl.core.errors import Problem

if TYPE_CHECKING:
    from opsctl.core.dataset.scan import Scan

#: Which of the chosen scans are submitted, by what has become of them.
Only = Literal["missing", "failed", "all"]

_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Filters; an empty one lets everything through, and globs work in all of them.

    Attributes
    ----------
    participant_labels, session_labels
        BIDS labels, with or without `sub-` and `ses-`.
    tasks, acquisitions, runs
        Labels of the image's `task`, `acq` and `run` entities; a run's leading zeros do not matter.
    names, exclude
        Scan names (`sub-01/ses-1*`) to take and to leave out.
    first
        Only the first N of what is left: a canary.
    """

    participant_labels: tuple[str, ...] = ()
    session_labels: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    acquisitions: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    first: int | None = None

    def of(self, scans: Sequence[Scan]) -> tuple[Scan, ...]:
        """The scans that are meant, in their order.

        Raises
        ------
        Problem
            When a filter leaves nothing: which one, and what there is.
        """
        chosen = tuple(scans)
        for option, wanted, label_of in self._filters():
            if wanted:
                kept = tuple(scan for scan in chosen if any(fnmatchcase(label_of(scan), word) for word in wanted))
                if not kept:
                    raise _nothing_left(option, wanted, chosen, label_of)
                chosen = kept
        if self.exclude:
            kept = tuple(scan for scan in chosen if not any(fnmatchcase(scan.name, word) for word in self.exclude))
            if not kept:
                raise Problem(f"--exclude {' '.join(self.exclude)} leaves no scan of {len(chosen)}.")
            chosen = kept
        return chosen[: self.first] if self.first is not None else chosen

    def _filters(self) -> list[tuple[str, list[str], Callable[[Scan], str]]]:
        def without(words: Sequence[str], prefix: str) -> list[str]:
            return [word.removeprefix(prefix) for word in words]

        def entity(name: str) -> Callable[[Scan], str]:
            return lambda scan: str(scan.entities.get(name, ""))

        runs = [word.lstrip("0") or word for word in without(self.runs, "run-")]
        return [
            ("--participant-label", without(self.participant_labels, "sub-"), lambda scan: scan.subject),
            ("--session-label", without(self.session_labels, "ses-"), lambda scan: scan.session or ""),
            ("--task", without(self.tasks, "task-"), entity("task")),
            ("--acq", without(self.acquisitions, "acq-"), entity("acquisition")),
            ("--run-label", runs, entity("run")),
            ("--scan", list(self.names), lambda scan: scan.name),
        ]


#: No filter at all.
EVERYTHING = Selection()


def _nothing_left(
    option: str, wanted: Sequence[str], scans: Sequence[Scan], label_of: Callable[[Scan], str]
) -> Problem:
    there = sorted({label_of(scan) for scan in scans} - {""})
    shown = ", ".join(there[:_SHOWN]) + (", …" if len(there) > _SHOWN else "")
    return Problem(f"{option} {' '.join(wanted)} leaves no scan.", f"There are: {shown}." if there else "")
