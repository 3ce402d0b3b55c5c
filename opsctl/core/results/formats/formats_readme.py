"""The README of the folder of formats."""

from __future__ import annotations

from opsctl.core.preview import BANNER
from opsctl.core.results.formats.stack_about import LOST_ROWS, LOST_UNPLACED


def formats_readme(*, is_preview: bool) -> str:
    """The content of `formats/README.md`."""
    banner = f"**{BANNER}**\n\n" if is_preview else ""
    return (
        "# Connectomes in other formats\n\n"
        f"{banner}"
        "`opsctl results DIR --format npz` and the like wrote these files from the connectomes in the folder above:\n"
        "of each parcellation, kind and model all scans that `connectomes.tsv` lists.\n\n"
        "| folder | content |\n"
        "|---|---|\n"
        "| `tsv` | a dense table for each scan, with the regions' names as header and in the first column |\n"
        "| `npz` | an array for each parcellation (scan x region x region), with the tables of scans and nodes |\n"
        "| `graphml` | a graph for each scan: nodes with label, name and centre, edges with their weight |\n"
        "| `bids` | a dataset with the names of BIDS's draft for connectivity (`_relmat`) |\n\n"
        "Rows and nodes are numbered by the labels of the atlas, not by m2g's ranks; the tables of nodes have both.\n"
        f"\n{LOST_ROWS}\n\n{LOST_UNPLACED}\n"
    )
