"""Reads records: JSON into frozen dataclasses. What cannot be read is one sentence that names the object and the field.

Unknown fields are ignored. Missing fields, wrong types, and values outside the ranges of `opsctl.core.bounded` are
refused. msgspec is imported with the first record, because it takes 8 ms.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from opsctl.core.errors import ErrorCode, Problem

if TYPE_CHECKING:
    from msgspec.json import Decoder

T = TypeVar("T")

SCHEMA_VERSION = 1

_MISSING = re.compile(r"Object missing required field `(.+)`")
_EXPECTED_PATTERN = "Expected `str` matching regex"
_LONGEST_DETAIL = 200


class UnreadableRecord(Problem):
    """A record that is damaged, or that another version of opsctl wrote.

    Parameters
    ----------
    source
        The record's S3 URI, or its path.
    detail
        What is wrong with it: the end of a sentence that begins with the source.
    """

    def __init__(self, source: str, detail: str, hint: str = "") -> None:
        super().__init__(f"{source} {detail}", hint, code=ErrorCode.RECORD_UNREADABLE)
        self.source = source
        self.detail = detail


class RecordReader(Generic[T]):
    """Reads one kind of record.

    Parameters
    ----------
    kind
        A dataclass or a Struct of msgspec's whose fields are the record's. Of what is read by the thousand,
        `schema_version` is one of them.
    hint
        What to do about a record that cannot be read.
    version
        The `schema_version` that records must have; None: they have none.
    check
        Says, of a record whose single fields are valid and of its source, what is wrong; empty where nothing is.
    """

    def __init__(
        self,
        kind: type[T],
        *,
        hint: str,
        version: int | None = SCHEMA_VERSION,
        check: Callable[[T, str], str] = lambda _value, _source: "",
    ) -> None:
        self._kind = kind
        self._hint = hint
        self._version = version
        self._check = check

    def decode(self, data: bytes | str, source: str) -> T:
        """Read a record.

        Parameters
        ----------
        data
            The JSON, in UTF-8.
        source
            The record's S3 URI or path, for messages.

        Raises
        ------
        UnreadableRecord
            If the record cannot be read.
        """
        import msgspec

        try:
            # msgspec does not look at the texts of unknown fields.
            data = data if isinstance(data, str) or data.isascii() else data.decode()
            value = self._valid(data, source)
        except msgspec.ValidationError as error:
            raise self._unreadable(source, _detail(str(error))) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._unreadable(source, f"it is not JSON ({error})") from error
        if inconsistency := self._check(value, source):
            raise self._unreadable(source, inconsistency)
        return value

    def _valid(self, data: bytes | str, source: str) -> T:
        """A record whose version and single fields are valid, else an error of msgspec's or about the version."""
        import msgspec

        if not self._has_version:
            self._check_version(self._version_decoder.decode(data), source)
            return self._decoder.decode(data)
        try:
            value = self._decoder.decode(data)
        except msgspec.ValidationError:
            # Another version's fields may be others: that it is another version says more.
            self._check_version(self._version_decoder.decode(data), source)
            raise
        self._check_version(value, source)
        return value

    @cached_property
    def _has_version(self) -> bool:
        """Whether the version is a field of the record, so that a record is parsed once and not twice."""
        fields = getattr(self._kind, "__struct_fields__", ()) or getattr(self._kind, "__dataclass_fields__", ())
        return "schema_version" in fields

    @cached_property
    def _decoder(self) -> Decoder[T]:
        from msgspec.json import Decoder

        return Decoder(self._kind, dec_hook=_parse)

    @cached_property
    def _version_decoder(self) -> Decoder[Any]:
        import msgspec

        header = msgspec.defstruct("Header", [("schema_version", Any, None)])
        return msgspec.json.Decoder(header)

    def _check_version(self, header: Any, source: str) -> None:
        version = header.schema_version
        if self._version is None or (type(version) is int and version == self._version):
            return
        if version is None:
            raise self._unreadable(source, "`schema_version` is missing")
        if type(version) is not int:
            raise self._unreadable(source, "`schema_version` is wrong (expected a whole number)")
        raise UnreadableRecord(
            source,
            f"was written by another version of opsctl (schema_version {version}; this one reads {self._version}).",
            self._hint,
        )

    def _unreadable(self, source: str, detail: str) -> UnreadableRecord:
        return UnreadableRecord(source, f"cannot be read: {detail}.", self._hint)


def _parse(kind: Any, value: Any) -> Any:
    """Parse a field whose type is a class of `opsctl.core.bounded`."""
    return kind.parse(value)


def _detail(message: str) -> str:
    """A message of msgspec as part of a sentence: which field, and what is wrong with it."""
    text, _, place = message.partition(" - at ")
    is_key = place.startswith("`key` in ")
    place = place.removeprefix("`key` in ").strip("`").removeprefix("$").removeprefix(".")
    if missing := _MISSING.fullmatch(text):
        return f"`{'.'.join(filter(None, [place, missing[1]]))}` is missing"
    if text.startswith(_EXPECTED_PATTERN):
        text = "it has another form than opsctl writes"
    # The text may quote a value of the record, which may be long.
    text = f"{text[:1].lower()}{text[1:_LONGEST_DETAIL]}"
    if not place:
        return text
    return f"{'a key of ' if is_key else ''}`{place}` is wrong ({text})"
