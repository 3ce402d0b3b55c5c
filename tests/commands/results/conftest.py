"""A bucket with one run."""

from __future__ import annotations

from typing import Any

import pytest
from support.results_world import OTHER, PLACE, QA, World

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.records import Records


@pytest.fixture
def world(s3: Any, storage: Storage, records: Records) -> World:
    return World(s3, storage, records)


@pytest.fixture
def done(world: World) -> World:
    """The first scan is done."""
    world.publish(0, {PLACE: b"0,2\n2,0\n", QA: b"png", OTHER: b"trk"})
    return world
