"""One Podman and one built image for all tests of images."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.engine_world import (
    EngineWorld,
    OtherImage,
    built_on_other_base,
    built_once,
    session_folder,
    shared_world,
)
from support.moto_s3 import s3, s3_client, storage, whole_storage  # noqa: F401 fixtures
from support.registry_account import Account, registry_account


@pytest.fixture(scope="session")
def engine_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineWorld]:
    """An engine with the base image in it."""
    with shared_world(session_folder(tmp_path_factory)) as world:
        yield world


@pytest.fixture(scope="session")
def built(engine_world: EngineWorld) -> str:
    """The name of the image that `opsctl image build` made."""
    return built_once(engine_world)


@pytest.fixture(scope="session")
def on_other_base(engine_world: EngineWorld) -> OtherImage:
    """An image on another m2g."""
    return built_on_other_base(engine_world)


@pytest.fixture(scope="session")
def account(engine_world: EngineWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account with a repository."""
    folder, home = tmp_path_factory.mktemp("registry"), tmp_path_factory.mktemp("account")
    with registry_account(engine_world, folder, home) as account:
        yield account
