"""Types of the fields of records, with the values that `opsctl.core.record` accepts.

To a type checker they are plain `int`, `float` and `str`. Dataclasses name them as `bounded.Index`: annotations are
evaluated only when the first record is read, so that commands that read none do not import msgspec.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict

#: Longer texts of causes are cut, not refused: the beginning says what happened.
LONGEST_CAUSE = 2_000
#: S3's keys have up to 1,024 bytes; three times as much takes in every address, ARN and argument.
_LONGEST_TEXT = 4_096
_MOST_FACTS = 50
#: Characters that no name in AWS, no path and no label has.
_CONTROL = r"\x00-\x1f\x7f-\x9f"
#: As `opsctl.core.runs.manifest.timestamp`, AWS's replies and the runner write it. Years in which sums do not overflow.
_MOMENT = re.compile(
    r"(?:19[7-9]|2[0-9]{2})[0-9]-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|\+00:00)"
)
_MOST_SCANS = 10_000_000
_LONGEST_SECONDS = 10**9


class _ParsedText(ABC):
    """A text that `parse` checks or shortens. msgspec takes the text itself, because `str` is registered below."""

    @staticmethod
    @abstractmethod
    def parse(value: Any) -> str:
        """Return the text; ValueError says what was expected."""


@lru_cache(maxsize=10_000)
def _is_moment(text: str) -> bool:
    """Whether a text is a time in UTC; a scan's result and the record of its attempt have the same ones."""
    if not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


class MomentText(_ParsedText):
    """A text that is a time in UTC, in ISO 8601."""

    @staticmethod
    def parse(value: Any) -> str:
        """Return the text if it is a time in UTC."""
        if not isinstance(value, str) or not _is_moment(value):
            raise ValueError("expected a time in UTC such as 2026-11-22T12:00:00Z")
        return value


class CauseText(_ParsedText):
    """A text of which at most `LONGEST_CAUSE` characters are kept."""

    @staticmethod
    def parse(value: Any) -> str:
        """Return the beginning of the text."""
        if not isinstance(value, str):
            raise ValueError("expected a text")
        return value[:LONGEST_CAUSE]


MomentText.register(str)
CauseText.register(str)


class _PlatformOptions(TypedDict, total=False):
    """The options of `up` that a platform's record stores; others are ignored."""

    data_bucket: str | None
    source_buckets: list[str]
    image: str | None
    spot: bool
    engine: str | None
    state: str | None
    vpc_id: str | None
    subnet_ids: list[str]
    kms_key: str | None
    role_path: str | None
    permissions_boundary: str | None
    name_prefix: str | None
    notify_emails: list[str]
    monthly_budget: str | None
    variables: dict[str, Any]


#: More digits than any count, time or index has; Python refuses thousands of them with a ValueError.
_MOST_DIGITS = 18


def whole_number(text: str) -> int | None:
    """The number that a foreign text of ASCII digits is; None where it is something else, or too long."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


if TYPE_CHECKING:
    Index = int
    AttemptNumber = int
    ArraySize = int
    ExitCode = int
    ProcessId = int
    SizeBytes = int
    Mib = int
    Count = int
    TimeoutSeconds = int
    Seconds = float
    Usd = float
    Name = str
    Text = str
    FolderName = str
    S3Uri = str
    RunId = str
    ScanName = str
    Arn = str
    JobId = str
    LogStream = str
    LeaseToken = str
    Digest = str
    Moment = str
    Cause = str
    Facts = Mapping[str, str | int]
    JobStatus = str
    Model = str
    M2gValues = Mapping[str, Any]
    PlatformOptions = Mapping[str, Any]
else:

    def __getattr__(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        types = _types()
        globals().update(types)
        return types[name]


def _types() -> dict[str, Any]:
    from msgspec import Meta

    def texts(pattern: str, *, longest: int = _LONGEST_TEXT) -> Any:
        # msgspec searches: the anchors make it a match of the whole text.
        return Annotated[str, Meta(pattern=rf"\A(?:{pattern})\Z", max_length=longest)]

    text = Annotated[str, Meta(max_length=_LONGEST_TEXT)]
    number = Annotated[int, Meta(gt=-(2**62), lt=2**62)]
    return {
        "Index": Annotated[int, Meta(ge=0, lt=_MOST_SCANS)],
        "AttemptNumber": Annotated[int, Meta(ge=1, le=1_000)],
        "ArraySize": Annotated[int, Meta(ge=1, le=10_000)],
        "ProcessId": Annotated[int, Meta(ge=1, lt=2**31)],
        "ExitCode": Annotated[int, Meta(ge=-(2**31), lt=2**32)],
        "SizeBytes": Annotated[int, Meta(ge=0, lt=2**62)],
        "Mib": Annotated[int, Meta(ge=0, lt=2**31)],
        "Count": Annotated[int, Meta(ge=0, lt=2**31)],
        "TimeoutSeconds": Annotated[int, Meta(ge=1, le=_LONGEST_SECONDS)],
        "Seconds": Annotated[float, Meta(ge=0, le=_LONGEST_SECONDS)],
        "Usd": Annotated[float, Meta(ge=0, le=1e9)],
        "Name": texts(rf"[^{_CONTROL}]+"),
        "FolderName": texts(rf"[^./\\{_CONTROL}][^/\\{_CONTROL}]*", longest=255),
        "S3Uri": texts(rf"s3://[a-z0-9][a-z0-9.-]{{1,61}}[a-z0-9](?:/[^{_CONTROL}]*)?"),
        "RunId": texts(r"[A-Za-z0-9][A-Za-z0-9_-]*", longest=128),
        # Empty: the scan was deleted on request.
        "ScanName": texts(r"(?:sub-[A-Za-z0-9+]+(?:/[A-Za-z0-9+_-]+)*)?"),
        # Batch takes names as well.
        "Arn": texts(r"[A-Za-z0-9][A-Za-z0-9:/_.+=,@-]*"),
        # Empty: outside Batch, or not known. A child's ends with its index in the array.
        "JobId": texts(r"(?:[A-Za-z0-9_-]+(?::[0-9]{1,5})?)?", longest=128),
        "LogStream": texts(rf"[^:*{_CONTROL}]*", longest=512),
        # It becomes the name of a file.
        "LeaseToken": texts(r"[0-9a-f]{32}"),
        "Digest": texts(r"sha256:[0-9a-f]{64}"),
        "Text": text,
        "Moment": MomentText,
        "Cause": CauseText,
        "Facts": Annotated[dict[text, text | number], Meta(max_length=_MOST_FACTS)],
        "Model": Literal["csd", "csa"],
        "M2gValues": _m2g_values(),
        "PlatformOptions": _PlatformOptions,
        "JobStatus": Literal["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"],
    }


def _m2g_values() -> Any:
    """The types of m2g's options in a record: those of `M2gOptions`, each of which may be missing."""
    from typing import get_type_hints

    from msgspec import Meta

    from opsctl.core.runs.m2g_options import M2gOptions

    number = Annotated[float, Meta(gt=0, le=1e6)]
    name = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._+-]*\Z", max_length=200)]
    hints = get_type_hints(M2gOptions)
    own = {"seeds": number, "tr": number | None, "mem_gb": number | None, "n_cpus": number | None}
    types: Any = TypedDict
    return types("M2gValues", {**hints, **own, "parcellation": list[name]}, total=False)
