"""Requests to the addresses that only this machine answers: the ECS agent's metadata and the instance's."""

from __future__ import annotations

import urllib.request
from typing import Mapping

_TIMEOUT_SECONDS = 2.0
_LARGEST_REPLY_BYTES = 1024 * 1024


def request(url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> str:
    """Send one request and return the body of the reply.

    Raises
    ------
    OSError
        Nothing answers (`urllib.error.URLError`), or the answer is an error (`urllib.error.HTTPError`).
    ValueError
        The body is not UTF-8.
    """
    # A proxy from the environment could not reach these addresses.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    asked = urllib.request.Request(url, method=method, headers=dict(headers or {}))  # noqa: S310
    with opener.open(asked, timeout=_TIMEOUT_SECONDS) as reply:
        body: bytes = reply.read(_LARGEST_REPLY_BYTES)
    return body.decode("utf-8")
