"""Requests by plain HTTP (`opsctl/aws/s3/direct.py`) beside botocore's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from opsctl.aws.clients import Clients
from opsctl.aws.s3.bulk.gets import Gets
from opsctl.aws.s3.direct import Direct
from opsctl.aws.s3.storage import Storage
from opsctl.core.runs.result import OutputFile


def storage_at(url: str, *, is_direct: bool = True, **settings: Any) -> Storage:
    clients = Clients(endpoint_url=url, **settings)
    return Storage(clients.s3, clients.s3_direct if is_direct else None)


def put(storage: Storage, *bodies: tuple[str, bytes]) -> None:
    with storage.putting_bodies("data", bodies) as wait:
        wait()


def is_direct_request(request: Any) -> bool:
    """botocore numbers its calls."""
    return "amz-sdk-invocation-id" not in request.headers


def content_of(direct: Direct | None, file: OutputFile) -> bytes | None:
    """A published file's bytes by one request; None where botocore must read it."""
    assert direct is not None
    [(_, content)] = Gets(direct, [SimpleNamespace(file=file)], at_once=1)
    return content
