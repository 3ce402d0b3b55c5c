"""Real servers in folders of their own, with /bin/sh in the place of the job runner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.local_servers import Bucket, Homes, Platform


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homes]:
    """Folders for the servers of one module."""
    made = Homes(tmp_path_factory.mktemp("homes"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def platform(homes: Homes) -> Platform:
    """One server with its platform for all tests of a module."""
    return Platform(*homes.start())


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A path for which jobs wait: `touch` lets them go. It is opened in the end, so that none waits for ever."""
    path = tmp_path / "gate"
    yield path
    path.touch()


@pytest.fixture(scope="module")
def shared(homes: Homes) -> Bucket:
    """One bucket for all tests of a module."""
    return Bucket(homes)


@pytest.fixture
def bucket(shared: Bucket) -> Bucket:
    """The module's bucket, with nothing in it."""
    shared.empty()
    return shared
