"""Thread pools that run everything at once in the caller's thread: in memory there is no latency to hide."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock


class InlinePool:
    """As much of a ThreadPoolExecutor as opsctl uses."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Without threads there is nothing to set."""

    def __enter__(self) -> InlinePool:
        return self

    def __exit__(self, *_: object) -> None:
        """Everything has been done."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def map(self, function: Callable[..., Any], *values: Iterable[Any]) -> Iterator[Any]:
        return iter([function(*arguments) for arguments in zip(*values, strict=False)])

    def shutdown(self, **_: Any) -> None:
        """Everything has been done."""


@contextmanager
def no_threads() -> Iterator[None]:
    """Give every module of opsctl that has a thread pool this one instead."""
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith("opsctl.") and "ThreadPoolExecutor" in vars(module):
                stack.enter_context(mock.patch.object(module, "ThreadPoolExecutor", InlinePool))
        yield
