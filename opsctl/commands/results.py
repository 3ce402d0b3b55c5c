"""`results`: bring the connectomes home, each checked against its result's SHA-256."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from opsctl.aws.s3 import Storage, file_sha256
from opsctl.commands.records import Records
from opsctl.core.errors import Problem
from opsctl.core.manifest import Run
from opsctl.core.result import OutputFile, Result

_THREADS = 8


@dataclass(frozen=True, kw_only=True)
class Download:
    """One file to bring home."""

    scan: str
    file: OutputFile
    target: Path


@dataclass(frozen=True, kw_only=True)
class Haul:
    """What a run has to bring home.

    Attributes
    ----------
    missing
        The scans that have no result yet, or a failed one.
    """

    run: Run
    downloads: tuple[Download, ...]
    missing: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """What `results --json` prints."""
        return {
            "run_id": self.run.run_id,
            "connectomes": [
                {"scan": one.scan, "uri": one.file.uri, "path": str(one.target), "size_bytes": one.file.size_bytes}
                for one in self.downloads
            ],
            "missing": list(self.missing),
        }


def collect(run_id: str | None, folder: Path, *, records: Records) -> Haul:
    """Which connectomes a run has, and where each goes below `folder`.

    Raises
    ------
    Problem
        When no scan is done yet.
    """
    run = records.run(run_id)
    results = records.results(run.run_id)
    done = [result for result in results.values() if result.succeeded]
    if not done:
        raise Problem(f"No scan of {run.run_id} is done yet.", "`opsctl status` shows how far it is.")
    return Haul(
        run=run,
        downloads=tuple(
            Download(scan=result.scan, file=file, target=_target(folder, file.uri, run))
            for result in done
            for file in _connectomes(result)
        ),
        missing=tuple(name for index, name in enumerate(run.scans) if index not in {one.index for one in done}),
    )


def fetch(haul: Haul, storage: Storage, *, on_file: Callable[[Download], None]) -> None:
    """Download everything that is not here yet, and check every byte.

    Raises
    ------
    Problem
        When a file's SHA-256 is not what its job recorded, or the disk refuses it.
    """

    def one(download: Download) -> None:
        try:
            if not (download.target.is_file() and file_sha256(download.target) == download.file.sha256):
                storage.download(download.file.uri, download.target, sha256=download.file.sha256)
        except OSError as error:
            raise Problem(f"{download.target} cannot be written ({error.strerror}).", "Name another folder.") from error
        on_file(download)

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(one, haul.downloads))


def _connectomes(result: Result) -> list[OutputFile]:
    wanted = set(result.connectomes)
    return [file for file in result.files if file.uri in wanted]


def _target(folder: Path, uri: str, run: Run) -> Path:
    """The same tree as in the derivatives folder; a result may not point outside it."""
    inside = uri.removeprefix(f"{run.output}/")
    if inside == uri or {"", ".", ".."} & set(inside.split("/")):
        raise Problem(f"The result names {uri}, which is not one of the outputs of {run.run_id}.")
    return folder.joinpath(*PurePosixPath(inside).parts)
