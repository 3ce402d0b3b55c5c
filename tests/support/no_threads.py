"""Thread pools that run everything at once in the caller's thread: in memory there is no latency to hide."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from opsctl.aws.s3 import early_reply


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


class InlineReply:
    """As much of an EarlyReply as opsctl uses: asked at once."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self._future = InlinePool().submit(ask)

    def wait(self) -> Any:
        return self._future.result()

    def stop(self) -> None:
        """Everything has been done."""


class InlineList(InlineReply):
    """The same of an EarlyList."""

    def __init__(self, elements: Iterable[Any]) -> None:
        super().__init__(lambda: list(elements))

    def all(self) -> Any:
        return self.wait()

    def stop(self, **_: Any) -> None:
        """Everything has been done."""


@contextmanager
def no_threads() -> Iterator[None]:
    """Give every module of opsctl that has a thread pool, or asks early, these ones instead."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(early_reply, "EarlyReply", InlineReply))
        stack.enter_context(mock.patch.object(early_reply, "EarlyList", InlineList))
        for name, module in list(sys.modules.items()):
            if name.startswith("opsctl.") and "ThreadPoolExecutor" in vars(module):
                stack.enter_context(mock.patch.object(module, "ThreadPoolExecutor", InlinePool))
        yield
