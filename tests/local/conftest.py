"""Real servers in their own folders, with /bin/sh in place of the job runner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.local_servers import Bucket, Homes, Platform


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homes]:
    """Folders for the servers of one module."""
    folders = Homes(tmp_path_factory.mktemp("homes"))
    yield folders
    folders.close()


@pytest.fixture(scope="module")
def platform(homes: Homes) -> Platform:
    """One server with its platform for all tests of a module."""
    return Platform(*homes.start())


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that jobs wait for; created at the end of each test, so that no job waits for ever."""
    path = tmp_path / "gate"
    yield path
    path.touch()


@pytest.fixture(scope="module")
def shared(homes: Homes) -> Bucket:
    """One bucket for all tests of a module."""
    return Bucket(homes)


@pytest.fixture
def bucket(shared: Bucket) -> Bucket:
    """The module's bucket, emptied."""
    shared.empty()
    return shared
