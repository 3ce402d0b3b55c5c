"""The files of the scans that a report shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from opsctl.aws.s3.storage import Storage
from opsctl.commands.results.failed_files import failed_files
from opsctl.commands.results.report import Report
from opsctl.commands.results.report_asset import Asset, AssetKind
from opsctl.core.results.connectome_counts import ConnectomeCounts
from opsctl.core.results.connectome_table import LOST_NAME, atlas_of
from opsctl.core.results.pictured_atlas import pictured_atlas
from opsctl.core.results.place import WrongPlace, local_place
from opsctl.core.results.qa import is_qa_picture, most_useful_first
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.output_kinds import GraphKind
from opsctl.core.runs.result import Graph, OutputFile, Result
from opsctl.core.runs.status import ScanStatus

#: Every scan has pictures up to this number. Of more scans, the first ones and those to look at have them: a page of
#: 10,000 scans then opens as fast as one of 300.
_ALL_PICTURED = 300
_FIRST_PICTURED = 200
_MOST_SUSPECTS = 300
_MANY_SCANS = 30
_MAX_BYTES = 16_000_000
_ABSOLUTE: GraphKind = "absolute correlation"


@dataclass(frozen=True, kw_only=True)
class ScanFiles:
    """What a report tells of the files of a scan with a result.

    Attributes
    ----------
    connectomes
        What its connectomes hold.
    count, size_bytes
        Of all files.
    assets
        Its connectomes and its QA pictures; none where the report shows no pictures of it.
    foreign
        How many files the result lists that are no outputs of the scan; counted where `assets` are.
    """

    connectomes: ConnectomeCounts
    count: int
    size_bytes: int
    assets: tuple[Asset, ...] = ()
    foreign: int = 0


@dataclass(frozen=True)
class AssetSelection:
    """What a report shows of the scans' files.

    Attributes
    ----------
    assets
        The files themselves.
    left_out
        Sentences about what is not shown.
    pictured
        The indices of the scans whose pictures are shown.
    files
        By the scan's index, without `assets`.
    atlas
        The folder of the atlas whose connectomes are pictured; empty where no scan has one.
    compared
        The connectomes of this atlas that are compared with each other: all that are pictured, but of a run with many
        scans only the first ones. Those that need a look would make the scans appear worse than they are.
    parcellations
        The number of atlases that the scans have connectomes of.
    """

    assets: tuple[Asset, ...]
    left_out: tuple[str, ...]
    pictured: frozenset[int]
    files: Mapping[int, ScanFiles]
    atlas: str = ""
    compared: tuple[Asset, ...] = ()
    parcellations: int = 0


def summarise(run: Run, results: Iterable[Result]) -> dict[int, ScanFiles]:
    """Summarise the files of the scans, by index.

    Parameters
    ----------
    results
        With their lists of files, which take 50 kB a scan: each is looked at and not kept.
    """
    remaining = run.remaining
    first = set(remaining if len(remaining) <= _ALL_PICTURED else remaining[:_FIRST_PICTURED])
    return {
        # Of a failed scan the pictures of its last attempt are shown, which no result lists.
        result.index: _summary(
            run, result, has_assets=result.succeeded and (result.index in first or bool(result.warnings))
        )
        for result in results
    }


def choose(
    report: Report,
    files: Mapping[int, ScanFiles],
    storage: Storage,
    *,
    data_bucket: str,
    parcellation: str | None = None,
) -> AssetSelection:
    """Choose each scan's connectome of one atlas, its most useful QA pictures, and the log of a failed attempt.

    Failed scans come first, then those that need a look. Of a functional scan the signed correlations are chosen.

    Parameters
    ----------
    parcellation
        The atlas, or a part of its name; see `pictured_atlas`.

    Raises
    ------
    UsageProblem
        When no scan has a connectome of this parcellation.
    """
    scans = sorted(report.status.scans, key=_suspects_first)
    pictured = pictured_scans(scans)
    done = [files[scan.index] for scan in scans if scan.state == "DONE" and scan.index in files]
    atlas = pictured_atlas((of_scan.connectomes.atlases for of_scan in done), typed=parcellation)
    max_qa = 4 if len(scans) <= _MANY_SCANS else 1
    of_failed = failed_files(report, storage, data_bucket=data_bucket)
    chosen: list[Asset] = []
    hidden_qa = too_large = foreign = 0
    for scan in scans:
        if scan.index not in pictured:
            continue
        of_scan = _ordered(of_failed.get(scan.index, ()))
        if scan.state == "DONE" and scan.index in files:
            of_scan = _of_atlas(files[scan.index].assets, atlas)
            foreign += files[scan.index].foreign
        fitting = [asset for asset in of_scan if asset.size_bytes <= _MAX_BYTES or asset.kind == "log"]
        too_large += len(of_scan) - len(fitting)
        qa = [asset for asset in fitting if asset.kind == "QA"]
        chosen += [*(asset for asset in fitting if asset.kind != "QA"), *qa[:max_qa]]
        hidden_qa += len(qa[max_qa:])
    left_out = []
    if len(pictured) < len(scans):
        left_out.append(
            f"Pictures of {len(pictured):,} of {len(scans):,} scans: the first {_FIRST_PICTURED}, and up to "
            f"{_MOST_SUSPECTS} that failed or need a look. The others are in a table."
        )
    if hidden_qa:
        command = f"opsctl results DIR {report.subject.options} --what qa"
        left_out.append(f"{hidden_qa:,} more QA pictures of these scans are not shown (`{command}` downloads them).")
    if too_large:
        left_out.append(f"{too_large:,} files over {_MAX_BYTES // 1_000_000} MB are not shown.")
    if foreign:
        left_out.append(f"{foreign:,} files that results list and that are no outputs of their scans are not read.")
    compared = pictured if len(pictured) == len(scans) else frozenset(sorted(pictured)[:_FIRST_PICTURED])
    return AssetSelection(
        assets=tuple(chosen),
        left_out=tuple(left_out),
        pictured=pictured,
        # Without the connectomes of the other atlases: 20,000 of 500 scans.
        files={index: replace(of_scan, assets=()) for index, of_scan in files.items()},
        atlas=atlas,
        compared=tuple(asset for asset in chosen if asset.kind == "connectome" and asset.index in compared),
        parcellations=len({folder for of_scan in done for folder in of_scan.connectomes.atlases}),
    )


def pictured_scans(scans: Iterable[ScanStatus]) -> frozenset[int]:
    """The indices of the scans whose pictures are shown: of many scans the first ones, and those to look at."""
    ordered = sorted(scans, key=_suspects_first)
    indices = [scan.index for scan in ordered]
    if len(indices) <= _ALL_PICTURED:
        return frozenset(indices)
    suspects = [scan.index for scan in ordered if scan.state == "FAILED" or scan.warnings]
    return frozenset([*sorted(indices)[:_FIRST_PICTURED], *suspects[:_MOST_SUSPECTS]])


def _suspects_first(scan: ScanStatus) -> tuple[bool, bool, int]:
    return scan.state != "FAILED", not scan.warnings, scan.index


def _summary(run: Run, result: Result, *, has_assets: bool) -> ScanFiles:
    own = _own_files(run, result) if has_assets else []
    return ScanFiles(
        connectomes=ConnectomeCounts(result.graphs),
        count=len(result.files),
        size_bytes=sum(file.size_bytes for file in result.files),
        assets=(*_one_of_each_atlas(_connectomes(result, own)), *_qa(result, own)),
        foreign=len(result.files) - len(own) if has_assets else 0,
    )


def _one_of_each_atlas(connectomes: Iterable[Asset]) -> Iterable[Asset]:
    by_atlas: dict[str, Asset] = {}
    for asset in sorted(connectomes, key=_signed_before_absolute):
        by_atlas.setdefault(asset.name, asset)
    return by_atlas.values()


def _of_atlas(assets: Sequence[Asset], atlas: str) -> list[Asset]:
    """The connectome of an atlas and the pictures of a scan, the most useful first."""
    connectomes = [asset for asset in assets if asset.kind == "connectome" and asset.name == atlas]
    return [*connectomes, *_ordered((asset for asset in assets if asset.kind == "QA"), atlas=atlas)]


def _ordered(files: Iterable[Asset], *, atlas: str = "") -> list[Asset]:
    """A scan's log, and its pictures, the most useful first."""
    files = list(files)
    by_uri = {asset.uri: asset for asset in files if asset.kind == "QA"}
    logs = [asset for asset in files if asset.kind == "log"]
    return [*logs, *(by_uri[uri] for uri in most_useful_first(by_uri, atlas=atlas))]


