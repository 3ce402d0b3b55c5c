"""`results`: which files of a run or a dataset are downloaded, and where each goes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from opsctl.commands.results.faults import Faults
from opsctl.commands.runs.run_reader import RunReader
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.results.connectome_table import is_lost_list
from opsctl.core.results.place import WrongPlace, colliding, local_place
from opsctl.core.results.qa import is_qa
from opsctl.core.results.request import ResultsRequest
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.output_kinds import GraphKind
from opsctl.core.runs.result import OutputFile, Result
from opsctl.core.runs.result_record import ResultWarning

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

    def as_json(self, run: Run) -> dict[str, Any]:
        """The file's entry in `results --json`."""
        return {
            "scan": self.scan,
            "run_id": run.origin(self.index).run_id,
            "uri": self.file.uri,
            "path": str(self.target),
            "size_bytes": self.file.size_bytes,
            "sha256": self.file.sha256,
        }


@dataclass(frozen=True, kw_only=True)
class DownloadPlan:
    """The files to download.

    Attributes
    ----------
    run
        The run; of a dataset, the run in memory that adopted every scan from where its best result is.
    origins
        Of a dataset, the runs that its scans are from; of a run, the run.
    downloads
        All selected files, in the order of the scans; those that are complete in the folder too.
    unselected
        The other connectomes: those of them that are in the folder belong into its table.
    refused
        Why files that a result lists are not downloaded.
    results
        The results of all scans that are done, by the scan's index.
    selected
        The indices of the selected scans, done or not.
    missing
        The names of the selected scans without a result, or with a failed one.
    """

    request: ResultsRequest
    run: Run
    origins: tuple[Run, ...]
    downloads: tuple[Download, ...]
    unselected: tuple[Download, ...]
    refused: tuple[Problem, ...]
    results: Mapping[int, Result]
    selected: frozenset[int]
    missing: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """The download folder."""
        return Path(self.request.folder)

    @property
    def size_bytes(self) -> int:
        """The size of all selected files together."""
        return sum(item.file.size_bytes for item in self.downloads)

    @property
    def warnings(self) -> list[tuple[str, ResultWarning]]:
        """Why somebody should look at selected scans that are done, with the scan's name."""
        return [
            (self.run.scans[index], warning)
            for index, result in self.results.items()
            if index in self.selected
            for warning in result.warnings
        ]

    def as_json(
        self,
        *,
        present: Sequence[Download],
        faults: Faults,
        table: Path | None,
        formats: Sequence[Mapping[str, Any]] = (),
    ) -> dict[str, Any]:
        """The output of `results --json`.

        Parameters
        ----------
        present
            The files that are in the folder.
        faults
            Why others are not.
        formats
            What `--format` wrote.
        """
        return {
            "schema_version": 1,
            "run_id": None if self.request.dataset is not None else self.run.run_id,
            "dataset": self.run.dataset,
            "output": self.run.output,
            "what": self.request.what,
            "connectomes": [item.as_json(self.run) for item in present if item.is_connectome],
            "files": [item.as_json(self.run) for item in present if not item.is_connectome],
            "table": str(table) if table else None,
            "formats": list(formats),
            "missing": list(self.missing),
            "warnings": [{"scan": scan, **asdict(warning)} for scan, warning in self.warnings],
            "failed": [problem.as_json()["error"] for problem in faults],
            "error": faults.summary().as_json()["error"] if faults else None,
        }


def plan_download(reader: RunReader, request: ResultsRequest, *, origins: Sequence[Run] = ()) -> DownloadPlan:
    """List the files of the selected scans that are done, adopted ones too, and where each goes.

    Parameters
    ----------
    origins
        Of a dataset, the runs that its scans are from.

    Raises
    ------
    Problem
        When no selected scan is done, or an option selects nothing.
    """
    run, folder = reader.run, Path(request.folder)
    if not run.remaining:
        raise Problem(f"Every scan of {run.run_id} was deleted on request.", code=ErrorCode.NO_RESULTS)
    selected = request.indices(run.scans)
    # Of other scans only the connectomes that are in the folder already are of interest: for its table.
    done = {index: result for index, result in sorted(reader.results(files=True).items()) if result.succeeded}
    if not selected & done.keys():
        raise _nothing_done(request, run, is_part=len(selected) < len(run.remaining))
    downloads: list[Download] = []
    refused: list[Problem] = []
    for index, result in done.items():
        for planned in _downloads(index, result, run=run, folder=folder):
            if isinstance(planned, Download):
                downloads.append(planned)
            elif index in selected:
                refused.append(planned)
    doubled = colliding(item.place for item in downloads)
    refused += [
        _refused(run.scans[downloads[position].index], downloads[position].file.uri, "another file has that name")
        for position in sorted(doubled)
        if downloads[position].index in selected
    ]
    single = [item for position, item in enumerate(downloads) if position not in doubled]
    chosen, unselected = _chosen(single, request, selected=selected, results=done)
    return DownloadPlan(
        request=request,
        run=run,
        origins=tuple(origins) or (run,),
        downloads=tuple(chosen),
        unselected=tuple(unselected),
        refused=tuple(refused),
        results=done,
        selected=selected,
        missing=tuple(run.scans[index] for index in run.remaining if index in selected and index not in done),
    )


def _chosen(
    downloads: Sequence[Download],
    request: ResultsRequest,
    *,
    selected: frozenset[int],
    results: Mapping[int, Result],
) -> tuple[list[Download], list[Download]]:
    """The selected files, and the connectomes that are not selected."""
    what = request.what
    with_graphs = results.values() if request.kinds else ()
    kinds = {graph.uri: graph.kind for result in with_graphs for graph in result.graphs}

    def kind(item: Download) -> GraphKind | None:
        return kinds[item.file.uri] if request.kinds else None

    request.ensure_selected(
        (item.place, kind(item)) for item in downloads if item.is_connectome and item.index in selected
    )
    asked = {
        item.place
        for item in downloads
        if item.is_connectome and what != "qa" and request.selects_connectome(item.place, kind(item))
    }
    # Which regions a scan lost stands in no connectome: m2g's list comes with it.
    with_lists = {_folder(place) for place in asked}
    chosen, unselected = [], []
    for item in downloads:
        if item.is_connectome:
            is_wanted = item.place in asked
        elif what == "connectomes":
            is_wanted = is_lost_list(item.place) and _folder(item.place) in with_lists
        else:
            is_wanted = what == "all" or is_qa(item.place)
        if is_wanted and item.index in selected:
            chosen.append(item)
        elif item.is_connectome and what != "qa":
            unselected.append(item)
    return chosen, unselected


def _folder(place: str) -> str:
    return place.rpartition("/")[0]


def _nothing_done(request: ResultsRequest, run: Run, *, is_part: bool) -> Problem:
    what = f"No {'selected ' if is_part else ''}scan of {request.dataset or run.run_id}"
    hint = f"`{status_command(request, run)}` shows how far it is."
    return Problem(f"{what} is done yet.", hint, code=ErrorCode.NO_RESULTS)


def status_command(request: ResultsRequest, run: Run) -> str:
    """The command that shows why scans are missing."""
    if request.dataset is None:
        return f"opsctl status{request.run_option}"
    output_name = shlex.quote(run.output.rpartition("/")[2])
    return f"opsctl audit {shlex.quote(request.dataset)} --modif {output_name}"


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
