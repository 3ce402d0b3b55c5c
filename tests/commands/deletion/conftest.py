"""A versioned bucket with a dataset, for the command and for the verb."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.deletion_world import DeletionWorld
from support.run_world import RunWorld

from opsctl.aws.s3.storage import Storage


@pytest.fixture
def world(s3: Any, storage: Storage, tmp_path: Path) -> DeletionWorld:
    return DeletionWorld.begin(s3, RunWorld(storage, tmp_path))
