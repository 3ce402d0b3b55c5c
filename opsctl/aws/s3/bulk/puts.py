"""Writes many small objects to S3 at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

from opsctl.aws.s3.bulk.exchanges import Exchange, Exchanges
from opsctl.aws.s3.bulk.incoming_reply import Reply
from opsctl.aws.s3.direct import Direct


class Puts(Exchanges[None]):
    """Writes objects in the background; after the first error no further one is begun.

    Parameters
    ----------
    bodies
        Keys and bytes, taken while they are sent.
    otherwise
        Writes what `direct` leaves to botocore; called in threads of its own.
    done
        Called with the key and the size of each object that was written, in the one thread that sends.
    at_once
        The largest number of objects that are on their way.
    """

    def __init__(
        self,
        direct: Direct,
        bucket: str,
        bodies: Iterable[tuple[str, bytes]],
        *,
        otherwise: Callable[[str, bytes], None],
        done: Callable[[str, int], None] = lambda _key, _size: None,
        content_type: str = "",
        at_once: int,
    ) -> None:
        super().__init__(direct, at_once=at_once)
        self._bucket = bucket
        self._bodies: Iterator[tuple[str, bytes]] = iter(bodies)
        self._otherwise = otherwise
        self._done = done
        self._content_type = content_type
        self._start()

    def _next(self) -> Exchange[None]:
        key, body = next(self._bodies)
        request = self._direct.put_request(
            self._bucket,
            key,
            sha256=hashlib.sha256(body).digest(),
            size_bytes=len(body),
            content_type=self._content_type,
        )
        return Exchange(None, "PutObject", self._bucket, key, request, body)

    def _ended(self, exchange: Exchange[None], reply: Reply | None) -> None:
        if reply is not None and reply.status == 200:
            self._done(exchange.key, len(exchange.body))
            return

        def by_botocore() -> Callable[[], None]:
            self._otherwise(exchange.key, exchange.body)
            return lambda: None

        self._in_thread(by_botocore)
