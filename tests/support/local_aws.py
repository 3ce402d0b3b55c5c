"""A server that answers like AWS: opsctl's local platform, in a process and a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from opsctl.local import control

REGION = "us-east-1"


@dataclass(frozen=True)
class Aws:
    """Where the server answers: its state is shared with no other test."""

    endpoint: str

    @property
    def settings(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    def client(self, service: str) -> Any:
        session = boto3.Session("local", "local", region_name=REGION)
        return session.client(service, endpoint_url=self.endpoint)


@contextmanager
def running(home: Path) -> Iterator[Aws]:
    """Run a server for as long as the block lasts."""
    server = control.start(home)
    try:
        yield Aws(server.endpoint_url)
    finally:
        control.stop(server)
