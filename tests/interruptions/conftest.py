"""A home for each module of these tests, with its own local platform."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from interruption_world import Life


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    made = Life(tmp_path_factory.mktemp("life"))
    yield made
    made.close()
