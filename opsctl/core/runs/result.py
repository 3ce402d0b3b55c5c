"""A scan's result, as its job wrote it to S3: a scan is done when its result says `succeeded`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from msgspec import Struct

from opsctl.core.record import SCHEMA_VERSION
from opsctl.core.record_body import short_record_body
from opsctl.core.runs.files_digest import files_digest
from opsctl.core.runs.result_record import (
    NO_OUTPUTS,
    RESULT_READER,
    SHORT_READER,
    GraphRecord,
    Outputs,
    ResultFields,
    ResultWarning,
    ShortRecord,
)

if TYPE_CHECKING:
    from opsctl.core.dataset.scan import S3Object


class _NotRead(tuple[Any, ...]):
    """In place of a result's files where they were left out: whoever looks at them gets an error, not an empty list."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        self._refuse()

    def __len__(self) -> int:
        self._refuse()

    def __getitem__(self, _: Any) -> Any:
        self._refuse()

    def __contains__(self, _: object) -> bool:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise ValueError("the results were read without their files")


_NOT_READ = _NotRead()


# 100 of the next two are made for a result with 45 connectomes: msgspec makes its own classes' objects in half the time
# of a dataclass's. They hold no other objects, so the garbage collector need not know them.
class OutputFile(Struct, frozen=True, kw_only=True, gc=False):
    """One published file.

    Attributes
    ----------
    sha256
        Hexadecimal.
    etag
        S3's, without quotes; empty where the job does not know it.
    """

    uri: str
    size_bytes: int
    sha256: str
    etag: str = ""

    def is_intact(self, obj: S3Object | None) -> bool:
        """Whether the object of its address is the one that the job wrote; None: there is no object."""
        return obj is not None and (obj.size_bytes, obj.etag) == (self.size_bytes, self.etag)