def _own_files(run: Run, result: Result) -> list[OutputFile]:
    """The files that `results` would download: a result may name others, which are not read."""
    connectomes = set(result.connectomes)
    files = []
    for file in result.files:
        with suppress(WrongPlace):
            local_place(run, file.uri, result.index, is_connectome=file.uri in connectomes)
            files.append(file)
    return files


def _connectomes(result: Result, files: Sequence[OutputFile]) -> Iterator[Asset]:
    graphs = {graph.uri: graph for graph in result.graphs}
    by_uri = {file.uri: file for file in files}
    for file in files:
        if (graph := graphs.get(file.uri)) is not None:
            yield _asset(
                result.index,
                "connectome",
                atlas_of(file.uri),
                file,
                graph_kind=graph.kind,
                graph_nodes=_numbered_nodes(graph),
                graph=graph,
                lost_list=by_uri.get(f"{file.uri.rpartition('/')[0]}/{LOST_NAME}"),
            )


def _signed_before_absolute(asset: Asset) -> tuple[str, bool, str]:
    return asset.name, asset.graph_kind == _ABSOLUTE, asset.uri


def _numbered_nodes(graph: Graph) -> int | None:
    # The nodes of a functional connectome are the columns of C-PAC's time series: a lost region has no number.
    return graph.regions if graph.kind == "streamlines" or graph.lost == 0 else None


def _qa(result: Result, files: Sequence[OutputFile]) -> Iterator[Asset]:
    addresses = set(result.connectomes)
    for file in files:
        if file.uri not in addresses and is_qa_picture(file.uri):
            yield _asset(result.index, "QA", file.uri.rpartition("/")[2], file)


def _asset(index: int, kind: AssetKind, name: str, file: OutputFile, **graph: Any) -> Asset:
    return Asset(
        index=index, kind=kind, name=name, uri=file.uri, size_bytes=file.size_bytes, sha256=file.sha256, **graph
    )
