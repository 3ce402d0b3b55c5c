"""A folder as `opsctl results` leaves it, with small connectomes in m2g's formats."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from opsctl.assets import atlas_nodes, atlas_table
from opsctl.commands.reliability.graph_stacks import Atlases
from opsctl.commands.results.download import open_folder
from opsctl.commands.results.faults import Faults
from opsctl.commands.results.formats.write_formats import FormatsWritten, plan_formats, write_formats
from opsctl.core.preview import BANNER
from opsctl.core.results.connectome_table import ConnectomeRow, table
from opsctl.core.results.request import ResultsRequest
from opsctl.core.runs.output_kinds import Format, GraphKind

ATLASES = Atlases(table=atlas_table(), nodes=atlas_nodes())
#: Seven regions with names.
YEO = "Yeo-7_space-MNI152NLin6_res-2x2x2"
#: 134 regions without names, whose labels are not the numbers of the nodes; m2g keeps 66 of them.
MICCAI = "MICCAI_space-MNI152NLin6_res-2x2x2"
DESCRIPTION = {
    "Name": "m2g-csa-native",
    "DatasetType": "derivative",
    "GeneratedBy": [{"Name": "m2g", "Version": "0.3.0", "Container": {"URI": "docker://repo@sha256:ab"}}],
    "SourceDatasets": [{"URL": "s3://data/HNU1"}],
}

Edges = Mapping[tuple[int, int], float]


class ResultsFolder:
    """A folder with a table of connectomes."""

    def __init__(self, path: Path, *, is_preview: bool = False) -> None:
        self.path = path
        self._rows: list[ConnectomeRow] = []
        path.mkdir(exist_ok=True)
        (path / "dataset_description.json").write_text(json.dumps(DESCRIPTION))
        (path / "README.md").write_text(BANNER if is_preview else "by m2g")

    def add(
        self,
        scan: str,
        edges: Edges | str,
        *,
        atlas: str = YEO,
        kind: GraphKind = "streamlines",
        lost: int | None = 0,
        lost_labels: Sequence[int] = (),
        model: str | None = "csa",
    ) -> Path:
        """Add a connectome; returns its path."""
        stem = scan.replace("/", "_")
        if kind == "streamlines":
            place = f"{scan}/connectomes_d/{atlas}/{stem}_dwi_{atlas}_connectome.csv"
        else:
            ending = "abs_edgelist" if kind == "absolute correlation" else "edgelist"
            place = f"{scan}/connectomes_f/{atlas}.nii.gz/{stem}_func_{atlas}_{ending}.csv"
        path = self.path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(edges, str):
            edges = "".join(f"{first} {second} {weight}\n" for (first, second), weight in edges.items())
        path.write_text(edges)
        if lost_labels:
            (path.parent / "lost_roi.csv").write_text(",".join(map(str, lost_labels)) + "\n")
        unknown: dict[str, Any] = dict.fromkeys(
            ("size", "seconds", "peak_memory_mib", "peak_disk_mib", "cost_usd", "regions")
        )
        self._rows.append(
            ConnectomeRow(
                scan=scan,
                file=place,
                kind=kind,
                lost=lost,
                run="R",
                model=model if kind == "streamlines" else None,
                **unknown,
            )
        )
        (self.path / "connectomes.tsv").write_text(table(self._rows))
        return path

    def write(self, *formats: Format, **options: Any) -> tuple[FormatsWritten, Faults]:
        """Write formats as the verb does."""
        request = ResultsRequest(folder=str(self.path), formats=formats, is_download=False, **options)
        request.check()
        faults = Faults(request.command)
        plan = plan_formats(self.path, request, ATLASES)
        with open_folder(self.path) as folder:
            return write_formats(plan, folder, formats, faults=faults, atlases=ATLASES), faults


def chain(regions: int, *, weight: float = 1.0, without: Sequence[int] = ()) -> Edges:
    """Edges between neighbours, by m2g's numbers of the nodes; some nodes have none."""
    nodes = [node for node in range(1, regions + 1) if node not in without]
    return {(node, other): weight * node for node, other in pairwise(nodes)}


def correlations(regions: int, *, seed: float = 0.0) -> Edges:
    """A complete graph of correlations."""
    return {
        (first, second): round(((first * 7 + second * 3) % 19) / 10 - 0.9 + seed, 6)
        for first in range(1, regions + 1)
        for second in range(first + 1, regions + 1)
    }
