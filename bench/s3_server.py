"""A process that answers ListObjectsV2 for synthetic datasets, each page after a fixed latency.

It must not be what is measured: one event loop, no thread a request, and each page is rendered once. A bucket
`subjects-1000` holds the dataset of a thousand subjects.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from urllib.parse import parse_qsl, quote_plus, urlsplit

from bench.dataset import keys

_ROOT = Path(__file__).resolve().parents[1]
_MODIFIED = "2026-01-02T03:04:05.000Z"


class Dataset:
    """One bucket's keys and the pages that are asked of it."""

    def __init__(self, subjects: int) -> None:
        self._keys = keys(subjects)
        # Two datasets' worth of pages of 100,000 keys: those of the warm-up are there for the measured runs.
        self.page = lru_cache(maxsize=256)(self._page)

    def _page(self, prefix: str, delimiter: str, after: str, token: str, most: int) -> bytes:
        at = int(token) if token else max(bisect_left(self._keys, prefix), bisect_right(self._keys, after))
        stop = bisect_left(self._keys, prefix + "\U0010ffff")
        found: list[str] = []
        folders: list[str] = []
        while at < stop and len(found) + len(folders) < most:
            key = self._keys[at]
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            if end == -1:
                found.append(self._contents(key))
                at += 1
            else:
                folder = key[: end + 1]
                folders.append(f"<CommonPrefixes><Prefix>{quote_plus(folder, safe='/')}</Prefix></CommonPrefixes>")
                at = bisect_left(self._keys, folder + "\U0010ffff")
        more = f"<NextContinuationToken>{at}</NextContinuationToken>" if at < stop else ""
        found += folders
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>b</Name><Prefix>{prefix}</Prefix>{more}<KeyCount>{len(found)}</KeyCount><MaxKeys>{most}</MaxKeys>"
            f"<EncodingType>url</EncodingType><IsTruncated>{str(bool(more)).lower()}</IsTruncated>"
            f"{''.join(found)}</ListBucketResult>"
        ).encode()

    @staticmethod
    def _contents(key: str) -> str:
        size = 1 + hash(key) % 100_000_000
        return (
            f"<Contents><Key>{quote_plus(key, safe='/')}</Key><LastModified>{_MODIFIED}</LastModified>"
            f"<ETag>&quot;{size:032x}&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
            f"<ChecksumType>FULL_OBJECT</ChecksumType><Size>{size}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
        )


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, GET without a body: what a listing needs."""

    def __init__(self, datasets: dict[str, Dataset], latency_seconds: float) -> None:
        self._datasets = datasets
        self._latency_seconds = latency_seconds
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
            loop = asyncio.get_running_loop()
            loop.call_at(loop.time() + self._latency_seconds, self._answer, head.split(b" ", 2)[1].decode())

    def _answer(self, target: str) -> None:
        if self._transport.is_closing():
            return
        address = urlsplit(target)
        asked = dict(parse_qsl(address.query, keep_blank_values=True))
        body = self._datasets[address.path.strip("/")].page(
            asked.get("prefix", ""),
            asked.get("delimiter", ""),
            asked.get("start-after", ""),
            asked.get("continuation-token", ""),
            int(asked.get("max-keys", 1000)),
        )
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.writelines([head.encode(), body])


async def _serve(subjects: Sequence[int], latency_seconds: float) -> None:
    datasets = {bucket_of(count): Dataset(count) for count in subjects}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(datasets, latency_seconds), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The parent holds the other end of stdin: when it goes, however it goes, so does this process.
    await loop.run_in_executor(None, sys.stdin.read)


def bucket_of(subjects: int) -> str:
    """The bucket with the dataset of so many subjects."""
    return f"subjects-{subjects}"


@contextmanager
def serving(subjects: Sequence[int], *, latency_ms: int) -> Iterator[str]:
    """Start the process; give its address; end it."""
    command = [sys.executable, "-m", "bench.s3_server", "--latency-ms", str(latency_ms), *map(str, subjects)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    with subprocess.Popen(
        command, cwd=_ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subjects", type=int, nargs="+")
    parser.add_argument("--latency-ms", type=int, default=0)
    asked = parser.parse_args()
    asyncio.run(_serve(asked.subjects, asked.latency_ms / 1000))


if __name__ == "__main__":
    main()
