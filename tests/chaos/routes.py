"""Ways through the proxy for the program and for jobs, and a word to the local platform's own faults."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fault_proxy import FaultProxy
from support.faulty_server import request_faults

from opsctl.assets import container_dir
from opsctl.local import control


@contextmanager
def program_through(home: Path, proxy: FaultProxy) -> Iterator[control.LocalServer]:
    """Let opsctl find the proxy where it looks for the local platform; gives what it finds.

    The proxy forwards to the platform that was found before. Afterwards the platform is found again, unless it has
    ended or another has been started meanwhile.
    """
    path = control.Files(home.resolve()).record
    before = path.read_text()
    proxy.upstream_port = json.loads(before)["port"]
    _write(path, json.dumps({**json.loads(before), "port": proxy.port}))
    found = control.find(home)
    assert found is not None and found.port == proxy.port
    try:
        yield found
    finally:
        if path.exists() and json.loads(path.read_text())["port"] == proxy.port:
            _write(path, before)


def _write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.rerouted")
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(path)


def jobs_through(proxy: FaultProxy, *command: str) -> list[str]:
    """Give the `entrypoint` of a local platform whose jobs talk to the proxy; `command` is the job runner by default.

    The proxy may learn the platform's port (`upstream_port`) afterwards.
    """
    env = shutil.which("env")
    assert env is not None
    runner = (f"PYTHONPATH={container_dir()}", sys.executable, "-m", "m2g_job")
    return [env, f"AWS_ENDPOINT_URL={proxy.url}", *(command or runner)]


def platform_faults(port: int, plan: Mapping[str, object] | None = None) -> dict[str, int]:
    """Give a local platform that was started with faults another plan (None: leave it), and count what happened."""
    status, counts = request_faults(port, plan)
    assert status == 200, counts
    return dict(counts)
