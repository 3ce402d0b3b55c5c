"""A server that keeps objects and fails as it is told to, and a client of it that sends many objects by plain HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.direct_requests import storage_at
from support.kept_objects import KeptObjects

from opsctl.aws.s3.storage import Storage


@pytest.fixture
def kept() -> Iterator[KeptObjects]:
    with KeptObjects() as server:
        yield server


@pytest.fixture
def direct_storage(kept: KeptObjects) -> Storage:
    return storage_at(kept.url)
