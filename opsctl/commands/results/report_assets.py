"""The files of the scans that a report shows: choose and read them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from threading import BoundedSemaphore
from typing import Any, Literal, TypeVar

from opsctl.aws.errors import translated
from opsctl.aws.s3.body import read
from opsctl.aws.s3.storage import Storage
from opsctl.commands.results.report import Report
from opsctl.core.bounded import whole_number
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location, parse_uri, run_location
from opsctl.core.results.connectome_table import atlas_of, kind_of
from opsctl.core.results.place import WrongPlace, local_place
from opsctl.core.results.qa import is_qa_picture, most_useful_first
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Graph, GraphKind, OutputFile, Result

_THREADS = 16
_MAX_PICTURED_SCANS = 1000
_MANY_SCANS = 30
_MAX_BYTES = 16_000_000
#: A small file may be a picture of 60 million pixels: as many at once as memory has room for.
_MOST_DECODING = 4

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One file of a scan that the report shows.

    Attributes
    ----------
    index
        The scan's index in the run.
    name
        The name of the atlas's folder, or the picture's file name.
    graph_kind
        What the weights of a connectome are; None for a picture, and where it is not known.
    graph_nodes
        The number of nodes that a connectome's file numbers from 1, also those without an edge; None where not known.
    is_pictured
        False: the report shows only the connectome's numbers (a run of thousands).
    sha256
        As the job recorded it; empty for a failed scan's files, which no result lists.
    """

    index: int
    kind: Literal["connectome", "QA"]
    name: str
    uri: str
    size_bytes: int
    sha256: str = ""
    graph_kind: GraphKind | None = None
    graph_nodes: int | None = None
    is_pictured: bool = True


@dataclass(frozen=True)
class AssetSelection:
    """The files that the report shows, and sentences about those that it leaves out."""

    assets: tuple[Asset, ...]
    left_out: tuple[str, ...]


def choose(report: Report, storage: Storage, *, data_bucket: str) -> AssetSelection:
    """Choose each scan's first connectome by atlas and its most useful QA pictures.

    Failed scans come first, then those that need a look. Of a functional scan the signed correlations are chosen.
    """
    scans = {scan.index: scan for scan in report.status.scans}
    indices = sorted(scans, key=lambda index: (scans[index].state != "FAILED", not scans[index].warnings, index))
    max_qa = 4 if len(indices) <= _MANY_SCANS else 1
    failed_qa = _failed_qa(report, storage, data_bucket=data_bucket)
    chosen: list[Asset] = []
    hidden_qa = too_large = foreign = 0
    for position, index in enumerate(indices):
        result = report.results.get(index) if scans[index].state == "DONE" else None
        files = _own_files(report.run, result)
        foreign += len(result.files) - len(files) if result else 0
        connectomes = sorted(_connectomes(result, files), key=_signed_before_absolute)
        pictures = {asset.uri: asset for asset in [*_qa(result, files), *failed_qa.get(index, [])]}
        ordered = most_useful_first(pictures, atlas=connectomes[0].name if connectomes else "")
        candidates = [*connectomes[:1], *(pictures[uri] for uri in ordered)]
        fitting = [asset for asset in candidates if asset.size_bytes <= _MAX_BYTES]
        too_large += len(candidates) - len(fitting)
        is_pictured = position < _MAX_PICTURED_SCANS
        chosen += [replace(asset, is_pictured=is_pictured) for asset in fitting if asset.kind == "connectome"]
        fitting_qa = [asset for asset in fitting if asset.kind == "QA"]
        shown_qa = fitting_qa[: max_qa if is_pictured else 0]
        chosen += shown_qa
        hidden_qa += len(fitting_qa) - len(shown_qa)
    left_out = []
    if len(indices) > _MAX_PICTURED_SCANS:
        left_out.append(f"The scans after the first {_MAX_PICTURED_SCANS:,} have their numbers, and no pictures.")
    if hidden_qa:
        left_out.append(f"{hidden_qa:,} more QA pictures lie beside the outputs (`opsctl results DIR --what qa`).")
    if too_large:
        left_out.append(f"{too_large:,} files over {_MAX_BYTES // 1_000_000} MB are not shown.")
    if foreign:
        left_out.append(f"{foreign:,} files that results list and that are no outputs of their scans are not read.")
    return AssetSelection(tuple(chosen), tuple(left_out))


