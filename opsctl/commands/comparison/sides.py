"""Reads what is known of a run, a dataset or a folder besides its connectomes: time, memory, cost, versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from opsctl.commands.reliability.folder_graphs import FolderGraphs
from opsctl.commands.reliability.graph_files import GraphFile, GraphSource
from opsctl.commands.results.tables import attempt_seconds
from opsctl.commands.runs.output_runs import output_name_of
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.comparison.side import GraphName, ScanFacts, Side
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.snapshot import Pricing


@dataclass(frozen=True, kw_only=True)
class OpenedSide:
    """A side whose connectomes can be read.

    Attributes
    ----------
    files
        Its connectomes.
    """

    side: Side
    source: GraphSource
    files: tuple[GraphFile, ...]


def open_run(
    typed: str,
    kind: Literal["run", "dataset"],
    source: GraphSource,
    reader: SnapshotReader,
    *,
    records: Records,
    pricing: Pricing | None,
) -> OpenedSide:
    """Read a run, or a dataset that is read as a run.

    Parameters
    ----------
    pricing
        None where the prices are not known.

    Raises
    ------
    Problem
        If no scan of it is done.
    """
    run, files = reader.run, tuple(source.files())
    snapshot = reader.progress()
    done = {index: result for index, result in snapshot.results.items() if result.succeeded}
    if not done:
        raise Problem(
            f"No scan of {typed} is done, so there is nothing to compare.",
            f"`opsctl status --run {run.run_id}` shows where it stands." if kind == "run" else "",
            code=ErrorCode.NO_RESULTS,
        )
    bills = snapshot.bill_by_scan(pricing.rates) if pricing is not None and pricing.rates.is_complete else {}
    lost = _lost(files)
    origins = records.runs(sorted({run.origin(index).run_id for index in done}))
    makers = list(origins.values()) or [run]
    scans = {
        run.scans[index]: ScanFacts(
            seconds=attempt_seconds(result),
            peak_memory_mib=result.peak_memory_mib or None,
            usd=bills[index].usd if index in bills else None,
            lost=lost.get(run.scans[index], {}),
        )
        for index, result in done.items()
        if run.scans[index]
    }
    return OpenedSide(
        side=Side(
            typed=typed,
            kind=kind,
            scans=scans,
            options=run.m2g,
            dataset=run.dataset,
            output_name=output_name_of(run),
            run_ids=tuple(sorted(origins)),
            images=_distinct(_image_text(maker, records) for maker in makers),
            opsctl_versions=_distinct(maker.opsctl_version for maker in makers),
            is_preview=any(run.is_previewed(index) for index in done),
            is_local=pricing.is_local if pricing is not None else None,
        ),
        source=source,
        files=files,
    )


def open_results_folder(typed: str, source: FolderGraphs) -> OpenedSide:
    """Read a folder that `opsctl results` wrote: `connectomes.tsv` has what each scan took."""
    files, description = tuple(source.files()), source.description()
    lost = _lost(files)
    cells = {row["scan"]: row for row in source.rows()}
    is_preview = any(file.is_preview for file in files)
    scans = {
        name: ScanFacts(
            seconds=_number(cells[name].get("seconds", "")),
            peak_memory_mib=_whole(cells[name].get("peak_memory_mib", "")),
            usd=_number(cells[name].get("cost_usd", "")),
            lost=lost.get(name, {}),
        )
        for name in {file.scan.name for file in files}
    }
    images, versions = _generators(description)
    return OpenedSide(
        side=Side(
            typed=typed,
            kind="folder",
            scans=scans,
            options=None,
            dataset=_source_dataset(description),
            run_ids=_distinct(row["run"] for row in cells.values() if row.get("run")),
            images=images,
            opsctl_versions=versions,
            is_preview=is_preview,
            # The table does not say where the scans ran; of the preview it is known that nothing was charged.
            is_local=True if is_preview else None,
        ),
        source=source,
        files=files,
    )


def _lost(files: Iterable[GraphFile]) -> Mapping[str, Mapping[GraphName, int]]:
    lost: dict[str, dict[GraphName, int]] = defaultdict(dict)
    for file in files:
        if file.lost is not None:
            lost[file.scan.name][file.atlas, file.kind] = file.lost
    return lost


def _image_text(run: Run, records: Records) -> str:
    """A run's image with its digest, where it is known: a tag may name another image later."""
    document = records.document(run.run_id, 0) or {}
    digest = document.get("image_digest")
    return f"{run.image} ({digest})" if digest else run.image


def _source_dataset(description: Mapping[str, Any]) -> str:
    """The address of the dataset that a folder of results is of, in its `dataset_description.json`."""
    sources = description.get("SourceDatasets")
    first = sources[0] if isinstance(sources, list) and sources else None
    return str(first.get("URL", "")) if isinstance(first, dict) else ""


def _generators(description: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The images and the versions of opsctl in a `dataset_description.json`."""
    generators = description.get("GeneratedBy")
    entries = [entry for entry in generators if isinstance(entry, dict)] if isinstance(generators, list) else []
    containers = [entry.get("Container") for entry in entries]
    images = [str(each.get("URI") or each.get("Tag") or "") for each in containers if isinstance(each, dict)]
    versions = [str(entry["Version"]) for entry in entries if entry.get("Name") == "opsctl" and "Version" in entry]
    return _distinct(filter(None, images)), _distinct(versions)


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _whole(cell: str) -> int | None:
    value = _number(cell)
    return None if value is None else round(value)
