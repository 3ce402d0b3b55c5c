"""Reads the files that a report shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import BoundedSemaphore
from typing import TypeVar

from opsctl.aws.errors import translated
from opsctl.aws.s3.body import read
from opsctl.aws.s3.storage import Storage
from opsctl.commands.results.report_asset import Asset
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import parse_uri

_THREADS = 16
#: A small file may be a picture of 60 million pixels: as many at once as memory has room for.
_MOST_DECODING = 4
#: Of a log only its end is read.
_LOG_BYTES = 32_768

_T = TypeVar("_T")


def fetch(
    assets: Sequence[Asset],
    storage: Storage,
    *,
    decode: Callable[[Asset, bytes], _T],
    on_file: Callable[[Asset], None],
) -> dict[Asset, _T | Problem]:
    """Read and decode the files in parallel; a file that cannot be read gives a `Problem`, and stops no other.

    Parameters
    ----------
    decode
        Called in several threads with each file's bytes, which are not kept; may raise `Problem`.
    on_file
        Called after each file, read or not.
    """
    decoding = BoundedSemaphore(_MOST_DECODING)

    def shown(asset: Asset) -> _T | Problem:
        try:
            body = _body(asset, storage)
            with decoding:
                return decode(asset, body)
        except Problem as problem:
            return problem
        finally:
            on_file(asset)

    with ThreadPoolExecutor(_THREADS) as pool:
        return dict(zip(assets, pool.map(shown, assets), strict=True))


def _body(asset: Asset, storage: Storage) -> bytes:
    location = parse_uri(asset.uri)
    first = max(0, asset.size_bytes - _LOG_BYTES) if asset.kind == "log" else 0
    body = None
    if storage.direct is not None and not first:
        body = storage.direct.get(location.bucket, location.prefix, at_most=asset.size_bytes)
    if body is None:
        with translated(f"reading {asset.uri}"):
            # One byte more tells a larger object, which is not read.
            body, _ = read(
                storage.client,
                at_most=asset.size_bytes - first + 1,
                Bucket=location.bucket,
                Key=location.prefix,
                Range=f"bytes={first}-{asset.size_bytes}",
            )
    if len(body) != asset.size_bytes - first or (asset.sha256 and sha256(body).hexdigest() != asset.sha256):
        raise Problem(
            "It is not the file that the job published: something else has written there since.",
            code=ErrorCode.OUTPUT_CHANGED,
        )
    return body
