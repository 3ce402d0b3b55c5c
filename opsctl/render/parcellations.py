"""Shows neuroparc's atlases, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from opsctl.core.atlases.atlas import Atlas
from opsctl.core.atlases.atlas_table import AtlasTable
from opsctl.render.page import table as aligned
from opsctl.render.screen import Screen

SCHEMA_VERSION = 1

_FEW = 5

_NOTES = (
    "regions: at {voxel_size}. kept: how many of them m2g uses (dwi); it drops the highest labels of some atlases.",
    "MiB: the memory that a job needs for the atlas.",
    "default: computed without --parcellation.",
    "--parcellation selects every atlas whose name contains what is typed:",
)


def show_parcellations(screen: Screen, table: AtlasTable, voxel_size: str) -> None:
    """Show each atlas with its regions, those that m2g keeps, its memory, and whether it is computed by default."""
    rows: list[list[Text | str]] = [[Text(word, style="dim") for word in ("atlas", "regions", "kept", "MiB", "")]]
    rows += [_row(atlas, voxel_size, is_default=atlas in table.default) for atlas in table]
    for row in aligned(rows, room=screen.data.room, right=(1, 2, 3)):
        screen.data.print(row)
    screen.say()
    for line in _NOTES:
        screen.say(line.format(voxel_size=voxel_size))
    spellings = {atlas.name: table.spelling(atlas.name) for atlas in table}
    for name, spelling in spellings.items():
        if spelling != name:
            screen.say(f"  only {name}: --parcellation {spelling}")


def as_json(table: AtlasTable, voxel_size: str) -> dict[str, Any]:
    """The same as JSON; `selects_it_alone` is what to type after `--parcellation`."""
    default = table.default
    return {
        "schema_version": SCHEMA_VERSION,
        "voxelsize": voxel_size,
        "parcellations": [
            {
                "name": atlas.name,
                "selects_it_alone": table.spelling(atlas.name),
                "regions": atlas.regions[voxel_size],
                "kept": atlas.kept[voxel_size],
                "memory_mib": atlas.memory_mib(voxel_size),
                "default": atlas in default,
            }
            for atlas in table
        ],
    }


def atlases_text(names: Sequence[str]) -> str:
    """The names of a few atlases; of more, their number."""
    return ", ".join(names) if len(names) <= _FEW else f"{len(names)} atlases"


def cut_text(atlas: Atlas, voxel_size: str) -> str:
    """How many of an atlas's regions m2g drops."""
    return f"{atlas.name} {atlas.cut(voxel_size):,} of {atlas.regions[voxel_size]:,}"


def _row(atlas: Atlas, voxel_size: str, *, is_default: bool) -> list[Text | str]:
    kept = Text(f"{atlas.kept[voxel_size]:,}", style="yellow" if atlas.cut(voxel_size) else "")
    memory = f"{atlas.memory_mib(voxel_size):,}"
    return [atlas.name, f"{atlas.regions[voxel_size]:,}", kept, memory, "default" if is_default else ""]
