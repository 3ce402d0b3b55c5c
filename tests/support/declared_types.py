"""Whether a value is what its annotation says, decided without the reader of records."""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from opsctl.core import bounded


def mismatch(kind: Any, value: Any, place: str = "") -> str:  # noqa: C901 - a branch for each kind of annotation
    """The first place of a value that is not of the declared type and range; empty where there is none."""
    if kind is Any:
        return ""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is typing.Annotated:
        return mismatch(arguments[0], value, place) or _out_of_range(arguments[1:], value, place)
    if origin in (Union, types.UnionType):
        wrong = [mismatch(argument, value, place) for argument in arguments]
        return "" if "" in wrong else wrong[0]
    if origin is Literal:
        return (
            ""
            if any(value == allowed and type(value) is type(allowed) for allowed in arguments)
            else _wrong(place, value)
        )
    if origin in (typing.Required, typing.NotRequired):
        return mismatch(arguments[0], value, place)
    if origin in (tuple, list):
        if not isinstance(value, tuple | list):
            return _wrong(place, value)
        return next(filter(None, (mismatch(arguments[0], item, f"{place}[{n}]") for n, item in enumerate(value))), "")
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            return _wrong(place, value)
        keys = (mismatch(arguments[0], key, f"a key of {place}") for key in value)
        return next(
            filter(None, (*keys, *(mismatch(arguments[1], item, f"{place}.{key}") for key, item in value.items()))), ""
        )
    if typing.is_typeddict(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        wrong = [
            mismatch(hints[name], item, f"{place}.{name}") if name in hints else f"{place}.{name}?"
            for name, item in value.items()
        ]
        return next(filter(None, wrong), "")
    if dataclasses.is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        if type(value) is not kind:
            return _wrong(place, value)
        hints = typing.get_type_hints(kind, include_extras=True)
        return next(
            filter(
                None,
                (
                    mismatch(hints[name], getattr(value, name), f"{place}.{name}")
                    for name in getattr(kind, "__struct_fields__", None) or [f.name for f in dataclasses.fields(kind)]
                ),
            ),
            "",
        )
    if kind is bounded.MomentText:
        return (
            "" if isinstance(value, str) and 1970 <= datetime.fromisoformat(value).year < 3000 else _wrong(place, value)
        )
    if kind is bounded.CauseText:
        return "" if isinstance(value, str) and len(value) <= 2_000 else _wrong(place, value)
    if kind is float:
        is_number = type(value) in (int, float) and math.isfinite(value)
        return "" if is_number else _wrong(place, value)
    return "" if type(value) is (type(None) if kind is None else kind) else _wrong(place, value)


def _out_of_range(metas: Any, value: Any, place: str) -> str:
    for meta in metas:
        tests = (
            meta.ge is not None and value < meta.ge,
            meta.gt is not None and value <= meta.gt,
            meta.le is not None and value > meta.le,
            meta.lt is not None and value >= meta.lt,
            meta.min_length is not None and len(value) < meta.min_length,
            meta.max_length is not None and len(value) > meta.max_length,
            meta.pattern is not None and re.search(meta.pattern, value) is None,
        )
        if any(tests):
            return _wrong(place, value)
    return ""


def _wrong(place: str, value: Any) -> str:
    return f"{place or 'the record'} is {str(value)[:60]!r}"
