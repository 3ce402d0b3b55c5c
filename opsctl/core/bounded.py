"""Types of the fields of records, with the values that `opsctl.core.record` accepts.

To a type checker they are plain `int`, `float` and `str`. Dataclasses name them as `bounded.Index`: annotations are
evaluated only when the first record is read, so that commands that read none do not import msgspec.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict

#: Longer texts of causes are cut, not refused: the beginning says what happened.
LONGEST_CAUSE = 4_000
#: S3's keys have up to 1,024 bytes; three times as much takes in every address, ARN and argument.
_LONGEST_TEXT = 4_096
_MOST_FACTS = 50
_MOST_SCANS = 10_000_000
_LONGEST_SECONDS = 10**9


class _ParsedText(ABC):
    """A text that `parse` checks or shortens. msgspec takes the text itself, because `str` is registered below."""

    @staticmethod
    @abstractmethod
    def parse(value: Any) -> str:
        """Return the text; ValueError says what was expected."""


class MomentText(_ParsedText):
    """A text that is a time in UTC, in ISO 8601."""

    @staticmethod
    def parse(value: Any) -> str:
        """Return the text if it is a time in UTC."""
        if isinstance(value, str):
            with suppress(ValueError):
                if datetime.fromisoformat(value).utcoffset() == timedelta(0):
                    return value
        raise ValueError("expected a time in UTC such as 2026-11-22T12:00:00Z")


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
    variables: dict[str, Any]


if TYPE_CHECKING:
    Index = int
    AttemptNumber = int
    ArraySize = int
    ExitCode = int
    SizeBytes = int
    Mib = int
    Count = int
    TimeoutSeconds = int
    Seconds = float
    Usd = float
    Name = str
    Text = str
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

    text = Annotated[str, Meta(max_length=_LONGEST_TEXT)]
    return {
        "Index": Annotated[int, Meta(ge=0, lt=_MOST_SCANS)],
        "AttemptNumber": Annotated[int, Meta(ge=1, le=1_000)],
        "ArraySize": Annotated[int, Meta(ge=1, le=10_000)],
        "ExitCode": Annotated[int, Meta(ge=-(2**31), lt=2**32)],
        "SizeBytes": Annotated[int, Meta(ge=0, lt=2**62)],
        "Mib": Annotated[int, Meta(ge=0, lt=2**31)],
        "Count": Annotated[int, Meta(ge=0, lt=2**31)],
        "TimeoutSeconds": Annotated[int, Meta(ge=1, le=_LONGEST_SECONDS)],
        "Seconds": Annotated[float, Meta(ge=0, le=_LONGEST_SECONDS)],
        "Usd": Annotated[float, Meta(ge=0, le=1e9)],
        "Name": Annotated[str, Meta(min_length=1, max_length=_LONGEST_TEXT)],
        "Text": text,
        "Moment": MomentText,
        "Cause": CauseText,
        "Facts": Annotated[dict[text, text | int], Meta(max_length=_MOST_FACTS)],
        "Model": Literal["csd", "csa"],
        "M2gValues": dict[text, bool | int | float | text | list[text] | None],
        "PlatformOptions": _PlatformOptions,
        "JobStatus": Literal["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"],
    }
