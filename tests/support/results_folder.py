"""Folders as `opsctl results` writes them, with connectomes of example stacks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opsctl.core.preview import BANNER
from opsctl.core.results import connectome_table
from opsctl.core.results.connectome import GraphSize
from opsctl.core.results.connectome_table import ConnectomeRow
from support.graph_examples import ATLAS


def write_results(
    folder: Path,
    weights: NDArray[np.float32],
    *,
    sessions: int = 2,
    atlas: str = ATLAS,
    seconds: float = 600.0,
    usd: float = 0.25,
    lost: int = 0,
    dataset: str = "s3://data/HNU1",
    is_preview: bool = False,
) -> Path:
    """Write a folder with a scan for each row of weights.

    Parameters
    ----------
    weights
        Scans x pairs of regions.
    """
    regions = round((1 + (1 + 8 * weights.shape[1]) ** 0.5) / 2)
    first, second = np.triu_indices(regions, k=1)
    rows = []
    for number, row in enumerate(weights):
        scan = f"sub-{number // sessions:03d}/ses-{number % sessions + 1}"
        place = f"{scan}/connectomes_d/{atlas}/{scan.replace('/', '_')}_dwi_{atlas}_connectome.csv"
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        edges = [f"{a + 1} {b + 1} {weight}\n" for a, b, weight in zip(first, second, row, strict=True) if weight]
        path.write_text("".join(edges))
        rows.append(
            ConnectomeRow(
                scan=scan,
                file=place,
                kind="streamlines",
                size=GraphSize(nodes=regions, edges=len(edges)),
                regions=regions,
                lost=lost,
                seconds=seconds + number,
                peak_memory_mib=1000 + number,
                peak_disk_mib=1,
                cost_usd=usd,
                run=f"HNU1-20261122-120000-{folder.name[:4]:a<4}",
            )
        )
    (folder / connectome_table.NAME).write_text(connectome_table.table(rows))
    (folder / "README.md").write_text(f"**{BANNER}**\n" if is_preview else "Made by m2g\n")
    description = {"GeneratedBy": [{"Name": "m2g"}, {"Name": "opsctl", "Version": "1.0"}]}
    (folder / "dataset_description.json").write_text(json.dumps({**description, "SourceDatasets": [{"URL": dataset}]}))
    return folder
