"""A home for each module of these tests, with its own local platform."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from interruption_world import Machine


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("life"))
    yield machine
    machine.close()
