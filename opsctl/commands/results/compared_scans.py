"""Which scans a report compares, and what it says of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opsctl.commands.reliability.graph_files import GraphFile, GraphSource
from opsctl.commands.reliability.graph_stacks import Atlases, StackFiles, read_stack, stack_files
from opsctl.commands.reliability.stack_room import ranks_room
from opsctl.commands.results.report import ReportSubject
from opsctl.commands.results.report_assets import AssetSelection
from opsctl.commands.results.report_reliability import (
    Comparison,
    figures_of,
    left_out_notes,
    reliability_of,
)
from opsctl.core.atlases.atlas import name_of
from opsctl.core.counted import counted, counted_verb
from opsctl.core.reliability.distances import distances

#: 300 scans of 500 regions: more take longer than all pictures of a page.
_MOST_WEIGHTS = 40_000_000
_NOTHING = Comparison(figures=None, notes=())


def compare_pictured(
    graphs: GraphSource, choice: AssetSelection, subject: ReportSubject, *, atlases: Atlases
) -> Comparison:
    """Compare the connectomes that the report pictures; it reads no other ones.

    Parameters
    ----------
    graphs
        The connectomes of `choice.compared`.
    """
    stacks = stack_files(graphs, atlases)
    if not stacks:
        return _NOTHING
    pictured = _largest(stacks)
    parcellation = name_of(choice.atlas)
    if len(pictured.files) * pictured.pairs > _MOST_WEIGHTS:
        reason = (
            f"{len(pictured.files):,} connectomes of {pictured.regions:,} regions are not compared here, because it "
            f"takes minutes: `opsctl reliability {subject.options} --parcellation {parcellation}` compares them."
        )
        return Comparison(figures=None, notes=(reason,))
    notes = _of_other_kinds(stacks, pictured)
    if len(choice.pictured) < len(subject.run.scans):
        notes.append(
            f"The figures are of the first {len(pictured.files):,} scans that are done. "
            f"`opsctl report {subject.options} --parcellation {parcellation} --reliability all` compares all scans, "
            "which takes longer."
        )
    stack = read_stack(graphs, pictured, atlases=atlases)
    figures = figures_of(stack, subject.run)
    others = choice.parcellations - 1
    if others and figures.pictured.result is not None:
        notes.append(
            f"For the other {'parcellation' if others == 1 else counted(others, 'parcellation')}, "
            f"`opsctl reliability {subject.options}` tells D, and `opsctl report {subject.options} --parcellation "
            f"{parcellation} --reliability all` shows it in this page."
        )
    return Comparison(figures=figures, notes=(*left_out_notes(stack.left_out), *notes))


def compare_all(
    source: GraphSource,
    choice: AssetSelection,
    subject: ReportSubject,
    *,
    atlases: Atlases,
    on_file: Callable[[GraphFile], None],
) -> Comparison:
    """Compare the connectomes of all scans, and compute the discriminability of every parcellation."""
    stacks = stack_files(source, atlases)
    of_pictured = [files for files in stacks if files.atlas == choice.atlas]
    if not of_pictured:
        return _NOTHING
    pictured = _largest(of_pictured)
    others = []
    for files in stacks:
        if files is not pictured:
            stack = read_stack(source, files, atlases=atlases, on_file=on_file)
            apart = distances(stack, ranks=ranks_room(stack, "ranks"))
            others.append(reliability_of(stack, apart, subject.run))
    stack = read_stack(source, pictured, atlases=atlases, on_file=on_file)
    return Comparison(
        figures=figures_of(stack, subject.run, others=others), notes=tuple(left_out_notes(stack.left_out))
    )


def _largest(stacks: Sequence[StackFiles]) -> StackFiles:
    return max(stacks, key=lambda files: len(files.files))


def _of_other_kinds(stacks: Sequence[StackFiles], pictured: StackFiles) -> list[str]:
    """A dataset over its runs may have connectomes of several kinds: only those of one are compared."""
    count = sum(len(files.files) for files in stacks if files is not pictured)
    if not count:
        return []
    return [f"{counted_verb(count, 'scan')} not compared: the weights are not {pictured.kind}."]
