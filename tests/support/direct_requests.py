"""Requests by plain HTTP (`opsctl/aws/s3/direct.py`) beside botocore's."""

from __future__ import annotations

from typing import Any

from opsctl.aws.clients import Clients
from opsctl.aws.s3.storage import Storage


def storage_at(url: str, *, is_direct: bool = True, **settings: Any) -> Storage:
    clients = Clients(endpoint_url=url, **settings)
    return Storage(clients.s3, clients.s3_direct if is_direct else None)


def is_direct_request(request: Any) -> bool:
    """botocore numbers its calls."""
    return "amz-sdk-invocation-id" not in request.headers
