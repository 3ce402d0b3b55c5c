"""Imports botocore and msgspec without what no command needs before its first request: a ninth of the time until then.

- urllib3 imports `importlib.metadata` for HTTP/2, which botocore does not speak.
- urllib3 and botocore compile five patterns of IPv6 addresses. Two of them are used for an endpoint of AWS.
- botocore imports its documentation, which `help()` shows.
- msgspec imports `typing_extensions` for Pythons that opsctl does not run on.

Where a later botocore, urllib3 or msgspec does these differently, a start is slower, and nothing else changes.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from types import ModuleType
from typing import Any

#: Of a pattern, in characters. Those of IPv6 addresses are longer, and all others are shorter.
_LONG = 800


def import_lean() -> None:
    """Import `botocore.session` and `msgspec`, if that is possible so.

    No other thread may import at the same time: for a moment, modules and `re.compile` are others.
    """
    if "botocore.session" in sys.modules:
        return
    stand_ins = {
        "importlib.metadata": _module(version=_version),
        "botocore.docs.docstring": _module(__getattr__=lambda _: _NoText),
        "botocore.docs.utils": _module(__getattr__=lambda _: _NoText),
        # An import of it fails, and msgspec takes `typing`.
        "typing_extensions": None,
    }
    # Something else could be imported from them. The next import, which is an ordinary one, has the last word.
    with suppress(ImportError, AttributeError), _imported(stand_ins), _long_patterns_compiled_later():
        importlib.import_module("botocore.session")
        importlib.import_module("msgspec")


class _NoText(str):
    """In place of a method's documentation, and of the handlers that write it."""

    __slots__ = ()

    def __new__(cls, *_: object, **__: object) -> _NoText:
        return super().__new__(cls)

    def __getattr__(self, _: str) -> Callable[..., None]:
        return _write_nothing


class _LaterPattern:
    """A pattern that is compiled when it is used first."""

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(*self._arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compiled, name)


def _write_nothing(**_: object) -> None:
    pass


def _version(distribution_name: str) -> str:
    """The function of this name of `importlib.metadata`."""
    from importlib.metadata import version

    return version(distribution_name)


def _module(**attributes: Any) -> ModuleType:
    module = ModuleType("stand-in")
    vars(module).update(attributes)
    return module


@contextmanager
def _imported(stand_ins: dict[str, ModuleType | None]) -> Iterator[None]:
    """Let other modules import these instead of the real ones, unless those are imported already."""
    set_here = {name: module for name, module in stand_ins.items() if name not in sys.modules}
    sys.modules.update(set_here)  # type: ignore[arg-type]  # None: it cannot be imported
    try:
        yield
    finally:
        for name in set_here:
            del sys.modules[name]


@contextmanager
def _long_patterns_compiled_later() -> Iterator[None]:
    compiled = re.compile

    def later(pattern: Any, flags: Any = 0) -> Any:
        is_long = isinstance(pattern, str) and len(pattern) > _LONG
        return _LaterPattern(pattern, flags) if is_long else compiled(pattern, flags)

    re.compile = later
    try:
        yield
    finally:
        re.compile = compiled
