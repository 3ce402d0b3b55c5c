"""Imports botocore and msgspec without what no command needs before its first request: a sixth of the time until then.

Other modules stand in for these while botocore and msgspec are imported, and import them when they are used:

- `_MODULES`: they import these and use them in functions that are seldom called.
- `_FUNCTIONS`: of these they import a function by its name. urllib3 asks for a version for HTTP/2, which botocore does
  not speak.
- `_DOCUMENTATION`: the texts of botocore that `help()` shows. They stay empty in this process.
- `_NEVER`: msgspec imports it for Pythons that opsctl does not run on, and can do without.
- urllib3 and botocore compile five patterns of IPv6 addresses. Two of them are used for an endpoint of AWS.

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

_MODULES = ("botocore.monitoring", "calendar", "inspect", "jmespath", "shlex")
_FUNCTIONS = {"dateutil.parser": "parse", "importlib.metadata": "version"}
_DOCUMENTATION = ("botocore.docs.docstring", "botocore.docs.utils")
_NEVER = "typing_extensions"

#: Of a pattern, in characters. Those of IPv6 addresses are longer, and all others are shorter.
_LONG = 800


def import_lean() -> None:
    """Import `botocore.session` and `msgspec`, if that is possible so.

    No other thread may import at the same time: for a moment, modules and `re.compile` are others.
    """
    if "botocore.session" in sys.modules:
        return
    # Something else could be imported from them. The next import, which is an ordinary one, has the last word.
    with suppress(ImportError, AttributeError), _modules_later(), _long_patterns_later():
        importlib.import_module("botocore.session")
        importlib.import_module("msgspec")


class _LaterModule(ModuleType):
    """A module that is imported when something of it is used first."""

    def __getattr__(self, name: str) -> Any:
        module = importlib.import_module(self.__name__)
        if module is self:
            raise AttributeError(name)
        return getattr(module, name)


class _LaterPattern:
    """A pattern that is compiled when it is used first."""

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(*self._arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compiled, name)


class _NoText(str):
    """In place of a method's documentation, and of the handlers that write it."""

    __slots__ = ()

    def __new__(cls, *_: object, **__: object) -> _NoText:
        return super().__new__(cls)

    def __getattr__(self, _: str) -> Callable[..., None]:
        return _write_nothing


class _Documentation(ModuleType):
    def __getattr__(self, _: str) -> type[_NoText]:
        return _NoText


def _write_nothing(**_: object) -> None:
    pass


def _later_function(module_name: str, function_name: str) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        return getattr(importlib.import_module(module_name), function_name)(*arguments, **options)

    return call


def _stand_ins() -> Iterator[ModuleType]:
    for name in _MODULES:
        yield _LaterModule(name)
    for name, function in _FUNCTIONS.items():
        module = _LaterModule(name)
        vars(module)[function] = _later_function(name, function)
        yield module
    for name in _DOCUMENTATION:
        yield _Documentation(name)


@contextmanager
def _modules_later() -> Iterator[None]:
    """Let what is not imported yet be imported later."""
    set_here = {module.__name__: module for module in _stand_ins() if module.__name__ not in sys.modules}
    sys.modules.update(set_here)
    is_asked_for = _NEVER not in sys.modules
    if is_asked_for:
        sys.modules[_NEVER] = None  # type: ignore[assignment]  # an import of it fails
    try:
        yield
    finally:
        for name, module in set_here.items():
            del sys.modules[name]
            # `import a.b` sets `b` of `a`, but not where something stands for `a.b`.
            package, _, own_name = name.rpartition(".")
            if package in sys.modules:
                vars(sys.modules[package]).setdefault(own_name, module)
        if is_asked_for:
            del sys.modules[_NEVER]


@contextmanager
def _long_patterns_later() -> Iterator[None]:
    compiled = re.compile

    def later(pattern: Any, flags: Any = 0) -> Any:
        is_long = isinstance(pattern, str) and len(pattern) > _LONG
        return _LaterPattern(pattern, flags) if is_long else compiled(pattern, flags)

    re.compile = later
    try:
        yield
    finally:
        re.compile = compiled
