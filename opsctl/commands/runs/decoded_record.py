"""One record of a folder: how its kind is read, its body as it was read, and what the body says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from opsctl.core.dataset.scan import S3Object
from opsctl.core.record import UnreadableRecord

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Form(Generic[T]):
    """How one kind of record is read, and what of it is stored on this machine.

    Attributes
    ----------
    name
        Of what is stored.
    decode
        Reads a body; its second argument is the record's address.
    is_small
        Whether bodies are stored as they are. Those that are neither small nor shortened are not stored.
    shorten, decode_short
        Write and read what is stored instead of the body.
    """

    decode: Callable[[bytes, str], T]
    is_small: bool = False
    name: str = ""
    shorten: Callable[[T], bytes] | None = None
    decode_short: Callable[[bytes, str], T] | None = None


@dataclass(frozen=True, slots=True)
class ReadBody:
    """A body, or why it was not read.

    Attributes
    ----------
    source
        `cache`: as it is stored on this machine, which may be shortened. `summary`: proved by the listing. `object`:
        read by itself.
    """

    obj: S3Object
    body: bytes | UnreadableRecord
    source: str


@dataclass(frozen=True, slots=True)
class DecodedRecord(Generic[T]):
    """What a body says, without the body.

    Attributes
    ----------
    value
        The record, or why it cannot be read.
    stored
        What this machine is to store of it; None where it is stored, or nothing of it is.
    is_cache_damaged
        Somebody has changed what this machine stored: it is not the record that is damaged.
    """

    obj: S3Object
    value: T | UnreadableRecord
    stored: bytes | None = None
    is_cache_damaged: bool = False


def decoded_record(read: ReadBody, form: Form[T], uri: str) -> DecodedRecord[T]:
    """Decode a body; changes nothing else, so that any thread may do it.

    Parameters
    ----------
    uri
        The record's address.
    """
    if isinstance(read.body, UnreadableRecord):
        return DecodedRecord(read.obj, read.body)
    is_short = read.source == "cache" and form.decode_short is not None
    decode = form.decode_short if is_short and form.decode_short is not None else form.decode
    try:
        value = decode(read.body, uri)
    except UnreadableRecord as problem:
        return DecodedRecord(read.obj, problem, is_cache_damaged=is_short)
    if read.source == "cache":
        return DecodedRecord(read.obj, value)
    if form.shorten is not None:
        return DecodedRecord(read.obj, value, form.shorten(value))
    return DecodedRecord(read.obj, value, read.body if form.is_small else None)
