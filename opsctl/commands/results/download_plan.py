"""`results`: which of a run's files are downloaded, and where each goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from opsctl.commands.runs.run_reader import RunReader
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.results.place import WrongPlace, colliding, local_place
from opsctl.core.results.qa import is_qa
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import OutputFile, Result, ResultWarning, What

#: A key has 1,024 bytes.
_SHOWN = 300


@dataclass(frozen=True, kw_only=True)
class Download:
    """One file to download.

    Attributes
    ----------
    index, scan
        The scan's index in this run, and its name.
    place
        Path below the derivatives folder, with `/`; the same path is used below the download folder.
    folder
        The download folder.
    """

    index: int
    scan: str
    file: OutputFile
    place: str
    folder: Path
    is_connectome: bool

    @property
    def target(self) -> Path:
        """Where the file goes on this machine; made when asked for, because of 13,500 files it takes a second."""
        return self.folder / self.place

    def as_json(self) -> dict[str, Any]:
        """The file's entry in `results --json`."""
        return {
            "scan": self.scan,
            "uri": self.file.uri,
            "path": str(self.target),
            "size_bytes": self.file.size_bytes,
            "sha256": self.file.sha256,
        }


@dataclass(frozen=True, kw_only=True)
class DownloadPlan:
    """The files to download of a run.

    Attributes
    ----------
    folder
        The download folder.
    downloads
        All files, in the order of the scans; those that are complete in the folder too.
    refused
        Why files that a result lists are not downloaded.
    results
        The results of the done scans, by the scan's index.
    missing
        The names of the scans without a result, or with a failed one.
    """

    run: Run
    what: What
    folder: Path
    downloads: tuple[Download, ...]
    refused: tuple[Problem, ...]
    results: Mapping[int, Result]
    missing: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """The size of all files together."""
        return sum(item.file.size_bytes for item in self.downloads)

    @property
    def warnings(self) -> list[tuple[str, ResultWarning]]:
        """Why somebody should look at scans that are done, with the scan's name."""
        return [
            (self.run.scans[index], warning) for index, result in self.results.items() for warning in result.warnings
        ]

    def as_json(self, *, table: Path | None) -> dict[str, Any]:
        """The output of `results --json`."""
        return {
            "schema_version": 1,
            "run_id": self.run.run_id,
            "what": self.what,
            "connectomes": [item.as_json() for item in self.downloads if item.is_connectome],
            "files": [item.as_json() for item in self.downloads if not item.is_connectome],
            "table": str(table) if table else None,
            "missing": list(self.missing),
            "warnings": [{"scan": scan, **asdict(warning)} for scan, warning in self.warnings],
        }


def plan_download(reader: RunReader, folder: Path, *, what: What = "connectomes") -> DownloadPlan:
    """List the files of a run's done scans, adopted ones too, and where each goes below `folder`.

    Raises
    ------
    Problem
        When no scan is done.
    """
    run = reader.run
    done = {index: result for index, result in sorted(reader.results(files=True).items()) if result.succeeded}
    if not run.remaining:
        raise Problem(f"Every scan of {run.run_id} was deleted on request.", code=ErrorCode.NO_RESULTS)
    if not done:
        raise Problem(
            f"No scan of {run.run_id} is done yet.", "`opsctl status` shows how far it is.", code=ErrorCode.NO_RESULTS
        )
    downloads: list[Download] = []
    refused: list[Problem] = []
    for index, result in done.items():
        for planned in _downloads(index, result, run=run, folder=folder):
            if isinstance(planned, Problem):
                refused.append(planned)
            else:
                downloads.append(planned)
    doubled = colliding(item.place for item in downloads)
    refused += [
        _refused(run.scans[downloads[position].index], downloads[position].file.uri, "another file has that name")
        for position in sorted(doubled)
    ]
    return DownloadPlan(
        run=run,
        what=what,
        folder=folder,
        downloads=tuple(
            item
            for position, item in enumerate(downloads)
            if position not in doubled
            and (what == "all" or (item.is_connectome if what == "connectomes" else is_qa(item.place)))
        ),
        refused=tuple(refused),
        results=done,
        missing=tuple(run.scans[index] for index in run.remaining if index not in done),
    )


def _downloads(index: int, result: Result, *, run: Run, folder: Path) -> Iterator[Download | Problem]:
    connectomes = set(result.connectomes)
    for file in sorted(result.files, key=lambda file: file.uri):
        is_connectome = file.uri in connectomes
        try:
            place = local_place(run, file.uri, index, is_connectome=is_connectome)
        except WrongPlace as error:
            yield _refused(run.scans[index], file.uri, str(error))
            continue
        yield Download(
            index=index,
            scan=run.scans[index],
            file=file,
            place=place,
            folder=folder,
            is_connectome=is_connectome,
        )


def _refused(scan: str, uri: str, reason: str) -> Problem:
    return Problem(
        f"The result of {scan} names {uri[:_SHOWN]}: {reason}.",
        "Something else than the scan's job has written it.",
        code=ErrorCode.RECORD_UNREADABLE,
    )
