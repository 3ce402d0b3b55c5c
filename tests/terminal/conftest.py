"""The program in a real terminal, before a real local platform that was made without Terraform."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.small_platform import SmallPlatform
from terminals import Terminals


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPlatform]:
    """A platform for each file with a dataset of three scans, the last of which cannot be processed.

    Not shared between files: what a run is said to cost depends on the scans that have finished.
    """
    platform = SmallPlatform(tmp_path_factory.mktemp("small"))
    yield platform
    platform.close()


@pytest.fixture
def terminals(small: SmallPlatform) -> Iterator[Terminals]:
    """Terminals on the platform; what still runs in them, and on the platform, ends with the test."""
    opened = Terminals(small.environment)
    yield opened
    opened.close()
    small.finish_jobs()
