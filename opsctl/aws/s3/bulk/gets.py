"""Reads many small published files from S3 at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import Protocol, TypeVar

from opsctl.aws.s3.bulk.background import LOOK_SECONDS
from opsctl.aws.s3.bulk.exchanges import Exchange, Exchanges
from opsctl.aws.s3.bulk.incoming_reply import Reply
from opsctl.aws.s3.direct import Direct
from opsctl.core.location import parse_uri
from opsctl.core.runs.result import OutputFile

#: Contents that nobody has taken yet.
_AHEAD = 16


class HasFile(Protocol):
    """What is about a published file."""

    @property
    def file(self) -> OutputFile:
        """The file."""


_Item = TypeVar("_Item", bound=HasFile)


class Gets(Exchanges[_Item]):
    """Reads files in the background, and gives each with its bytes to whoever iterates over it.

    Parameters
    ----------
    items
        About small files, taken while they are read.
    at_once
        The largest number of files that are on their way.
    """

    def __init__(self, direct: Direct, items: Iterable[_Item], *, at_once: int) -> None:
        super().__init__(direct, at_once=at_once)
        self._items: Iterator[_Item] = iter(items)
        self._contents: Queue[tuple[_Item, bytes | None] | None] = Queue(_AHEAD)
        self._start()

    def __iter__(self) -> Iterator[tuple[_Item, bytes | None]]:
        return self

    def __next__(self) -> tuple[_Item, bytes | None]:
        """A file as it comes; its bytes are None where botocore must read it.

        Raises
        ------
        StopIteration
            If all have come, or if it was stopped.
        BaseException
            The first error of the iterable that the files come from.
        """
        while not self._is_stopped:
            # Once the thread has ended nothing more comes.
            is_over = not self._threads[0].is_alive()
            try:
                content = self._contents.get(timeout=0 if is_over else LOOK_SECONDS)
            except Empty:
                if is_over:
                    break
                continue
            if content is not None:
                return content
            self._threads[0].join(LOOK_SECONDS)
        if self._error is not None:
            raise self._error
        raise StopIteration

    def _next(self) -> Exchange[_Item]:
        item = next(self._items)
        file = item.file
        location = parse_uri(file.uri)
        request = self._direct.get_request(location.bucket, location.prefix, etag=file.etag)
        return Exchange(item, "GetObject", location.bucket, location.prefix, request, at_most=file.size_bytes)

    def _ended(self, exchange: Exchange[_Item], reply: Reply | None) -> None:
        body, file = None if reply is None else reply.body, exchange.item.file
        if body is not None and (len(body) != file.size_bytes or hashlib.sha256(body).hexdigest() != file.sha256):
            body = None
        while not self._is_stopped:
            with suppress(Full):
                self._contents.put((exchange.item, body), timeout=LOOK_SECONDS)
                return

    def _end(self) -> None:
        super()._end()
        # Whoever waits need not wait for its next look.
        with suppress(Full):
            self._contents.put_nowait(None)
