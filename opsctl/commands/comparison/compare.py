"""`compare`: reads both sides parcellation by parcellation, over the scans that both have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from opsctl.commands.comparison.sides import OpenedSide
from opsctl.commands.reliability.graph_files import GraphFile
from opsctl.commands.reliability.graph_stacks import Atlases, StackFiles, read_stack, stack_files
from opsctl.core.atlases.atlas import name_of
from opsctl.core.comparison.comparison import ParcellationComparison, compare_stacks, together
from opsctl.core.comparison.paired_difference import PairedDifference
from opsctl.core.comparison.recommendation import NOT_VALIDITY, larger_sample, recommendation
from opsctl.core.comparison.side import Side, labels, option_differences
from opsctl.core.errors import ErrorCode, Problem, UsageProblem
from opsctl.core.reliability.distances import Transform
from opsctl.core.runs.output_kinds import GraphKind

SCHEMA_VERSION = 1

_StackKey = tuple[str, GraphKind]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two settings over the scans that both have.

    Attributes
    ----------
    scans
        The names of the scans that are done with both.
    only
        How many scans only the first and only the second has.
    rows
        By parcellation and kind.
    overall
        By kind, over all parcellations that both have.
    only_parcellations
        The parcellations, with the kind, that only the first and only the second has.
    left_out
        Why connectomes could not be compared, by sentence, and of how many.
    """

    sides: tuple[Side, Side]
    scans: tuple[str, ...]
    only: tuple[int, int]
    rows: tuple[ParcellationComparison, ...]
    overall: dict[GraphKind, PairedDifference | None]
    only_parcellations: tuple[tuple[str, ...], tuple[str, ...]]
    left_out: dict[str, int]
    transform: Transform

    @property
    def is_preview(self) -> bool:
        """Whether the preview made connectomes of either."""
        return any(side.is_preview for side in self.sides)

    @property
    def datasets(self) -> tuple[str, str] | None:
        """The datasets of both, where they differ: then scans of the same name need not be the same."""
        first, second = (side.dataset for side in self.sides)
        return (first, second) if first and second and first != second else None

    @property
    def labels(self) -> tuple[str, str]:
        """How the two are called."""
        return labels(*self.sides)

    def recommendation(self, kind: GraphKind) -> str:
        """What the comparison says of one kind of weights."""
        return recommendation(self.overall[kind], self.labels, is_preview=self.is_preview)

    def as_json(self) -> dict[str, Any]:
        """What `compare --json` prints."""
        first, second = (
            {**side.as_json(), "resources": side.resources(self.scans).as_json(), "only": count}
            for side, count in zip(self.sides, self.only, strict=True)
        )
        return {
            "schema_version": SCHEMA_VERSION,
            "a": first,
            "b": second,
            "scans": list(self.scans),
            "transform": self.transform,
            "option_differences": [
                {"option": each.option, "a": each.first, "b": each.second} for each in option_differences(*self.sides)
            ],
            "preview": self.is_preview,
            "parcellations": [row.as_json() for row in self.rows],
            "only_a": list(self.only_parcellations[0]),
            "only_b": list(self.only_parcellations[1]),
            "together": [
                {
                    "kind": kind,
                    "reliability": difference.as_json() if difference else None,
                    "recommendation": self.recommendation(kind),
                    "larger_sample": larger_sample(difference),
                }
                for kind, difference in self.overall.items()
            ],
            "left_out": [{"reason": reason, "count": count} for reason, count in self.left_out.items()],
            "note": NOT_VALIDITY,
        }


def compare(
    first: OpenedSide,
    second: OpenedSide,
    *,
    atlases: Atlases,
    parcellation: str | None = None,
    transform: Transform = "ranks",
    on_file: Callable[[GraphFile], None] = lambda _: None,
) -> Comparison:
    """Compare two sides.

    Two stacks are in memory at a time.

    Parameters
    ----------
    parcellation
        Only this one; None: all that both have.
    on_file
        Called after each connectome.

    Raises
    ------
    Problem
        If the two have no scan in common.
    UsageProblem
        If the two are the same, or no scan has a connectome of a typed parcellation.
    """
    sides = (first.side, second.side)
    if first.side.typed == second.side.typed:
        raise UsageProblem(f"A and B are both {first.side.typed}.", "Name two runs, datasets or folders that differ.")
    scans = tuple(sorted(first.side.scans.keys() & second.side.scans.keys()))
    if not scans:
        raise Problem(
            f"{first.side.typed} and {second.side.typed} have no scan in common that is done.",
            "`opsctl runs` lists the runs; a pilot (`opsctl run DATASET --pilot 8x2 --settings csd,csa`) runs the same"
            " scans with both settings.",
            code=ErrorCode.NO_RESULTS,
        )
    pairs, only = _pairs(_stacks(first, scans, atlases, parcellation), _stacks(second, scans, atlases, parcellation))
    left_out: dict[str, int] = defaultdict(int)
    rows = []
    for files in pairs:
        stacks = [
            read_stack(opened.source, own, atlases=atlases, on_file=on_file)
            for opened, own in zip((first, second), files, strict=True)
        ]
        for stack in stacks:
            for omission in (*stack.left_out, *stack.unplaced):
                left_out[omission.reason] += 1
        rows.append(compare_stacks(stacks[0], stacks[1], sides, transform=transform))
    kinds = dict.fromkeys(row.kind for row in rows)
    return Comparison(
        sides=sides,
        scans=scans,
        only=(len(first.side.scans) - len(scans), len(second.side.scans) - len(scans)),
        rows=tuple(rows),
        overall={kind: together([row for row in rows if row.kind == kind]) for kind in kinds},
        only_parcellations=only,
        left_out=dict(left_out),
        transform=transform,
    )


def connectome_count(first: OpenedSide, second: OpenedSide) -> int:
    """The most connectomes that a comparison reads, for a bar."""
    return len(first.files) + len(second.files)


def _stacks(
    opened: OpenedSide, scans: Sequence[str], atlases: Atlases, parcellation: str | None
) -> dict[_StackKey, StackFiles]:
    """A side's stacks of the scans that both have, by the atlas's name and the kind."""
    common = set(scans)
    stacks: dict[_StackKey, StackFiles] = {}
    for files in stack_files(opened.source, atlases, atlas=parcellation):
        kept = replace(files, files=tuple(file for file in files.files if file.scan.name in common))
        if kept.files:
            stacks.setdefault((name_of(files.atlas), files.kind), kept)
    return stacks


def _pairs(
    first: dict[_StackKey, StackFiles], second: dict[_StackKey, StackFiles]
) -> tuple[list[tuple[StackFiles, StackFiles]], tuple[tuple[str, ...], tuple[str, ...]]]:
    """The stacks that are compared, and the names of those that only one side has.

    Where both have one parcellation each, and another one, these two are compared: their D can be, their edges cannot.
    """
    common = [key for key in first if key in second]
    if not common and len(first) == len(second) == 1:
        ((_, kind), own), ((_, other_kind), other) = next(iter(first.items())), next(iter(second.items()))
        if kind == other_kind:
            return [(own, other)], ((), ())
    only_first = tuple(sorted({name for name, kind in first if (name, kind) not in second}))
    only_second = tuple(sorted({name for name, kind in second if (name, kind) not in first}))
    return [(first[key], second[key]) for key in common], (only_first, only_second)
