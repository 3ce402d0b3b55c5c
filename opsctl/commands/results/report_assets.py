"""The files of the scans that a report shows: choose and read them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from typing import Literal, TypeVar

from opsctl.aws.errors import translated
from opsctl.aws.s3.storage import Storage
from opsctl.commands.results.report import Report
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location, parse_uri, run_location
from opsctl.core.results.connectome_table import atlas_of
from opsctl.core.results.qa import is_qa_picture
from opsctl.core.runs.result import Result

_THREADS = 16
_MAX_PICTURED_SCANS = 1000
_MANY_SCANS = 30
_MAX_BYTES = 16_000_000

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One file of a scan that the report shows.

    Attributes
    ----------
    index
        The scan's index in the run.
    name
        The atlas's name, or the picture's file name.
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
    is_pictured: bool = True


@dataclass(frozen=True)
class AssetSelection:
    """The files that the report shows, and sentences about those that it leaves out."""

    assets: tuple[Asset, ...]
    left_out: tuple[str, ...]


def choose(report: Report, storage: Storage, *, data_bucket: str) -> AssetSelection:
    """Choose each scan's first connectome by name and some of its QA pictures, failed scans first."""
    states = {scan.index: scan.state for scan in report.status.scans}
    indices = sorted(states, key=lambda index: (states[index] != "FAILED", index))
    max_qa = 4 if len(indices) <= _MANY_SCANS else 1
    failed_qa = _failed_qa(report, storage, data_bucket=data_bucket)
    chosen: list[Asset] = []
    hidden_qa = too_large = 0
    for position, index in enumerate(indices):
        assets = _published_assets(index, report.results.get(index)) if states[index] == "DONE" else []
        connectomes = sorted((asset for asset in assets if asset.kind == "connectome"), key=lambda asset: asset.name)
        pictures = [asset for asset in assets if asset.kind == "QA"] + failed_qa.get(index, [])
        candidates = [*connectomes[:1], *sorted(pictures, key=_most_useful_first)]
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

    def read(asset: Asset) -> _T | Problem:
        try:
            return decode(asset, _body(asset, storage))
        except Problem as problem:
            return problem
        finally:
            on_file(asset)

    with ThreadPoolExecutor(_THREADS) as pool:
        return dict(zip(assets, pool.map(read, assets), strict=True))


def _published_assets(index: int, result: Result | None) -> list[Asset]:
    if result is None:
        return []
    connectomes = set(result.connectomes)
    return [
        Asset(
            index=index,
            kind="connectome" if file.uri in connectomes else "QA",
            name=atlas_of(file.uri) if file.uri in connectomes else file.uri.rpartition("/")[2],
            uri=file.uri,
            size_bytes=file.size_bytes,
            sha256=file.sha256,
        )
        for file in result.files
        if file.uri in connectomes or is_qa_picture(file.uri)
    ]


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
            origin_index, attempt, *rest = obj.key.removeprefix(folder.key_prefix).split("/")
            index = indices.get(int(origin_index)) if origin_index.isdecimal() else None
            if index is not None and rest and is_qa_picture(obj.key):
                uri = f"s3://{data_bucket}/{obj.key}"
                pictures[index][attempt].append(
                    Asset(index=index, kind="QA", name=rest[-1], uri=uri, size_bytes=obj.size_bytes)
                )
    return {index: attempts[max(attempts, key=lambda name: (len(name), name))] for index, attempts in pictures.items()}


def _most_useful_first(asset: Asset) -> tuple[bool, str]:
    """Sort by name; m2g's plots of the graphs go last, because the report draws the matrix itself."""
    return "graph" in asset.uri.partition("/qa_")[2], asset.uri


def _body(asset: Asset, storage: Storage) -> bytes:
    location = parse_uri(asset.uri)
    body = BytesIO()
    with translated(f"reading {asset.uri}"):
        # download_fileobj reads a body again when the connection breaks.
        storage.client.download_fileobj(location.bucket, location.prefix, body)
    if asset.sha256 and sha256(body.getbuffer()).hexdigest() != asset.sha256:
        raise Problem(
            "It is not the file that the job published: something else has written there since.",
            code=ErrorCode.OUTPUT_CHANGED,
        )
    return body.getvalue()
