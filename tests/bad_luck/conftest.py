"""What several files of bad luck need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.small_platform import SmallPlatform
from two_machines import TwoMachines


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoMachines]:
    """Two machines that know one local platform; a platform for each file."""
    machines = TwoMachines(SmallPlatform(tmp_path_factory.mktemp("platform"), slots=3))
    try:
        yield machines
    finally:
        machines.close()
