"""The program in a real terminal, before a real local platform that was made without Terraform."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from seat import Seat
from small_platform import SmallPlatform


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPlatform]:
    """One platform with one dataset of three scans, the last of which cannot be processed."""
    made = SmallPlatform(tmp_path_factory.mktemp("small"))
    yield made
    made.close()


@pytest.fixture
def seat(small: SmallPlatform) -> Iterator[Seat]:
    """Terminals on the platform; what still runs in them, and on the platform, ends with the test."""
    made = Seat(small.environment)
    yield made
    made.close()
    small.finish_jobs()
