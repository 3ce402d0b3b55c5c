"""A summary: the unchanged bodies of the records of 1,000 scans in one object, so that nobody reads them one by one.

A summary is never believed. Each body in it counts only where it is the body of the object that a listing shows: the
MD5 of its bytes is that object's etag. Under a KMS key etags are no MD5, and every record is read by itself.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from opsctl.core import bounded
from opsctl.core.dataset.scan import S3Object
from opsctl.core.record import RecordReader, UnreadableRecord
from opsctl.core.record_body import record_body
from opsctl.core.size_limits import RECORD_BYTES

#: How many scans share a summary.
SCANS_A_SUMMARY = 1_000
#: The folders of a run whose records are summarised.
SUMMARISED = ("results", "attempts", "scans")
#: One listing of what begins so in a run's folder has its submissions and its summaries. Nothing else begins so.
SUBMISSIONS_AND_SUMMARIES = "su"
#: So many bytes of bodies a summary holds; further records are read by themselves.
MOST_BYTES = 128_000_000
_VERSION = 1
_INDEX = re.compile(r"(\d{5,7})\.[^/]*json")
#: Of a result with 50 files, level 6 takes twice the time and saves a twentieth.
_LEVEL = 4
_GZIP = 31
#: Of a compressed summary, so much is decompressed at once: about 1 MB of records.
_SLICE_BYTES = 64 * 1024


def summary_number(name: str) -> int | None:
    """The summary that a document belongs to, by its name in its folder; None for what is no document of a scan's."""
    match = _INDEX.fullmatch(name)
    return None if match is None else int(match[1]) // SCANS_A_SUMMARY


def summary_key(run_prefix: str, folder: str, number: int) -> str:
    """The key of a summary of the records in a folder of a run (`SUMMARISED`)."""
    return f"{run_prefix}/summaries/{folder}/{number:05d}.gz"


def is_proved(obj: S3Object, body: bytes) -> bool:
    """Whether a body is, byte for byte, that of the object that a listing shows."""
    return len(body) == obj.size_bytes and hashlib.md5(body, usedforsecurity=False).hexdigest() == obj.etag


def summary_of(bodies: Mapping[str, bytes]) -> bytes:
    """A summary of records: a line that names them, and their bodies, compressed.

    Parameters
    ----------
    bodies
        By the documents' names in their folder. What is beyond `MOST_BYTES` is left out.
    """
    chosen, size = [], 0
    for name, body in bodies.items():
        size += len(body)
        if size > MOST_BYTES:
            break
        chosen.append(name)
    sizes = [len(bodies[name]) for name in chosen]
    header = record_body({"schema_version": _VERSION, "names": chosen, "sizes": sizes}).replace(b"\n", b"")
    compressor = zlib.compressobj(_LEVEL, wbits=_GZIP)
    parts = [compressor.compress(header + b"\n"), *(compressor.compress(bodies[name]) for name in chosen)]
    return b"".join([*parts, compressor.flush()])


def proved_bodies(data: bytes, source: str, objects: Iterable[S3Object]) -> Iterator[tuple[S3Object, bytes]]:
    """The bodies in a summary that are proved by a listing; one at a time is in memory.

    Parameters
    ----------
    data
        The summary's bytes, which anybody may have written.
    source
        Its address.
    objects
        What a listing of the records' folder shows.

    Raises
    ------
    UnreadableRecord
        When the summary is damaged, or of another version; what came before stays proved.
    """
    by_name = {obj.key.rpartition("/")[2]: obj for obj in objects}
    content = _Content(data, source)
    header = _READER.decode(content.line(), source)
    for name, size in zip(header.names, header.sizes, strict=True):
        body, obj = content.take(size), by_name.get(name)
        if obj is not None and is_proved(obj, body):
            yield obj, body


class _Content:
    """A gzip stream that is decompressed as far as it is asked for."""

    def __init__(self, data: bytes, source: str) -> None:
        self._stream = zlib.decompressobj(wbits=_GZIP)
        self._compressed = data
        # So much of it was given to the stream; what the stream has not taken of that.
        self._given = 0
        self._untaken = b""
        self._ready = b""
        # So much of it was taken.
        self._taken = 0
        self._source = source

    def line(self) -> bytes:
        """What comes before the next line end."""
        while (end := self._ready.find(b"\n", self._taken)) < 0:
            if len(self._ready) - self._taken > RECORD_BYTES:
                raise self._damaged()
            self._more()
        return self.take(end + 1 - self._taken)[:-1]

    def take(self, size: int) -> bytes:
        """The next bytes."""
        while len(self._ready) - self._taken < size:
            self._more()
        start, self._taken = self._taken, self._taken + size
        return self._ready[start : self._taken]

    def _more(self) -> None:
        # A small slice at a time: what the stream leaves of it is copied.
        if not self._untaken:
            self._untaken = self._compressed[self._given : self._given + _SLICE_BYTES]
            self._given += len(self._untaken)
        try:
            piece = self._stream.decompress(self._untaken, RECORD_BYTES)
        except zlib.error as error:
            raise self._damaged() from error
        if not piece and not self._untaken:
            raise self._damaged()
        self._untaken = self._stream.unconsumed_tail
        self._ready = self._ready[self._taken :] + piece
        self._taken = 0

    def _damaged(self) -> UnreadableRecord:
        return UnreadableRecord(self._source, "cannot be read: it is cut off or damaged.")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Header:
    """The first line of a summary."""

    names: tuple[bounded.Name, ...]
    sizes: tuple[bounded.SizeBytes, ...]


def _inconsistency(header: _Header, _source: str) -> str:
    """What is wrong with a header whose single fields are valid; empty where nothing is."""
    if len(header.names) != len(header.sizes):
        return f"it has {len(header.sizes)} `sizes` of {len(header.names)} `names`"
    if max(header.sizes, default=0) > RECORD_BYTES or sum(header.sizes) > MOST_BYTES:
        return "`sizes` are larger than records may be"
    return ""


_READER = RecordReader(_Header, hint="", version=_VERSION, check=_inconsistency)
