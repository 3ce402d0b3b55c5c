"""A local platform's server for the recovery tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from recovery_world import REGION, ClientOf, client_of

from opsctl.aws.clients import Clients
from opsctl.local import control


@pytest.fixture(scope="module")
def endpoint_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    server = control.start(home)
    yield server.endpoint_url
    control.stop(home)


@pytest.fixture(scope="module")
def client(endpoint_url: str) -> ClientOf:
    return client_of(endpoint_url)


@pytest.fixture(scope="module")
def clients(endpoint_url: str) -> Clients:
    return Clients(region=REGION, endpoint_url=endpoint_url)
