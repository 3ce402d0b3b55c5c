"""Reads records: JSON from S3, of which nothing is believed before it was checked.

Unknown fields are ignored. Ranges and forms are those of opsctl's own reader (opsctl/core/bounded.py).
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

#: Longer numbers are out of every range, and take Python long to read.
_MOST_DIGITS = 25
LONGEST_TEXT = 4096
#: opsctl reads no larger record.
LARGEST_RECORD = 1_000_000
LARGEST_OBJECT = 2**62 - 1
_CONTROL = r"\x00-\x1f\x7f-\x9f"
NAME = re.compile(rf"[^{_CONTROL}]+")
URI = re.compile(rf"s3://[a-z0-9][a-z0-9.-]{{1,61}}[a-z0-9](?:/[^{_CONTROL}]*)?")
SHA256 = re.compile(r"[0-9a-f]{64}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
SCAN_NAME = re.compile(r"(?:sub-[A-Za-z0-9+]+(?:/[A-Za-z0-9+_-]+)*)?")
FOLDER_NAME = re.compile(rf"[^./\\{_CONTROL}][^/\\{_CONTROL}]*")
_OUTPUT_FOLDER = re.compile(r"s3://[^/]+/(?:.+/)?derivatives/[^/]+/(sub-.+)")
LOG_STREAM = re.compile(rf"[^:*{_CONTROL}]*")
JOB_ID = re.compile(r"(?:[A-Za-z0-9_-]+(?::[0-9]{1,5})?)?")
_MOMENT = re.compile(
    r"(?:19[7-9]|2[0-9]{2})[0-9]-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|\+00:00)"
)


class Unreadable(ValueError):
    """A record, or a field of one, that is not what opsctl and its jobs write."""


def parse(data: bytes) -> dict[str, Any]:
    """Parse a JSON object; raise `Unreadable` where the bytes hold something else."""
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_refuse, parse_int=_whole, object_pairs_hook=_once)
        # Half a surrogate pair is in no text, known field or not.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is not JSON ({type(error).__name__})")
    if not isinstance(value, dict):
        raise Unreadable("it is not a JSON object")
    return value


def encoded(value: dict[str, Any], *, indent: int = 0) -> bytes:
    """Return a JSON object as it is written to S3: in one line, which opsctl reads in less time, or a field a line."""
    if indent:
        return f"{json.dumps(value, indent=indent, sort_keys=True)}\n".encode()
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # opsctl's reader checks every value of a name that stands twice, and this one would only see the last.
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a name stands twice")
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _whole(digits: str) -> Any:
    return int(digits) if len(digits) <= _MOST_DIGITS else float("inf")


def mapping(value: Any) -> dict[str, Any]:
    """Return a value that is a JSON object."""
    if not isinstance(value, dict):
        raise _wrong(value, "an object")
    return value


def items(value: Any) -> list[Any]:
    """Return a value that is a JSON array."""
    if not isinstance(value, list):
        raise _wrong(value, "a list")
    return value


def text(value: Any, form: re.Pattern[str] | None = None, *, longest: int = LONGEST_TEXT) -> str:
    """Return a value that is a text, at most `longest` characters long, of the form."""
    if not isinstance(value, str) or len(value) > longest or (form is not None and not form.fullmatch(value)):
        raise _wrong(value, "a text" if form is None else "a text of another form")
    return value


def choice(value: Any, *allowed: str) -> str:
    """Return a value that is one of some texts."""
    if not isinstance(value, str) or value not in allowed:
        raise _wrong(value, " or ".join(allowed))
    return value


def whole(value: Any, least: int, most: int) -> int:
    """Return a value that is a whole number from `least` to `most`."""
    if type(value) is not int or not least <= value <= most:
        raise _wrong(value, f"a whole number from {least} to {most}")
    return value


def number(value: Any, least: float, most: float) -> float:
    """Return a value that is a number from `least` to `most`; never NaN, never infinite."""
    if type(value) not in (int, float) or not least <= value <= most:
        raise _wrong(value, f"a number from {least:g} to {most:g}")
    return value


def moment(value: Any) -> str:
    """Return a value that is a time in UTC, as `m2g_job.result.timestamp` writes it."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise _wrong(value, "a time in UTC")
    try:
        # Python 3.7 reads fractions of three or six digits only.
        datetime.strptime(value[:19], "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007 - only checked
    except ValueError:
        raise _wrong(value, "a time in UTC")
    return value


def _wrong(value: Any, expected: str) -> Unreadable:
    return Unreadable(f"{shown(value)} stands where {expected} is expected")


def output_scan(uri: str, bucket: str) -> str:
    """Return the scan whose outputs lie at an address; "" where it is no scan's in a derivative of the bucket."""
    match = _OUTPUT_FOLDER.fullmatch(uri)
    parts = uri[len("s3://") :].split("/")
    if not match or parts[0] != bucket or {"", ".", ".."} & set(parts) or not SCAN_NAME.fullmatch(match.group(1)):
        return ""
    return match.group(1)


def shown(value: Any) -> str:
    """Return what a message says of a foreign value: the beginning of a text, a short number, else its type."""
    if type(value) is int and abs(value) < 10**_MOST_DIGITS:
        return str(value)
    return ascii(value[:60]) if isinstance(value, str) else f"a value of type {type(value).__name__}"
