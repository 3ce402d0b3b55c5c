"""A registry on this machine that wants ECR's login, and a Podman that takes it for ECR."""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ACCOUNT = "123456789012"
HOST = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
PASSWORD = f"{ACCOUNT}-auth-token"

# bcrypt of moto's GetAuthorizationToken for this account: the registry knows no other kind.
_HTPASSWD = "AWS:$2b$04$8AE8CeuiwDVXdYV6ex9mFO1AK5VX4NiDk3uVLbfLEGzksibEi9YKm\n"
_SETTINGS = """
version: 0.1
log:
  level: warn
storage:
  filesystem:
    rootdirectory: {folder}/blobs
http:
  addr: 127.0.0.1:{port}
auth:
  htpasswd:
    realm: test
    path: {folder}/htpasswd
"""
_MANIFEST = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class RegistryWorld:
    """A registry that runs.

    Attributes
    ----------
    location
        Its host and port.
    """

    location: str

    def get(self, path: str, *, password: str = PASSWORD) -> tuple[int, bytes, dict[str, str]]:
        """What it answers: status, body, headers."""
        request = urllib.request.Request(f"http://{self.location}/v2/{path}")
        request.add_header("Authorization", "Basic " + base64.b64encode(f"AWS:{password}".encode()).decode())
        request.add_header("Accept", _MANIFEST)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, reply.read(), dict(reply.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read(), dict(error.headers)

    def manifest(self, name: str, reference: str) -> tuple[str, str, str] | None:
        """An image's manifest, its media type and its digest; None where there is none."""
        status, body, headers = self.get(f"{name}/manifests/{reference}")
        return (body.decode(), headers["Content-Type"], headers["Docker-Content-Digest"]) if status == 200 else None


@contextmanager
def registry(folder: Path) -> Iterator[RegistryWorld]:
    """Run one in a folder of its own."""
    program = shutil.which("docker-registry") or shutil.which("registry")
    if program is None:
        pytest.skip("no image registry: docker-registry is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "htpasswd").write_text(_HTPASSWD)
    (folder / "config.yml").write_text(_SETTINGS.format(folder=folder, port=port))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, "serve", folder / "config.yml"], stdout=log, stderr=log)
    try:
        _wait(process, port, folder / "log")
        yield RegistryWorld(f"127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
