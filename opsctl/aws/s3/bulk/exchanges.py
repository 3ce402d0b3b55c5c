"""Many requests of objects to S3 from one thread, with one at a time on each of many connections.

A thread for each connection would take more time to get the interpreter's lock than for its request: see
docs/decisions/0038.
"""

from __future__ import annotations

import socket
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import Generic, TypeVar

from opsctl.aws.s3.bulk.background import LOOK_SECONDS, Background, started
from opsctl.aws.s3.bulk.incoming_reply import Reply, UnusualReply
from opsctl.aws.s3.connection import Connection
from opsctl.aws.s3.direct import Direct, Request

_Item = TypeVar("_Item")

_SILENCE_LOOK_SECONDS = 1.0
_MARK = b"\0"


@dataclass(slots=True)
class Exchange(Generic[_Item]):
    """A request of an object.

    Attributes
    ----------
    item
        What it is about.
    request
        None: botocore must do it.
    at_most
        The largest body of a reply that is read, in bytes.
    """

    item: _Item
    operation: str
    bucket: str
    key: str
    request: Request | None
    body: bytes = b""
    at_most: int = 0
    began: float = field(default_factory=time.perf_counter)


class Exchanges(Background, Generic[_Item]):
    """Sends requests in the background; after the first error no further one is begun.

    Parameters
    ----------
    at_once
        The largest number of requests that are under way.
    """

    def __init__(self, direct: Direct, *, at_once: int) -> None:
        super().__init__()
        self._direct = direct
        self._at_once = at_once
        self._is_at_end = False
        self._busy: dict[Connection, Exchange[_Item]] = {}
        self._free: list[Connection] = []
        # The requests of threads: of those that open a connection, and of those that wait for botocore.
        self._elsewhere = 0
        self._next_look = 0.0
        # What these threads have to tell, and the sockets that end the wait for it.
        self._news: deque[Callable[[], None]] = deque()
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        self._selector = DefaultSelector()
        self._selector.register(self._woken, EVENT_READ)

    def _start(self) -> None:
        """Begin, once everything else is prepared."""
        self._threads.append(started(self._run))

    @abstractmethod
    def _next(self) -> Exchange[_Item]:
        """The next request.

        Raises
        ------
        StopIteration
            If there is none.
        """

    @abstractmethod
    def _ended(self, exchange: Exchange[_Item], reply: Reply | None) -> None:
        """Take a reply; None where botocore must do it. Called in the one thread that sends."""

    def _run(self) -> None:
        try:
            # Asked after the next ones are begun: all that were under way may have ended at the same moment.
            while (is_opening := self._begin()) or self._busy or self._elsewhere:
                for key, _ in self._selector.select(0 if is_opening else LOOK_SECONDS):
                    if isinstance(key.fileobj, Connection):
                        self._go_on(key.fileobj)
                    else:
                        self._hear()
                self._leave_silent()
        except BaseException as error:
            self._error = self._error or error
        finally:
            self._end()

    def _begin(self) -> bool:
        """Begin what free connections can take, and open at most one connection more; whether one is being opened."""
        while not self._is_at_end and not self._is_stopped and self._error is None:
            if len(self._busy) + self._elsewhere >= self._at_once:
                break
            try:
                exchange = self._next()
            except StopIteration:
                self._is_at_end = True
                break
            if exchange.request is None:
                self._ended(exchange, None)
                continue
            connection = self._free_connection(exchange.request)
            if connection is None:
                self._open(exchange, exchange.request)
                return True
            self._send(exchange, exchange.request, connection)
        return False

    def _free_connection(self, request: Request) -> Connection | None:
        while self._free:
            connection = self._free.pop()
            if connection.is_fresh:
                return connection
            self._close(connection)
        unused = self._direct.free_connection(request.endpoint)
        if unused is not None:
            self._watch(unused)
        return unused

    def _open(self, exchange: Exchange[_Item], request: Request) -> None:
        """Open a connection in a thread, because that takes several times as long as a request."""

        def opening() -> Callable[[], None]:
            try:
                connection = Connection(request.endpoint)
            except OSError as error:
                problem = error
                return lambda: self._end_exchange(exchange, error=problem)
            return lambda: self._adopt(exchange, request, connection)

        self._in_thread(opening)

    def _adopt(self, exchange: Exchange[_Item], request: Request, connection: Connection) -> None:
        self._watch(connection)
        self._send(exchange, request, connection)

    def _watch(self, connection: Connection) -> None:
        connection.wait_never()
        self._selector.register(connection, EVENT_READ)

    def _send(self, exchange: Exchange[_Item], request: Request, connection: Connection) -> None:
        self._busy[connection] = exchange
        try:
            connection.begin(request.head + exchange.body, at_most=exchange.at_most)
        except OSError as error:
            self._end_busy(connection, error=error)
            return
        if connection.is_sending:
            self._selector.modify(connection, EVENT_READ | EVENT_WRITE)

    def _go_on(self, connection: Connection) -> None:
        if connection not in self._busy:
            # The other side has ended it, or says what nobody has asked for.
            with suppress(ValueError):
                self._free.remove(connection)
            self._close(connection)
            return
        was_sending = connection.is_sending
        try:
            reply = connection.go_on()
        except (OSError, UnusualReply) as error:
            self._end_busy(connection, error=error)
            return
        if was_sending and not connection.is_sending:
            self._selector.modify(connection, EVENT_READ)
        if reply is not None:
            self._end_busy(connection, reply=reply)

    def _end_busy(self, connection: Connection, *, reply: Reply | None = None, error: Exception | None = None) -> None:
        exchange = self._busy.pop(connection)
        if reply is not None and connection.is_open:
            self._free.append(connection)
        else:
            self._close(connection)
        self._end_exchange(exchange, reply=reply, error=error)

    def _end_exchange(
        self, exchange: Exchange[_Item], *, reply: Reply | None = None, error: Exception | None = None
    ) -> None:
        seconds = time.perf_counter() - exchange.began
        params = {"Bucket": exchange.bucket, "Key": exchange.key}
        self._direct.note(exchange.operation, params, seconds=seconds, reply=reply, error=error)
        self._ended(exchange, reply)

    def _in_thread(self, work: Callable[[], Callable[[], None]]) -> None:
        """Do something that waits in a thread, and then what it returns in the one that sends."""

        def run() -> None:
            try:
                self._news.append(work())
            except BaseException as error:
                self._error = self._error or error
                self._news.append(lambda: None)
            # Where it is full, the other side is not asleep; where it is closed, nobody listens any more.
            with suppress(OSError):
                self._waker.send(_MARK)

        self._elsewhere += 1
        started(run)

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            self._woken.recv(self._at_once)
        while self._news:
            self._elsewhere -= 1
            self._news.popleft()()

    def _leave_silent(self) -> None:
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _SILENCE_LOOK_SECONDS
        for connection in [connection for connection in self._busy if connection.is_silent]:
            self._end_busy(connection, error=TimeoutError())

    def _close(self, connection: Connection) -> None:
        self._selector.unregister(connection)
        connection.close()

    def _end(self) -> None:
        for connection in self._busy:
            connection.close()
        for connection in self._free:
            connection.wait_again()
            self._direct.give_back(connection)
        self._selector.close()
        self._waker.close()
        self._woken.close()
