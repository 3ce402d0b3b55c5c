"""A report's pictures: which of the scans' files it shows, and how they are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import Literal, TypeVar

from opsctl.aws.errors import translated
from opsctl.aws.s3.storage import Storage
from opsctl.commands.results.report import Report
from opsctl.core.errors import Problem
from opsctl.core.location import Location, parse_uri, run_location
from opsctl.core.runs.result import Result

_THREADS = 16
_MOST_PICTURED = 1000
_MANY_SCANS = 30
_LARGEST_BYTES = 16_000_000

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One file of a scan that the report shows.

    Attributes
    ----------
    name
        The atlas's, or the picture's file name.
    is_pictured
        False: only its numbers are wanted (a run of thousands).
    sha256
        As the job recorded it; empty of a failed scan's files, which no result lists.
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
    """What is fetched, and in words what is not."""

    wanted: tuple[Asset, ...]
    left_out: tuple[str, ...]


def choose(report: Report, storage: Storage, *, data_bucket: str) -> AssetSelection:
    """Which files the report shows: of each scan its first connectome by name and some QA pictures, failures first."""
    states = {scan.index: scan.state for scan in report.status.scans}
    indices = sorted(states, key=lambda index: (states[index] != "FAILED", index))
    most_qa = 4 if len(indices) <= _MANY_SCANS else 1
    failed_qa = _failed_qa(report, storage, data_bucket=data_bucket)
    wanted: list[Asset] = []
    hidden_qa = too_large = 0
    for place, index in enumerate(indices):
        result = report.results.get(index)
        files = [one for one in _files(index, result) if states[index] == "DONE"]
        pictures = sorted([*(one for one in files if one.kind == "QA"), *failed_qa.get(index, ())], key=_telling_first)
        graphs = sorted((one for one in files if one.kind == "connectome"), key=lambda one: one.name)[:1]
        fits = [one for one in [*graphs, *pictures] if one.size_bytes <= _LARGEST_BYTES]
        too_large += len(graphs) + len(pictures) - len(fits)
        is_pictured = place < _MOST_PICTURED
        wanted += [_numbers_only(one) if not is_pictured else one for one in fits if one.kind == "connectome"]
        shown = [one for one in fits if one.kind == "QA"]
        wanted += shown[: most_qa if is_pictured else 0]
        hidden_qa += max(0, len(shown) - (most_qa if is_pictured else 0))
    left_out = []
    if len(indices) > _MOST_PICTURED:
        left_out.append(f"The scans after the first {_MOST_PICTURED:,} have their numbers, and no pictures.")
    if hidden_qa:
        left_out.append(f"{hidden_qa:,} more QA pictures lie beside the outputs (`opsctl results DIR --what qa`).")
    if too_large:
        left_out.append(f"{too_large:,} files over {_LARGEST_BYTES // 1_000_000} MB are not shown.")
    return AssetSelection(tuple(wanted), tuple(left_out))


def fetch(
    wanted: Sequence[Asset],
    storage: Storage,
    *,
    decode: Callable[[Asset, bytes], _T],
    on_file: Callable[[Asset], None],
) -> dict[Asset, _T | Problem]:
    """Read the files in parallel and make of each what the report shows; one that cannot be read stops nothing.

    Parameters
    ----------
    develop
        Called in several threads with each file's bytes, which are not kept; may raise `Problem`.
    on_file
        Told of each file, whatever became of it.
    """

    def one(item: Asset) -> _T | Problem:
        try:
            return decode(item, _body(item, storage))
        except Problem as problem:
            return problem
        finally:
            on_file(item)

    with ThreadPoolExecutor(_THREADS) as pool:
        return dict(zip(wanted, pool.map(one, wanted), strict=True))


def _files(index: int, result: Result | None) -> list[Asset]:
    if result is None:
        return []
    connectomes = set(result.connectomes)
    return [
        Asset(
            index=index,
            kind="connectome" if one.uri in connectomes else "QA",
            name=atlas_of(one.uri) if one.uri in connectomes else one.uri.rpartition("/")[2],
            uri=one.uri,
            size_bytes=one.size_bytes,
            sha256=one.sha256,
        )
        for one in result.files
        if one.uri in connectomes or _is_qa(one.uri)
    ]


def atlas_of(uri: str) -> str:
    """The parcellation of a connectome: m2g has a folder for each."""
    return uri.split("/")[-2]


def _is_qa(name: str) -> bool:
    return name.lower().endswith(".png") and bool({"qa_d", "qa_f"} & set(name.split("/")))


def _failed_qa(report: Report, storage: Storage, *, data_bucket: str) -> dict[int, list[Asset]]:
    """What the failed scans' last attempts left: their jobs keep it with the run's records."""
    by_run: dict[str, dict[int, int]] = defaultdict(dict)
    for scan in report.status.failed:
        origin = report.run.origin(scan.index)
        by_run[origin.run_id][origin.index] = scan.index
    found: dict[int, dict[str, list[Asset]]] = defaultdict(lambda: defaultdict(list))
    for run_id, places in by_run.items():
        folder = Location(data_bucket, f"{run_location(run_id, data_bucket=data_bucket).prefix}/failures")
        for one in storage.below(folder):
            there, attempt, *rest = one.key.removeprefix(folder.key_prefix).split("/")
            index = places.get(int(there)) if there.isdecimal() else None
            if index is not None and rest and _is_qa(one.key):
                uri = f"s3://{data_bucket}/{one.key}"
                found[index][attempt].append(
                    Asset(index=index, kind="QA", name=rest[-1], uri=uri, size_bytes=one.size_bytes)
                )
    return {index: attempts[max(attempts, key=lambda name: (len(name), name))] for index, attempts in found.items()}


def _telling_first(one: Asset) -> tuple[bool, str]:
    """By name; m2g's plots of the graphs last, for the report draws the matrix itself."""
    return "graph" in one.uri.partition("/qa_")[2], one.uri


def _numbers_only(one: Asset) -> Asset:
    return Asset(**{**vars(one), "is_pictured": False})


def _body(item: Asset, storage: Storage) -> bytes:
    location = parse_uri(item.uri)
    body = BytesIO()
    with translated(f"reading {item.uri}"):
        # The transfer reads a body again that breaks off.
        storage.client.download_fileobj(location.bucket, location.prefix, body)
    if item.sha256 and sha256(body.getbuffer()).hexdigest() != item.sha256:
        raise Problem("It is not the file that the job published: something else has written there since.")
    return body.getvalue()
