"""The local platform with its jobs in a real engine's containers: Podman, with storage of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contained import SHELL_IMAGE, Contained, shell_image
from support.engine_world import BUILT, EngineWorld, session_folder, shared_world

from opsctl.commands.platform.containers import try_engine
from opsctl.local.control import Containers


@pytest.fixture(scope="session")
def engine_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineWorld]:
    """The engine, with the image of opsctl's jobs and one of the same in which a job is a shell's script."""
    with shared_world(session_folder(tmp_path_factory)) as world:
        shell_image(world)
        yield world


@pytest.fixture(scope="session")
def containers(engine_world: EngineWorld) -> Containers:
    """What the local platform is told of the engine, once opsctl has tried it."""
    return try_engine(engine_world.engine, BUILT)


@pytest.fixture(scope="module")
def contained(
    engine_world: EngineWorld, containers: Containers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Contained]:
    """A server whose jobs are containers, two at once."""
    made = Contained(engine_world, containers, tmp_path_factory.mktemp("contained"), image=SHELL_IMAGE)
    yield made
    made.close()
