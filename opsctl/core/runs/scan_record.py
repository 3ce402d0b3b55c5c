"""The checks of a scan's JSON (`opsctl.core.runs.manifest.scan_document`) when opsctl itself reads it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opsctl.core import bounded
from opsctl.core.record import RecordReader


def decode_scan_document(data: bytes, uri: str) -> dict[str, Any]:
    """Read `scans/INDEX.json`.

    Raises
    ------
    UnreadableRecord
        If it is damaged, or of another version.
    """
    _READER.decode(data, uri)
    return _DOCUMENTS.decode(data, uri)


@dataclass(frozen=True, kw_only=True, slots=True)
class _InputRecord:
    uri: bounded.Name
    role: bounded.Name
    size_bytes: bounded.SizeBytes
    etag: bounded.Text


@dataclass(frozen=True, kw_only=True, slots=True)
class _ScanRecord:
    """What opsctl reads of the document; the job reads more of it."""

    index: bounded.Index
    inputs: tuple[_InputRecord, ...]
    output: bounded.Name
    key: bounded.Text
    image_digest: bounded.Text | None


_HINT = "Until it is restored or deleted, the scan's inputs are not known."
_READER = RecordReader(_ScanRecord, hint=_HINT)
_DOCUMENTS = RecordReader(dict[str, Any], hint=_HINT)
