"""The tables beside downloaded connectomes: one of the connectomes, and one of the nodes of each atlas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from opsctl.commands.results.download_folder import DownloadFolder
from opsctl.commands.results.download_plan import Download, DownloadPlan
from opsctl.commands.results.faults import Faults, UnwrittenFile
from opsctl.core.atlases.atlas_node import AtlasNode
from opsctl.core.atlases.atlas_table import AtlasTable
from opsctl.core.results import connectome_table, node_table
from opsctl.core.results.connectome import GraphSize
from opsctl.core.results.connectome_table import ConnectomeRow
from opsctl.core.runs.result import Result


def write_tables(
    plan: DownloadPlan,
    present: Sequence[Download],
    costs: Mapping[int, float],
    folder: DownloadFolder,
    *,
    faults: Faults,
    atlases: AtlasTable,
    nodes: Mapping[str, Sequence[AtlasNode]],
) -> Path | None:
    """Write `connectomes.tsv`, the tables in `nodes/`, and their sidecars.

    Parameters
    ----------
    present
        The files that are in the folder.
    costs
        USD by the scan's index, for the scans whose cost is known.
    faults
        Gets those of the tables: a table that opsctl did not write, or that was changed since, stays.
    nodes
        The regions of each atlas at 2 mm, in the order of their labels, by the atlas's name.

    Returns
    -------
    Path or None
        The path of `connectomes.tsv`; None if it could not be written.

    Raises
    ------
    Problem
        When the disk refuses.
    """
    rows = list(_rows(plan, present, costs))
    tables = node_table.node_tables(rows, atlases=atlases, nodes=nodes)
    texts = {
        f"{node_table.FOLDER}/{node_table.README_NAME}": tables.readme(),
        f"{node_table.FOLDER}/{node_table.SIDECAR_NAME}": _json_text(node_table.COLUMNS),
        **{_node_table(atlas): content for atlas, content in tables.contents.items()},
        connectome_table.SIDECAR_NAME: _json_text(connectome_table.COLUMNS),
        connectome_table.NAME: connectome_table.table(rows),
    }
    try:
        # A table of an earlier time would stay where regions have been lost since.
        for atlas in tables.without:
            folder.remove(_node_table(atlas))
        unwritten = folder.write(texts)
    except OSError as error:
        raise UnwrittenFile(error, plan.folder) from error
    for place, fault in unwritten.items():
        faults.add(UnwrittenFile(fault, plan.folder / place))
    return None if connectome_table.NAME in unwritten else plan.folder / connectome_table.NAME


def _node_table(atlas: str) -> str:
    return f"{node_table.FOLDER}/{atlas}_nodes.tsv"


def _rows(plan: DownloadPlan, present: Sequence[Download], costs: Mapping[int, float]) -> Iterator[ConnectomeRow]:
    graphs = {graph.uri: graph for result in plan.results.values() for graph in result.graphs}
    seconds = {index: attempt_seconds(result) for index, result in plan.results.items()}
    for item in present:
        if not item.is_connectome:
            continue
        result, graph = plan.results[item.index], graphs[item.file.uri]
        yield ConnectomeRow(
            scan=item.scan,
            file=item.place,
            kind=graph.kind,
            size=GraphSize(nodes=graph.nodes, edges=graph.edges),
            regions=graph.regions,
            lost=graph.lost,
            seconds=seconds[item.index],
            # 0 is what the job writes where it could not measure.
            peak_memory_mib=result.peak_memory_mib or None,
            peak_disk_mib=result.peak_disk_mib or None,
            cost_usd=costs.get(item.index),
            run=plan.run.origin(item.index).run_id,
            model=plan.run.model if graph.kind == "streamlines" else None,
        )


def attempt_seconds(result: Result) -> float:
    """The duration of the whole attempt that made a result."""
    duration = datetime.fromisoformat(result.stopped_at) - datetime.fromisoformat(result.started_at)
    return max(0.0, duration.total_seconds())


def _json_text(columns: Mapping[str, object]) -> str:
    return json.dumps(columns, indent=2, ensure_ascii=False) + "\n"
