"""Shared by the core's tests: pybids' patterns, and property tests with the same examples on every machine."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from opsctl.assets import entity_patterns
from opsctl.core.dataset.entities import EntityPatterns

# The same examples everywhere and no deadline, so that property tests do not fail on a busy machine.
settings.register_profile("core", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("core")


@pytest.fixture(scope="session")
def patterns() -> EntityPatterns:
    return entity_patterns()
