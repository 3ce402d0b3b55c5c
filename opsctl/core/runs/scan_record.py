"""The checks of a scan's JSON (`opsctl.core.runs.manifest.scan_document`) when opsctl itself reads it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.core import bounded
from opsctl.core.record import SCHEMA_VERSION, RecordReader
from opsctl.core.record_body import short_record_body


def decode_scan_document(data: bytes, uri: str) -> dict[str, Any]:
    """Read `scans/INDEX.json`: only the fields that opsctl uses; the job reads more of them.

    Raises
    ------
    UnreadableRecord
        If it is damaged, or of another version.
    """
    from msgspec import to_builtins

    record: dict[str, Any] = to_builtins(_READER.decode(data, uri))
    return record


def short_document(document: Mapping[str, Any]) -> bytes:
    """What `decode_scan_document` returned, as it reads it again: for this machine's cache."""
    return short_record_body({"schema_version": SCHEMA_VERSION, **document})


@dataclass(frozen=True, kw_only=True, slots=True)
class _InputRecord:
    uri: bounded.S3Uri
    role: bounded.Name
    size_bytes: bounded.SizeBytes
    etag: bounded.Text


@dataclass(frozen=True, kw_only=True, slots=True)
class _SubjectRecord:
    name: bounded.ScanName
    subject: bounded.Name


@dataclass(frozen=True, kw_only=True, slots=True)
class _ScanRecord:
    index: bounded.Index
    dataset: bounded.S3Uri
    scan: _SubjectRecord
    inputs: tuple[_InputRecord, ...]
    output: bounded.S3Uri
    key: bounded.Text
    image_digest: bounded.Digest | None


def _inconsistency(record: _ScanRecord, uri: str) -> str:
    """What is wrong with a scan's JSON whose single fields are valid; empty where nothing is."""
    if not uri.endswith(f"/scans/{record.index:05d}.json"):
        return f"it is of scan {record.index}, not of the one where it lies"
    bucket = uri.removeprefix("s3://").partition("/")[0]
    folder, _, name = record.output.rpartition(f"/{record.scan.name}")
    if name or not record.scan.name or "/derivatives/" not in folder or not folder.startswith(f"s3://{bucket}/"):
        return f"`output` is wrong ({record.output} is not the scan's place in a derivative of s3://{bucket})"
    for file in record.inputs:
        if not file.uri.startswith(f"{record.dataset.rstrip('/')}/"):
            return f"`inputs` is wrong ({file.uri} is not in {record.dataset})"
    return ""


_READER = RecordReader(
    _ScanRecord, hint="Until it is restored or deleted, the scan's inputs are not known.", check=_inconsistency
)
