"""Which scans a report compares, and what it says of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opsctl.commands.reliability.graph_files import GraphFile, GraphSource
from opsctl.commands.reliability.graph_stacks import Atlases, StackFiles, read_stack, stack_files
from opsctl.commands.results.report import ReportSubject
from opsctl.commands.results.report_assets import AssetSelection
from opsctl.commands.results.report_reliability import (
    ReportReliability,
    compare,
    not_compared,
    nothing_compared,
    value_of,
)
from opsctl.core.atlases.atlas import name_of
from opsctl.core.counted import counted_verb

#: 300 scans of 500 regions: more take longer than all pictures of a page.
_MOST_WEIGHTS = 40_000_000


def compare_pictured(
    graphs: GraphSource, choice: AssetSelection, subject: ReportSubject, *, atlases: Atlases
) -> ReportReliability | None:
    """Compare the connectomes that the report pictures; it reads no other ones.

    Parameters
    ----------
    graphs
        The connectomes of `choice.compared`.

    Returns
    -------
    ReportReliability
        None where there is nothing to compare.
    """
    stacks = stack_files(graphs, atlases)
    if not stacks:
        return None
    pictured = _largest(stacks)
    if len(pictured.files) * pictured.pairs > _MOST_WEIGHTS:
        reason = (
            f"{len(pictured.files):,} connectomes of {pictured.regions:,} regions are not compared here, because "
            f"it takes minutes: `opsctl reliability {subject.options} --parcellation {name_of(choice.atlas)}` compares "
            "them."
        )
        return nothing_compared(pictured, reason, parcellations=choice.parcellations)
    notes = _of_other_kinds(stacks, pictured)
    if len(choice.pictured) < len(subject.run.scans):
        notes.append(
            f"The figures are of the first {len(pictured.files):,} scans that are done. "
            f"`opsctl report {subject.options} --reliability all` compares all scans, which takes longer."
        )
    stack = read_stack(graphs, pictured, atlases=atlases)
    return compare(
        stack, subject.run, parcellations=choice.parcellations, left_out=(*notes, *not_compared(stack)), bar=None
    )


def compare_all(
    source: GraphSource,
    choice: AssetSelection,
    subject: ReportSubject,
    *,
    atlases: Atlases,
    on_file: Callable[[GraphFile], None],
) -> ReportReliability | None:
    """Compare the connectomes of all scans, and compute the discriminability of every parcellation."""
    stacks = stack_files(source, atlases)
    of_pictured = [files for files in stacks if files.atlas == choice.atlas]
    if not of_pictured:
        return None
    pictured = _largest(of_pictured)
    others = [
        value_of(read_stack(source, files, atlases=atlases, on_file=on_file))
        for files in stacks
        if files is not pictured
    ]
    stack = read_stack(source, pictured, atlases=atlases, on_file=on_file)
    return compare(
        stack,
        subject.run,
        others=[value for value in others if value is not None],
        parcellations=choice.parcellations,
        left_out=not_compared(stack),
        bar=None,
    )


def _largest(stacks: Sequence[StackFiles]) -> StackFiles:
    return max(stacks, key=lambda files: len(files.files))


def _of_other_kinds(stacks: Sequence[StackFiles], pictured: StackFiles) -> list[str]:
    """A dataset over its runs may have connectomes of several kinds: only those of one are compared."""
    count = sum(len(files.files) for files in stacks if files is not pictured)
    if not count:
        return []
    return [f"{counted_verb(count, 'scan')} not compared: the weights are not {pictured.kind}."]
