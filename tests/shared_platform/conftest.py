"""One local platform's server for the tests of a state: its S3 keeps what is written, and knows conditional writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from shared_world import Server

from opsctl.local import control


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("aws")
    running = control.start(home)
    try:
        yield Server(running.endpoint_url, home)
    finally:
        control.stop(running)


@pytest.fixture(scope="session")
def s3(server: Server) -> Any:
    return server.client("s3")
