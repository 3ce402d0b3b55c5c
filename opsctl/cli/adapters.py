"""Builds each adapter from AWS clients, for the verbs and for what makes and removes platforms.

boto3 takes 250 ms to import, so every import of an adapter is inside its function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.aws.batch.batch import Batch
    from opsctl.aws.clients import Clients
    from opsctl.aws.s3.storage import Storage
    from opsctl.commands.runs.records import Records
    from opsctl.core.errors import Problem
    from opsctl.home import Home


def batch_of(clients: Clients) -> Batch:
    """AWS Batch."""
    from opsctl.aws.batch.batch import Batch

    return Batch(clients.batch, submit_client=clients.batch_once)


def storage_of(clients: Clients) -> Storage:
    """S3."""
    from opsctl.aws.s3.storage import Storage

    return Storage(clients.s3, clients.s3_direct)


def records_of(
    storage: Storage, home: Home, *, data_bucket: str, on_unreadable: Callable[[Problem], None] = lambda _: None
) -> Records:
    """The runs' records, with the cache in opsctl's folder."""
    from opsctl.aws.s3.cache import Cache
    from opsctl.commands.runs.records import Records

    home.make(home.path)
    return Records(storage, data_bucket=data_bucket, cache=Cache(home.cache), on_unreadable=on_unreadable)
