"""A server that answers like AWS: opsctl's local platform, in its own process and folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsctl.local import control
from support.local_key import session_of

REGION = "us-east-1"


@dataclass(frozen=True)
class Aws:
    """The address of a server whose state no other test shares."""

    endpoint: str
    home: Path

    @property
    def settings(self) -> dict[str, str]:
        """Environment variables by which the AWS SDKs and Terraform's provider find the server."""
        return {
            **control.credentials(self.home),
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    def client(self, service: str) -> Any:
        session = session_of(self.home, region=REGION)
        return session.client(service, endpoint_url=self.endpoint)


@contextmanager
def running(home: Path) -> Iterator[Aws]:
    """Run a server while the block lasts."""
    server = control.start(home)
    try:
        yield Aws(server.endpoint_url, home)
    finally:
        control.stop(server)
        # pytest shows it where a test fails: a call that the server could not answer is made again by most clients.
        print(control.Files(home).log.read_text())
