"""The program in a real terminal, before a real local platform that was made without Terraform."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The same servers as the local platform's own tests use.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "local")]

from seat import Seat  # noqa: E402
from small_platform import SmallPlatform  # noqa: E402


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPlatform]:
    """One platform with one dataset of three scans, the last of which cannot be processed."""
    made = SmallPlatform(tmp_path_factory.mktemp("small"))
    yield made
    made.close()


@pytest.fixture
def seat(small: SmallPlatform) -> Iterator[Seat]:
    """Terminals on the platform; what still runs in them ends with the test."""
    made = Seat(small.environment)
    yield made
    small.gate.touch()
    made.close()
