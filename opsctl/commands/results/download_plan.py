"""`results`: bring what a run made home, each file checked against its result's size and SHA-256."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from opsctl.commands.runs.run_reader import RunReader
from opsctl.core.errors import Problem
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import OutputFile, Result, What

_QA_FOLDERS = {"qa_d", "qa_f", "log_f"}


@dataclass(frozen=True, kw_only=True)
class Download:
    """One file to bring home.

    Attributes
    ----------
    index, scan
        The scan's, in this run.
    place
        Path below the derivatives folder, with `/`, and below the folder that it is brought to.
    """

    index: int
    scan: str
    file: OutputFile
    place: str
    target: Path
    is_connectome: bool

    def as_json(self) -> dict[str, Any]:
        """A file of `results --json`."""
        return {
            "scan": self.scan,
            "uri": self.file.uri,
            "path": str(self.target),
            "size_bytes": self.file.size_bytes,
            "sha256": self.file.sha256,
        }


@dataclass(frozen=True, kw_only=True)
class DownloadPlan:
    """What a run has to bring home.

    Attributes
    ----------
    folder
        Where it goes.
    downloads
        Scan by scan.
    seconds
        How long the attempt of each scan that is done took, by the scan's index.
    missing
        The scans that have no result yet, or a failed one.
    """

    run: Run
    what: What
    folder: Path
    downloads: tuple[Download, ...]
    seconds: dict[int, float]
    missing: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """All files together."""
        return sum(one.file.size_bytes for one in self.downloads)

    def as_json(self, *, table: Path | None) -> dict[str, Any]:
        """What `results --json` prints."""
        return {
            "schema_version": 1,
            "run_id": self.run.run_id,
            "what": self.what,
            "connectomes": [one.as_json() for one in self.downloads if one.is_connectome],
            "files": [one.as_json() for one in self.downloads if not one.is_connectome],
            "table": str(table) if table else None,
            "missing": list(self.missing),
        }


def plan_download(reader: RunReader, folder: Path, *, what: What = "connectomes") -> DownloadPlan:
    """Which files a run has, those of adopted scans too, and where each goes below `folder`.

    Raises
    ------
    Problem
        When no scan is done yet, or a result names a file outside the run's outputs.
    """
    run = reader.run
    done = {index: one for index, one in sorted(reader.results().items()) if one.succeeded}
    if not done:
        raise Problem(f"No scan of {run.run_id} is done yet.", "`opsctl status` shows how far it is.")
    return DownloadPlan(
        run=run,
        what=what,
        folder=folder,
        downloads=tuple(
            one
            for index, result in done.items()
            for one in _files(index, result, run=run, folder=folder)
            if what == "all" or (one.is_connectome if what == "connectomes" else _is_qa(one.place))
        ),
        seconds={index: _seconds(one) for index, one in done.items()},
        missing=tuple(name for index, name in enumerate(run.scans) if index not in done),
    )


def _files(index: int, result: Result, *, run: Run, folder: Path) -> Iterator[Download]:
    connectomes = set(result.connectomes)
    for file in sorted(result.files, key=lambda one: one.uri):
        place = _place(file.uri, run)
        yield Download(
            index=index,
            scan=run.scans[index],
            file=file,
            place=place,
            target=folder.joinpath(*PurePosixPath(place).parts),
            is_connectome=file.uri in connectomes,
        )


def _is_qa(place: str) -> bool:
    return bool(_QA_FOLDERS & set(place.split("/")[:-1]))


def _place(uri: str, run: Run) -> str:
    """The same tree as in the derivatives folder; a result may not point outside it."""
    inside = uri.removeprefix(f"{run.output}/")
    if inside == uri or {"", ".", ".."} & set(inside.split("/")) or "\0" in inside:
        raise Problem(f"The result names {uri}, which is not one of the outputs of {run.run_id}.")
    return inside


def _seconds(result: Result) -> float:
    started, stopped = (datetime.fromisoformat(one) for one in (result.started_at, result.stopped_at))
    return max(0.0, (stopped - started).total_seconds())
