"""A scan's result, as its job wrote it to S3: a scan is done when its result says `succeeded`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from msgspec import Struct

from opsctl.core import bounded
from opsctl.core.record import SCHEMA_VERSION, RecordReader
from opsctl.core.record_body import short_record_body
from opsctl.core.runs.files_digest import files_digest
from opsctl.core.runs.output_kinds import GraphKind, WarningCode
from opsctl.core.runs.output_texts import place_of, wrong_text

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

    # Forms of their own for these texts would take most of the time that a result with 50 files takes to read:
    # `wrong_text` checks all of a result's at once.
    uri: bounded.Text
    size_bytes: bounded.SizeBytes
    sha256: bounded.Text
    etag: bounded.Text = ""

    def is_intact(self, obj: S3Object | None) -> bool:
        """Whether the object of its address is the one that the job wrote; None: there is no object."""
        return obj is not None and (obj.size_bytes, obj.etag) == (self.size_bytes, self.etag)


class Graph(Struct, frozen=True, kw_only=True, gc=False):
    """What one connectome's file holds.

    Attributes
    ----------
    uri
        Of the file; a failed scan's lies in its run's `failures/` folder.
    atlas
        The atlas's folder without `.nii.gz`, such as `Desikan_space-MNI152NLin6_res-2x2x2`.
    nodes
        Number of nodes with an edge.
    edges
        Number of pairs of different nodes with a weight other than 0.
    regions
        Number of the atlas's regions at the run's voxel size; None where unknown.
    lost
        Number of regions that this scan has no voxel of.
    """

    uri: bounded.Text
    atlas: bounded.Text
    kind: GraphKind
    nodes: bounded.Count
    edges: bounded.Count
    regions: bounded.Count | None
    lost: bounded.Count


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultWarning:
    """A reason to look at a scan that has its connectomes.

    Attributes
    ----------
    atlas
        As in `Graph`.
    text
        A plain sentence.
    """

    code: WarningCode
    atlas: bounded.FolderName
    text: bounded.Cause


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
        S3 addresses of the connectomes, and all files.
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
        """A copy of 1 kB instead of 50; it raises ValueError where `connectomes`, `files` or `graphs` are looked at."""
        return replace(
            self,
            connectomes=_NOT_READ,
            files=_NOT_READ,
            graphs=_NOT_READ,
            file_count=len(self.files),
            files_digest=_digest(self.files),
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
        record = _SHORT_READER.decode(data, uri)
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
        record = _READER.decode(data, uri)
        outputs = record.outputs
        return cls(
            connectomes=outputs.connectomes,
            files=outputs.files,
            graphs=outputs.graphs,
            folder=record.folder if record.status == "succeeded" else "",
            **_common(record),
        )

    @classmethod
    def decode_without_files(cls, data: bytes, uri: str) -> Result:
        """Read `results/INDEX.json` as `decode` does, and leave out what `without_files` does.

        Raises
        ------
        UnreadableRecord
            As `decode`, so that no command calls a result readable that another cannot read.
        """
        record = _READER.decode(data, uri)
        files = record.outputs.files
        return cls(
            connectomes=_NOT_READ,
            files=_NOT_READ,
            graphs=_NOT_READ,
            folder=record.folder if record.status == "succeeded" else "",
            file_count=len(files),
            files_digest=_digest(files),
            **_common(record),
        )


class _Outputs(Struct, frozen=True, kw_only=True):
    connectomes: tuple[bounded.Text, ...]
    files: tuple[OutputFile, ...]
    graphs: tuple[Graph, ...] = ()


class _Fields(Struct, frozen=True, kw_only=True):
    """What a result says besides its outputs."""

    index: bounded.Index
    scan: bounded.ScanName
    key: bounded.Text
    status: Literal["succeeded", "failed"]
    cause: bounded.Cause
    exit_code: bounded.ExitCode
    attempt: bounded.AttemptNumber
    started_at: bounded.Moment
    stopped_at: bounded.Moment
    seconds: Mapping[bounded.Text, bounded.Seconds]
    peak_memory_mib: bounded.Mib
    log_stream: bounded.LogStream
    job_id: bounded.JobId
    cause_code: bounded.Text = ""
    facts: bounded.Facts = {}
    warnings: tuple[ResultWarning, ...] = ()
    peak_disk_mib: bounded.Mib = 0
    schema_version: Any = None


_COMMON_FIELDS = tuple(name for name in _Fields.__struct_fields__ if name != "schema_version")
_common_values = attrgetter(*_COMMON_FIELDS)


def _common(record: _Fields) -> dict[str, Any]:
    """What a result and its record have in common, by name."""
    return dict(zip(_COMMON_FIELDS, _common_values(record), strict=True))


def _digest(files: Iterable[OutputFile]) -> str:
    return files_digest([f"{file.uri}\n{file.size_bytes}\n{file.etag}\n" for file in files])


class _ShortRecord(_Fields, frozen=True, kw_only=True):
    """A result in this machine's cache."""

    folder: bounded.Text
    file_count: bounded.Count
    files_digest: bounded.Text