class Graph(GraphRecord, frozen=True, kw_only=True, gc=False):
    """One connectome's file, and what it holds.

    Attributes
    ----------
    uri
        Of the file; a failed scan's lies in its run's `failures/` folder.
    """

    uri: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What one job made of its scan.

    Attributes
    ----------
    status
        `succeeded` or `failed`.
    cause
        Why it failed, in words; empty when it succeeded.
    cause_code
        The code of the cause (`opsctl.core.diagnosis.cause_code`); empty when it succeeded.
    facts
        What the cause is made of.
    seconds
        Duration by phase: `pull`, `m2g`, `push`.
    peak_memory_mib
        Peak of the memory that all of m2g's processes used together.
    connectomes, files
        S3 addresses of the connectomes, and all files; none where the scan failed.
    graphs
        What each connectome holds; a failed scan's are those that it finished.
    warnings
        In the order of the atlases.
    peak_disk_mib
        Peak of the scratch folder's size.
    folder
        The S3 address of the folder that the files of a succeeded scan are in; empty where it has none.
    file_count, files_digest
        How many files a result without its files has, and their digest (`opsctl.core.runs.files_digest`).
    """

    index: int
    scan: str
    key: str
    status: Literal["succeeded", "failed"]
    cause: str
    exit_code: int
    attempt: int
    started_at: str
    stopped_at: str
    seconds: Mapping[str, float]
    peak_memory_mib: int
    connectomes: tuple[str, ...]
    files: tuple[OutputFile, ...]
    log_stream: str
    job_id: str
    cause_code: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict, hash=False)
    graphs: tuple[Graph, ...] = ()
    warnings: tuple[ResultWarning, ...] = ()
    peak_disk_mib: int = 0
    folder: str = ""
    file_count: int = 0
    files_digest: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the scan is done."""
        return self.status == "succeeded"

    @property
    def total_seconds(self) -> float:
        """Duration of all phases together."""
        return sum(self.seconds.values())

    def contradiction(self, scan: str, folder: str) -> str:
        """Why it cannot be the result of a scan of a run; empty where it can.

        Parameters
        ----------
        scan, folder
            The scan's name, and the S3 address of its outputs.
        """
        if self.scan != scan and (self.scan or self.succeeded):
            return f"it is of the scan {self.scan}, not of {scan}"
        return f"its files are in {self.folder}, not in {folder}" if self.folder not in ("", folder) else ""

    def without_files(self) -> Result:
        """A copy of 1 kB instead of 30; it raises ValueError where `connectomes`, `files` or `graphs` are looked at."""
        return replace(
            self,
            connectomes=_NOT_READ,
            files=_NOT_READ,
            graphs=_NOT_READ,
            file_count=len(self.files),
            files_digest=_digest(self.folder, self.files),
        )

    def short_body(self) -> bytes:
        """A result without its files as `decode_short` reads it: 1 kB for this machine's cache."""
        if not all(value is _NOT_READ for value in (self.connectomes, self.files, self.graphs)):
            raise ValueError("the result has its files")
        values = dict(zip(_SHORT_FIELDS, _short_values(self), strict=True))
        return short_record_body({"schema_version": SCHEMA_VERSION, **values})

    @classmethod
    def decode_short(cls, data: bytes, uri: str) -> Result:
        """Read what `short_body` wrote.

        Raises
        ------
        UnreadableRecord
            If it is damaged, or of another version.
        """
        record = SHORT_READER.decode(data, uri)
        values = dict(zip(_SHORT_FIELDS, _short_values(record), strict=True))
        return cls(connectomes=_NOT_READ, files=_NOT_READ, graphs=_NOT_READ, **values)

    @classmethod
    def decode(cls, data: bytes, uri: str) -> Result:
        """Read `results/INDEX.json`, which the runner wrote.

        Raises
        ------
        UnreadableRecord
            If it is damaged, or of another version.
        """
        record = RESULT_READER.decode(data, uri)
        files, graphs = _files_and_graphs(record.outputs)
        if record.status == "failed":
            return cls(connectomes=(), files=(), graphs=graphs, **_common(record))
        connectomes = tuple(graph.uri for graph in graphs)
        return cls(connectomes=connectomes, files=files, graphs=graphs, folder=record.outputs.folder, **_common(record))

    @classmethod
    def decode_without_files(cls, data: bytes, uri: str) -> Result:
        """Read `results/INDEX.json` as `decode` does, and leave out what `without_files` does.

        Raises
        ------
        UnreadableRecord
            As `decode`, so that no command calls a result readable that another cannot read.
        """
        record = RESULT_READER.decode(data, uri)
        outputs = record.outputs if record.status == "succeeded" else NO_OUTPUTS
        return cls(
            connectomes=_NOT_READ,
            files=_NOT_READ,
            graphs=_NOT_READ,
            folder=outputs.folder,
            file_count=len(outputs.files),
            files_digest=files_digest([f"{file.path}\n{file.size_bytes}\n{file.etag}\n" for file in outputs.files]),
            **_common(record),
        )


_COMMON_FIELDS = tuple(name for name in ResultFields.__struct_fields__ if name != "schema_version")
_common_values = attrgetter(*_COMMON_FIELDS)


def _common(record: ResultFields) -> dict[str, Any]:
    """What a result and its record have in common, by name."""
    return dict(zip(_COMMON_FIELDS, _common_values(record), strict=True))


def _files_and_graphs(outputs: Outputs) -> tuple[tuple[OutputFile, ...], tuple[Graph, ...]]:
    files, graphs = [], []
    for file in outputs.files:
        uri = f"{outputs.folder}/{file.path}"
        files.append(OutputFile(uri=uri, size_bytes=file.size_bytes, sha256=file.sha256, etag=file.etag))
        if (graph := file.graph) is not None:
            graphs.append(
                Graph(
                    uri=uri,
                    atlas=graph.atlas,
                    kind=graph.kind,
                    nodes=graph.nodes,
                    edges=graph.edges,
                    regions=graph.regions,
                    lost=graph.lost,
                )
            )
    return tuple(files), tuple(graphs)


def _digest(folder: str, files: Iterable[OutputFile]) -> str:
    start = len(folder) + 1
    return files_digest([f"{file.uri[start:]}\n{file.size_bytes}\n{file.etag}\n" for file in files])


_SHORT_FIELDS = tuple(name for name in ShortRecord.__struct_fields__ if name != "schema_version")
_short_values = attrgetter(*_SHORT_FIELDS)
