"""A local platform's server for the recovery tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from recovery_world import REGION, ClientOf, client_of

from opsctl.aws.clients import Clients
from opsctl.local import control


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control.LocalServer]:
    home = tmp_path_factory.mktemp("home")
    server = control.start(home)
    yield server
    control.stop(home)


@pytest.fixture(scope="module")
def client(server: control.LocalServer) -> ClientOf:
    return client_of(server.home, server.endpoint_url)


@pytest.fixture(scope="module")
def clients(server: control.LocalServer) -> Clients:
    return Clients(region=REGION, endpoint_url=server.endpoint_url, local_key=server.credentials)