def fetch(
    assets: Sequence[Asset],
    storage: Storage,
    *,
    decode: Callable[[Asset, bytes], _T],
    on_file: Callable[[Asset], None],
) -> dict[Asset, _T | Problem]:
    """Read and decode the files in parallel; a file that cannot be read gives a `Problem`, and stops no other.

    Parameters
    ----------
    decode
        Called in several threads with each file's bytes, which are not kept; may raise `Problem`.
    on_file
        Called after each file, read or not.
    """
    decoding = BoundedSemaphore(_MOST_DECODING)

    def shown(asset: Asset) -> _T | Problem:
        try:
            body = _body(asset, storage)
            with decoding:
                return decode(asset, body)
        except Problem as problem:
            return problem
        finally:
            on_file(asset)

    with ThreadPoolExecutor(_THREADS) as pool:
        return dict(zip(assets, pool.map(shown, assets), strict=True))


def _own_files(run: Run, result: Result | None) -> list[OutputFile]:
    """The files that `results` would download: a result may name others, which are not read."""
    if result is None:
        return []
    connectomes = set(result.connectomes)
    files = []
    for file in result.files:
        with suppress(WrongPlace):
            local_place(run, file.uri, result.index, is_connectome=file.uri in connectomes)
            files.append(file)
    return files


def _connectomes(result: Result | None, files: Sequence[OutputFile]) -> Iterator[Asset]:
    if result is None:
        return
    addresses = set(result.connectomes)
    graphs = {graph.uri: graph for graph in result.graphs}
    for file in files:
        if file.uri in addresses:
            graph = graphs.get(file.uri)
            yield _asset(
                result.index,
                "connectome",
                atlas_of(file.uri),
                file,
                graph_kind=graph.kind if graph else kind_of(file.uri),
                graph_nodes=_numbered_nodes(graph) if graph else None,
            )


def _signed_before_absolute(asset: Asset) -> tuple[str, bool, str]:
    return asset.name, asset.graph_kind == "absolute correlation", asset.uri


def _numbered_nodes(graph: Graph) -> int | None:
    # The nodes of a functional connectome are the columns of C-PAC's time series: a lost region has no number.
    return graph.regions if graph.kind == "streamlines" or graph.lost == 0 else None


def _qa(result: Result | None, files: Sequence[OutputFile]) -> Iterator[Asset]:
    if result is None:
        return
    addresses = set(result.connectomes)
    for file in files:
        if file.uri not in addresses and is_qa_picture(file.uri):
            yield _asset(result.index, "QA", file.uri.rpartition("/")[2], file)


def _asset(index: int, kind: Literal["connectome", "QA"], name: str, file: OutputFile, **graph: Any) -> Asset:
    return Asset(
        index=index, kind=kind, name=name, uri=file.uri, size_bytes=file.size_bytes, sha256=file.sha256, **graph
    )


def _failed_qa(report: Report, storage: Storage, *, data_bucket: str) -> dict[int, list[Asset]]:
    """The QA pictures of each failed scan's last attempt, by the scan's index; they lie with the run's records."""
    failed: dict[str, dict[int, int]] = defaultdict(dict)
    for scan in report.status.failed:
        origin = report.run.origin(scan.index)
        failed[origin.run_id][origin.index] = scan.index
    pictures: dict[int, dict[str, list[Asset]]] = defaultdict(lambda: defaultdict(list))
    for run_id, indices in failed.items():
        folder = Location(data_bucket, f"{run_location(run_id, data_bucket=data_bucket).prefix}/failures")
        for obj in storage.below(folder):
            origin_index, _, place = obj.key.removeprefix(folder.key_prefix).partition("/")
            attempt, *rest = place.split("/")
            number = whole_number(origin_index)
            index = indices.get(number) if number is not None else None
            if index is not None and rest and is_qa_picture(obj.key):
                uri = f"s3://{data_bucket}/{obj.key}"
                pictures[index][attempt].append(
                    Asset(index=index, kind="QA", name=rest[-1], uri=uri, size_bytes=obj.size_bytes)
                )
    return {index: attempts[max(attempts, key=lambda name: (len(name), name))] for index, attempts in pictures.items()}


def _body(asset: Asset, storage: Storage) -> bytes:
    location = parse_uri(asset.uri)
    with translated(f"reading {asset.uri}"):
        # One byte more tells a larger object, which is not read.
        body, _ = read(
            storage.client,
            at_most=asset.size_bytes + 1,
            Bucket=location.bucket,
            Key=location.prefix,
            Range=f"bytes=0-{asset.size_bytes}",
        )
    if len(body) != asset.size_bytes or (asset.sha256 and sha256(body).hexdigest() != asset.sha256):
        raise Problem(
            "It is not the file that the job published: something else has written there since.",
            code=ErrorCode.OUTPUT_CHANGED,
        )
    return body
