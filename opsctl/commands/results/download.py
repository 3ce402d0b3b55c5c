"""Download a run's files into a folder that becomes a BIDS derivative dataset; intact files there are kept."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from opsctl.aws.s3.download import NotPublished, is_complete
from opsctl.aws.s3.download import download as download_file
from opsctl.aws.s3.storage import Storage
from opsctl.commands.results.download_plan import Download, DownloadPlan
from opsctl.core.errors import ErrorCode, Interrupted, Problem, write_error_code
from opsctl.core.location import parse_uri
from opsctl.core.results import connectome_table
from opsctl.whole_file import write_whole

_THREADS = 16
_DESCRIPTION = "dataset_description.json"
#: A network that is down fails for every file: after this many failures the others are not tried.
_MAX_FAULTS = 8
#: A derivative dataset is shared: its files follow the umask.
SHARED_MODE = 0o666


def free_bytes(folder: Path) -> int:
    """The free bytes of a folder's disk."""
    return shutil.disk_usage(folder).free


def download(
    plan: DownloadPlan,
    storage: Storage,
    *,
    on_file: Callable[[Download], None],
    free: Callable[[Path], int] = free_bytes,
) -> int:
    """Download the files that are not in the folder yet, each checked by size and SHA-256.

    Parameters
    ----------
    on_file
        Called with each file that is complete, from several threads.
    free
        Gives the free bytes of a folder's disk.

    Returns
    -------
    int
        How many files had to be downloaded.

    Raises
    ------
    Problem
        Before the first download: when the folder cannot be written to, lacks room, or holds another dataset. After
        the last one: when some files failed; the others are in the folder.
    Interrupted
        After Ctrl-C, with the number of files that are missing.
    """
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=plan.folder):
            pass
        _describe(plan, storage)
        with ThreadPoolExecutor(_THREADS) as pool:
            arrived = list(pool.map(lambda item: is_complete(item.target, item.file), plan.downloads))
    except OSError as error:
        raise Problem(
            f"{error.filename or plan.folder} cannot be written ({error.strerror}).",
            "Name another folder.",
            code=write_error_code(error),
        ) from error
    missing = []
    for item, has_arrived in zip(plan.downloads, arrived, strict=True):
        if has_arrived:
            on_file(item)
        else:
            missing.append(item)
    _check_room(plan.folder, missing, free)
    _Downloader(plan, storage, on_file).run(missing)
    return len(missing)


def _check_room(folder: Path, missing: list[Download], free: Callable[[Path], int]) -> None:
    def remaining_bytes(item: Download) -> int:
        part = item.target.with_name(f"{item.target.name}.part")
        return max(0, item.file.size_bytes - (part.stat().st_size if part.is_file() else 0))

    needed, room = sum(map(remaining_bytes, missing)), free(folder)
    if needed > room:
        raise Problem(
            f"{needed / 1e6:,.1f} MB are to come, and the disk of {folder} has {room / 1e6:,.1f} MB left.",
            "Make room, or name another folder.",
            code=ErrorCode.DISK_FULL,
        )


class _Downloader:
    """Downloads several files at once; one file's failure does not stop the others."""

    def __init__(self, plan: DownloadPlan, storage: Storage, on_file: Callable[[Download], None]) -> None:
        self._plan = plan
        self._client = storage.client
        self._on_file = on_file
        self._stop = Event()
        self._completed: list[Download] = []
        self._faults: list[Problem] = []

    def run(self, downloads: list[Download]) -> None:
        """Download all, or raise with how many are missing and why."""
        again = f"`opsctl results {self._plan.folder}` goes on where this stopped."
        with ThreadPoolExecutor(_THREADS) as pool:
            try:
                list(pool.map(self._download, downloads))
            except KeyboardInterrupt as error:
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                missing = len(downloads) - len(self._completed)
                raise Interrupted(f"Stopped: {_files(missing)} still to come.", again) from error
            finally:
                self._stop.set()
        if self._faults:
            first = self._faults[0]
            missing = len(downloads) - len(self._completed)
            count = f"{_files(missing)} of {len(self._plan.downloads):,} missing:"
            raise Problem(f"{count} {first.what}", f"{first.hint} {again}".strip(), code=first.code) from first

    def _download(self, item: Download) -> None:
        if self._stop.is_set():
            return
        try:
            download_file(self._client, item.file, item.target, stop=self._stop)
        except Interrupted:
            return
        except OSError as error:
            # A disk that refuses one file will refuse the next.
            self._stop.set()
            what = f"{error.filename or item.target} cannot be written ({error.strerror})."
            self._faults.append(Problem(what, "Make room, or name another folder.", code=write_error_code(error)))
        except Problem as problem:
            self._faults.append(problem)
            if sum(not isinstance(fault, NotPublished) for fault in self._faults) >= _MAX_FAULTS:
                self._stop.set()
        else:
            self._completed.append(item)
            self._on_file(item)


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"


def _describe(plan: DownloadPlan, storage: Storage) -> None:
    """Write a BIDS derivative's top-level files; another dataset's folder is refused."""
    output = parse_uri(plan.run.output)
    published = storage.get_json(output.bucket, f"{output.prefix}/{_DESCRIPTION}")
    path = plan.folder / _DESCRIPTION
    if path.exists() and not connectome_table.is_same_dataset(_json(path), published):
        raise Problem(
            f"{plan.folder} holds another dataset ({path} says so).",
            "Name another folder.",
            code=ErrorCode.OUTPUT_IN_USE,
        )
    if published is not None:
        _write(path, json.dumps(published, indent=2, ensure_ascii=False) + "\n")
    if not list(plan.folder.glob("README*")):
        readme = connectome_table.readme(plan.run.run_id, plan.run.dataset, image=plan.run.image)
        _write(plan.folder / "README.md", readme)
    if not (plan.folder / ".bidsignore").exists():
        _write(plan.folder / ".bidsignore", connectome_table.BIDSIGNORE)


def _write(path: Path, text: str) -> None:
    write_whole(path, text, mode=SHARED_MODE)


def _json(path: Path) -> object:
    try:
        value: object = json.loads(path.read_bytes())
    except ValueError:
        return None
    return value
