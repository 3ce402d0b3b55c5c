"""How the files of `results --format` are named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.core.reliability.graph_stack import GraphStack, StackedScan
    from opsctl.core.runs.output_kinds import Format

#: The folder below the download folder; each format has a folder of its own in it.
FOLDER = "formats"


def format_folder(name: Format) -> str:
    """The folder of a format below the download folder."""
    return f"{FOLDER}/{name}"


def stack_name(stack: GraphStack) -> str:
    """The name of the files of a stack: atlas, kind, and the model where it is known."""
    words = [stack.atlas, stack.kind.replace(" ", "-"), *([stack.model] if stack.model else [])]
    return "_".join(words)


def scan_stem(scan: StackedScan) -> str:
    """The beginning of the names of a scan's files: `sub-01_ses-1` of `sub-01/ses-1`."""
    return scan.name.replace("/", "_")


def row_names(labels: Sequence[int], regions: Sequence[str], *, are_labels_known: bool) -> tuple[str, ...]:
    """A name of its own for each row: the region's, with its label where two regions have the same or none.

    Parameters
    ----------
    labels
        The atlas's labels; the numbers of the nodes where the labels are not known.
    regions
        The regions' names; `n/a` where neuroparc has none.
    """
    noun = "label" if are_labels_known else "node"
    counts: dict[str, int] = {}
    for region in regions:
        counts[region] = counts.get(region, 0) + 1
    names = []
    for label, region in zip(labels, regions, strict=True):
        if region in ("", "n/a"):
            names.append(f"{noun}-{label}")
        else:
            names.append(region if counts[region] == 1 else f"{region}_{noun}-{label}")
    return tuple(names)
