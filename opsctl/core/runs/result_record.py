"""A scan's result as its job wrote it, and as this machine's cache keeps it: their fields, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct

from opsctl.core import bounded
from opsctl.core.location import is_plain_path
from opsctl.core.record import RecordReader
from opsctl.core.runs.output_kinds import GraphKind, WarningCode

#: So many characters of a wrong path are shown.
_SHOWN = 150
_LONGEST_NAME = 255
#: Of ASCII, what cannot be printed. To look for these bytes takes a tenth of `str.isprintable`'s time.
_CONTROL = bytes([*range(0x20), 0x7F])
_HEXADECIMAL = b"0123456789abcdef"
_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_FOLDER = re.compile(rf"s3://[^/]+/(?:[^/{_CONTROLS}]+/)+derivatives/[^/{_CONTROLS}]+")


# Some 50 of each of the next two are made for a result with 45 connectomes: msgspec makes its own classes' objects in
# half the time of a dataclass's. None of them is part of a circle, so the garbage collector need not know them.
class GraphRecord(Struct, frozen=True, kw_only=True, gc=False):
    """What one connectome's file holds.

    Attributes
    ----------
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

    # `_wrong_text` checks the form.
    atlas: bounded.Text
    kind: GraphKind
    nodes: bounded.Count
    edges: bounded.Count
    regions: bounded.Count | None
    lost: bounded.Count


class FileRecord(Struct, frozen=True, kw_only=True, gc=False):
    """One file of a result, under the runner's names; `graph` where it is a connectome."""

    # Forms of their own for these texts would take most of the time that a result with 50 files takes to read:
    # `_wrong_text` checks all of a result's at once.
    path: bounded.Text
    size_bytes: bounded.SizeBytes
    sha256: bounded.Text
    etag: bounded.Text = ""
    graph: GraphRecord | None = None


class Outputs(Struct, frozen=True, kw_only=True):
    """The files of a result; each path begins in the folder."""

    folder: bounded.Text
    files: tuple[FileRecord, ...]


#: Of a scan that failed.
NO_OUTPUTS = Outputs(folder="", files=())


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


class ResultFields(Struct, frozen=True, kw_only=True):
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


class ResultRecord(ResultFields, frozen=True, kw_only=True):
    """A result under the runner's names."""

    outputs: Outputs


class ShortRecord(ResultFields, frozen=True, kw_only=True):
    """A result in this machine's cache."""

    folder: bounded.Text
    file_count: bounded.Count
    files_digest: bounded.Text


def _inconsistency(result: ResultRecord, uri: str) -> str:
    """What is wrong with a result whose single fields are valid; empty where nothing is.

    container/m2g_job/result_check.py says the same, so that a job writes again what opsctl cannot read.
    """
    run_uri, _, name = uri.rpartition("/results/")
    if name != f"{result.index:05d}.json":
        return f"it is of scan {result.index}, not of the one where it lies"
    folder, files = result.outputs.folder, result.outputs.files
    if result.status == "failed":
        if folder != f"{run_uri}/failures/{result.index:05d}":
            return "`outputs.folder` is wrong (it is not the run's folder for this scan's failures)"
    else:
        derivative, _, after = folder.rpartition(f"/{result.scan}")
        if after or not result.scan or not _FOLDER.fullmatch(derivative):
            return "`outputs.folder` is wrong (it is not the scan's folder in a derivative)"
        if folder.split("/")[:3] != uri.split("/")[:3]:
            return f"`outputs.folder` is wrong ({folder} is in another bucket)"
        # The one rule of what is done: m2g ends well only with connectomes, one of which at least is not empty. For an
        # atlas of which no two regions are connected, m2g writes an empty file.
        if not any(file.size_bytes for file in files if file.graph):
            return "`outputs.files` names no connectome that is not empty, although `status` is succeeded"
    return _wrong_text(files)


def _wrong_text(files: Sequence[FileRecord]) -> str:
    """Which text of a result's files and graphs is wrong; empty where none is."""
    paths = [file.path for file in files]
    # Paths with a `/` between them are one path: it is plain where each of them is.
    if paths and not _is_plain("/".join(paths)):
        wrong = next(path for path in paths if not is_plain_path(path))
        return f"`outputs.files` is wrong ({wrong[:_SHOWN]!r} is no path in a folder)"
    atlases = {file.graph.atlas for file in files if file.graph}
    names = "/".join(atlases)
    if atlases and (max(map(len, atlases)) > _LONGEST_NAME or names.count("/") >= len(atlases) or not _is_plain(names)):
        return "`outputs.files` is wrong (an `atlas` is no name of a folder)"
    if not _are_sha256([file.sha256 for file in files]):
        return "`outputs.files` is wrong (a `sha256` has another form than opsctl writes)"
    return ""


def _is_plain(path: str) -> bool:
    """The same as `is_plain_path`; of a path of printable characters a few searches tell it."""
    between = f"/{path}/"
    if _is_printable(path) and "//" not in between and "/." not in between and "\\" not in path:
        return True
    return is_plain_path(path)


def _are_sha256(texts: Sequence[str]) -> bool:
    """Whether each text has 64 hexadecimal digits in lower case; in a tenth of a pattern's time."""
    together = "".join(texts)
    is_long = set(map(len, texts)) <= {64}
    return is_long and together.isascii() and not together.encode().translate(None, _HEXADECIMAL)


def _is_printable(text: str) -> bool:
    if not text.isascii():
        return text.isprintable()
    return len(text.encode().translate(None, _CONTROL)) == len(text)


def _short_inconsistency(result: ShortRecord, uri: str) -> str:
    if not uri.endswith(f"/results/{result.index:05d}.json"):
        return f"it is of scan {result.index}, not of the one where it lies"
    bucket = "/".join(uri.split("/")[:3])
    return "" if not result.folder or result.folder.startswith(f"{bucket}/") else "`folder` is wrong"


#: Of `results/INDEX.json`, which the runner wrote.
RESULT_READER = RecordReader(
    ResultRecord,
    hint="Until it is restored or deleted, the scan counts as one without a result.",
    check=_inconsistency,
)
SHORT_READER = RecordReader(ShortRecord, hint="", check=_short_inconsistency)
