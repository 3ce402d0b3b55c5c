"""The tables beside downloaded connectomes: one of the connectomes, and one of the nodes of each atlas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from opsctl.commands.results.download import SHARED_MODE
from opsctl.commands.results.download_plan import DownloadPlan
from opsctl.core.atlases.atlas_node import AtlasNode
from opsctl.core.atlases.atlas_table import AtlasTable
from opsctl.core.errors import Problem, write_error_code
from opsctl.core.results import connectome_table, node_table
from opsctl.core.results.connectome import GraphSize, size_of
from opsctl.core.results.connectome_table import ConnectomeRow
from opsctl.core.runs.result import Result
from opsctl.whole_file import write_whole

#: No matrix or edge list is as large: a larger file is not read into memory to be counted.
_MAX_CONNECTOME_BYTES = 512 * 1024 * 1024


def write_tables(
    plan: DownloadPlan,
    costs: Mapping[int, float],
    *,
    atlases: AtlasTable,
    nodes: Mapping[str, Sequence[AtlasNode]],
) -> Path:
    """Write `connectomes.tsv`, the tables in `nodes/`, and their sidecars; returns the path of `connectomes.tsv`.

    Parameters
    ----------
    costs
        USD by the scan's index, for the scans whose cost is known.
    nodes
        The regions of each atlas at 2 mm, in the order of their labels, by the atlas's name.

    Raises
    ------
    Problem
        When a file cannot be written.
    """
    rows = list(_rows(plan, costs))
    tables = node_table.node_tables(rows, atlases=atlases, nodes=nodes)
    path = plan.folder / connectome_table.NAME
    folder = plan.folder / node_table.FOLDER
    texts = {
        folder / node_table.README_NAME: tables.readme(),
        folder / node_table.SIDECAR_NAME: _json_text(node_table.COLUMNS),
        **{folder / f"{atlas}_nodes.tsv": content for atlas, content in tables.contents.items()},
        plan.folder / connectome_table.SIDECAR_NAME: _json_text(connectome_table.COLUMNS),
        path: connectome_table.table(rows),
    }
    try:
        folder.mkdir(exist_ok=True)
        # A table of an earlier time would stay where regions have been lost since.
        for atlas in tables.without:
            (folder / f"{atlas}_nodes.tsv").unlink(missing_ok=True)
        for target, text in texts.items():
            write_whole(target, text, mode=SHARED_MODE)
    except OSError as error:
        raise Problem(
            f"{error.filename or path} cannot be written ({error.strerror}).",
            "Make room, then type it again.",
            code=write_error_code(error),
        ) from error
    return path


def _rows(plan: DownloadPlan, costs: Mapping[int, float]) -> Iterator[ConnectomeRow]:
    for item in plan.downloads:
        if not item.is_connectome:
            continue
        result = plan.results[item.index]
        graph = next((graph for graph in result.graphs if graph.uri == item.file.uri), None)
        yield ConnectomeRow(
            scan=item.scan,
            file=item.place,
            kind=graph.kind if graph else connectome_table.kind_of(item.place),
            size=GraphSize(nodes=graph.nodes, edges=graph.edges) if graph else _size(item.target),
            regions=graph.regions if graph else None,
            lost=graph.lost if graph else None,
            seconds=_seconds(result),
            # 0 is what the job writes where it could not measure.
            peak_memory_mib=result.peak_memory_mib or None,
            peak_disk_mib=result.peak_disk_mib or None,
            cost_usd=costs.get(item.index),
        )


def _size(path: Path) -> GraphSize | None:
    if path.stat().st_size > _MAX_CONNECTOME_BYTES:
        return None
    try:
        return size_of(path.read_text(errors="replace"))
    except Problem:
        return None


def _seconds(result: Result) -> float:
    duration = datetime.fromisoformat(result.stopped_at) - datetime.fromisoformat(result.started_at)
    return max(0.0, duration.total_seconds())


def _json_text(columns: Mapping[str, object]) -> str:
    return json.dumps(columns, indent=2, ensure_ascii=False) + "\n"
