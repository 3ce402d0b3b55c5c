"""Fetching a run's files: what is here and right stays, the rest comes, and the folder becomes a BIDS derivative."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from opsctl.aws.s3.download import NotPublished, is_right, replace_file
from opsctl.aws.s3.download import download as download_file
from opsctl.aws.s3.storage import Storage
from opsctl.commands.results.download_plan import Download, DownloadPlan
from opsctl.core.errors import Interrupted, Problem
from opsctl.core.location import parse_uri
from opsctl.core.results import connectome_table
from opsctl.core.results.connectome import GraphSize, size_of

_THREADS = 16
_DESCRIPTION = "dataset_description.json"
#: A network that is down fails for every file: after so many, the others are not tried.
_MOST_FAULTS = 8
#: No matrix or edge list is as large; whatever this is, it is not read into memory to be counted.
_MOST_BYTES = 512 * 1024 * 1024


def free_bytes(folder: Path) -> int:
    """How much room there is."""
    return shutil.disk_usage(folder).free


def download(
    plan: DownloadPlan,
    storage: Storage,
    *,
    on_file: Callable[[Download], None],
    free: Callable[[Path], int] = free_bytes,
) -> int:
    """Download everything that is not here yet, and check every byte; how many files had to be fetched.

    Parameters
    ----------
    on_file
        Told of each file that is here and right; from several threads.

    Raises
    ------
    Problem
        Before anything is fetched: when the folder cannot be written to, has no room, or is another dataset's. Then:
        when some files did not come; the others are here.
    Interrupted
        After Ctrl-C, with how many files are still to come.
    """
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=plan.folder):
            pass
        _describe(plan, storage)
        with ThreadPoolExecutor(_THREADS) as pool:
            rights = list(pool.map(lambda one: is_right(one.target, one.file), plan.downloads))
    except OSError as error:
        raise Problem(
            f"{error.filename or plan.folder} cannot be written ({error.strerror}).", "Name another folder."
        ) from error
    for one, right in zip(plan.downloads, rights, strict=True):
        if right:
            on_file(one)
    wanted = [one for one, right in zip(plan.downloads, rights, strict=True) if not right]
    _check_room(plan.folder, wanted, free)
    _Fetching(plan, storage, on_file).run(wanted)
    return len(wanted)


def _check_room(folder: Path, wanted: list[Download], free: Callable[[Path], int]) -> None:
    def to_come(one: Download) -> int:
        part = one.target.with_name(f"{one.target.name}.part")
        return max(0, one.file.size_bytes - (part.stat().st_size if part.is_file() else 0))

    needed, room = sum(map(to_come, wanted)), free(folder)
    if needed > room:
        raise Problem(
            f"{needed / 1e6:,.1f} MB are to come, and the disk of {folder} has {room / 1e6:,.1f} MB left.",
            "Make room, or name another folder.",
        )


class _Fetching:
    """Several files at once; what one file meets does not keep the others from coming."""

    def __init__(self, plan: DownloadPlan, storage: Storage, on_file: Callable[[Download], None]) -> None:
        self._plan = plan
        self._client = storage.client
        self._on_file = on_file
        self._stop = Event()
        self._arrived: list[Download] = []
        self._faults: list[Problem] = []

    def run(self, wanted: list[Download]) -> None:
        """Fetch them all, or say how many are missing and why."""
        again = f"`opsctl results {self._plan.folder}` goes on where this stopped."
        with ThreadPoolExecutor(_THREADS) as pool:
            try:
                list(pool.map(self._one, wanted))
            except KeyboardInterrupt as error:
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                left = len(wanted) - len(self._arrived)
                raise Interrupted(f"Stopped: {_files(left)} still to come.", again) from error
            finally:
                self._stop.set()
        if self._faults:
            first = self._faults[0]
            missing = f"{_files(len(wanted) - len(self._arrived))} of {len(self._plan.downloads):,} missing:"
            raise Problem(f"{missing} {first.what}", f"{first.hint} {again}".strip()) from first

    def _one(self, one: Download) -> None:
        if self._stop.is_set():
            return
        try:
            download_file(self._client, one.file, one.target, stop=self._stop)
        except Interrupted:
            return
        except OSError as error:
            # The disk refuses one file: it will refuse the next.
            self._stop.set()
            what = f"{error.filename or one.target} cannot be written ({error.strerror})."
            self._faults.append(Problem(what, "Make room, or name another folder."))
        except Problem as problem:
            self._faults.append(problem)
            if sum(not isinstance(fault, NotPublished) for fault in self._faults) >= _MOST_FAULTS:
                self._stop.set()
        else:
            self._arrived.append(one)
            self._on_file(one)


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"


def _describe(plan: DownloadPlan, storage: Storage) -> None:
    """What a BIDS derivative has at its top; nothing of another dataset is written over."""
    home = parse_uri(plan.run.output)
    there = storage.get_json(home.bucket, f"{home.prefix}/{_DESCRIPTION}")
    path = plan.folder / _DESCRIPTION
    if path.exists() and not connectome_table.is_same_dataset(_json(path), there):
        raise Problem(f"{plan.folder} holds another dataset ({path} says so).", "Name another folder.")
    if there is not None:
        replace_file(path, (json.dumps(there, indent=2, ensure_ascii=False) + "\n").encode())
    if not list(plan.folder.glob("README*")):
        replace_file(plan.folder / "README.md", connectome_table.readme(plan.run.run_id, plan.run.dataset).encode())
    if not (plan.folder / ".bidsignore").exists():
        replace_file(plan.folder / ".bidsignore", connectome_table.BIDSIGNORE.encode())


def _json(path: Path) -> object:
    try:
        value: object = json.loads(path.read_bytes())
    except ValueError:
        return None
    return value


def write_table(plan: DownloadPlan, costs: Mapping[int, float]) -> Path:
    """Write `connectomes.tsv` and its sidecar, in one step each.

    Parameters
    ----------
    costs
        USD by the scan's index, of the scans whose cost is known.

    Raises
    ------
    Problem
        When the disk refuses it.
    """
    rows = [
        connectome_table.ConnectomeRow(
            scan=one.scan,
            file=one.place,
            size=_size(one.target),
            seconds=plan.seconds.get(one.index),
            cost_usd=costs.get(one.index),
        )
        for one in plan.downloads
        if one.is_connectome
    ]
    path = plan.folder / connectome_table.NAME
    try:
        sidecar = json.dumps(connectome_table.COLUMNS, indent=2, ensure_ascii=False) + "\n"
        replace_file(plan.folder / connectome_table.SIDECAR_NAME, sidecar.encode())
        replace_file(path, connectome_table.table(rows).encode())
    except OSError as error:
        raise Problem(f"{path} cannot be written ({error.strerror}).", "Make room, then type it again.") from error
    return path


def _size(path: Path) -> GraphSize | None:
    if path.stat().st_size > _MOST_BYTES:
        return None
    try:
        return size_of(path.read_text(errors="replace"))
    except Problem:
        return None