_SHORT_FIELDS = tuple(name for name in _ShortRecord.__struct_fields__ if name != "schema_version")
_short_values = attrgetter(*_SHORT_FIELDS)


class _ResultRecord(_Fields, frozen=True, kw_only=True):
    """A result under the runner's names."""

    outputs: _Outputs

    @property
    def folder(self) -> str:
        """Where the outputs of a succeeded scan lie, judged by the first one; the files of a result share one."""
        if not self.outputs.files:
            return ""
        return self.outputs.files[0].uri.partition(f"/{self.scan}/")[0] + f"/{self.scan}"


_CONTROL = r"\x00-\x1f\x7f-\x9f"
_FOLDER = re.compile(rf"s3://[^/]+/(?:[^/{_CONTROL}]+/)+derivatives/[^/{_CONTROL}]+")


def _inconsistency(result: _ResultRecord, uri: str) -> str:
    """What is wrong with a result whose single fields are valid; empty where nothing is.

    container/m2g_job/result_check.py says the same, so that a job writes again what opsctl cannot read.
    """
    run_uri, _, name = uri.rpartition("/results/")
    if name != f"{result.index:05d}.json":
        return f"it is of scan {result.index}, not of the one where it lies"
    outputs = result.outputs
    if result.status == "failed":
        folder = f"{run_uri}/failures/{result.index:05d}"
    else:
        # The one rule of what is done: m2g ends well only with connectomes, one of which at least is not empty. For an
        # atlas of which no two regions are connected, m2g writes an empty file.
        if not outputs.connectomes:
            return "`outputs.connectomes` is empty, although `status` is succeeded"
        folder = result.folder
        if not result.scan or not _FOLDER.fullmatch(folder.removesuffix(f"/{result.scan}")):
            return "`outputs` is wrong (they are not in the scan's folder in a derivative)"
        if folder.split("/")[:3] != uri.split("/")[:3]:
            return f"`outputs` is wrong ({folder} is in another bucket)"
    if wrong := wrong_text(outputs.files, outputs.connectomes, outputs.graphs, folder=folder):
        return wrong
    sizes = _sizes_of(outputs.connectomes, outputs.files)
    if None in sizes:
        return "`outputs.connectomes` is wrong (a connectome is not one of the files)"
    if result.status == "succeeded" and not any(sizes):
        return "`outputs.files` is wrong (each connectome has 0 bytes)"
    return ""


def _sizes_of(connectomes: tuple[str, ...], files: tuple[OutputFile, ...]) -> list[int | None]:
    """Of the file of each connectome; None where there is none."""
    place = place_of(list(connectomes), [file.uri for file in files])
    if place is not None:
        return [file.size_bytes for file in files[place : place + len(connectomes)]]
    size_of = {file.uri: file.size_bytes for file in files}
    return [size_of.get(connectome) for connectome in connectomes]


_READER = RecordReader(
    _ResultRecord,
    hint="Until it is restored or deleted, the scan counts as one without a result.",
    check=_inconsistency,
)


def _short_inconsistency(result: _ShortRecord, uri: str) -> str:
    if not uri.endswith(f"/results/{result.index:05d}.json"):
        return f"it is of scan {result.index}, not of the one where it lies"
    bucket = "/".join(uri.split("/")[:3])
    return "" if not result.folder or result.folder.startswith(f"{bucket}/") else "`folder` is wrong"


_SHORT_READER = RecordReader(_ShortRecord, hint="", check=_short_inconsistency)
