"""`up` with nothing to do beside the slower root's own `terraform plan`, on the local platform."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.row import Row, ratio_row, time_call
from opsctl.local import control
from opsctl.terraform.binary import find_binary

_BAR = 1.5
_ROOTS = ("storage", "platform")
#: The rule about unfinished uploads costs 55 s to create, and nothing to plan.
_UP = ("up", "--local", "--yes", "--set", "unfinished_upload_days=0")


def measure(*, quick: bool) -> list[Row]:
    """Bring a local platform up, then time `up` and the plans of both roots in turn; take it down again."""
    pairs = 1 if quick else 5
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        home = Path(folder) / "home"
        environment = _environment(home)
        try:
            _opsctl(environment, *_UP)
            timed = [
                (time_call(lambda: _opsctl(environment, *_UP)), max(_plan_seconds(home, root) for root in _ROOTS))
                for _ in range(pairs)
            ]
        finally:
            control.stop(home)
    ours, plain = zip(*timed, strict=True)
    note = "both roots planned, the inventory compared; plain: `terraform plan` of the slower root alone"
    return [ratio_row("up with nothing to do", ours=ours, plain=plain, bar=_BAR, note=note)]


def _environment(home: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OPSCTL_", "TF_"))}
    missing = str(home / "nothing")
    own = {"OPSCTL_HOME": str(home), "AWS_CONFIG_FILE": missing, "AWS_SHARED_CREDENTIALS_FILE": missing}
    return {**inherited, **own}


def _opsctl(environment: Mapping[str, str], *arguments: str) -> None:
    _run([sys.executable, "-m", "opsctl", *arguments], environment)


def _plan_seconds(home: Path, root: str) -> float:
    """Seconds of a plan as a person would type it."""
    server = control.find(home)
    if server is None:
        raise RuntimeError("The local platform has ended.")
    environment = {
        **_environment(home),
        **server.credentials,
        "AWS_ENDPOINT_URL": server.endpoint_url,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "CHECKPOINT_DISABLE": "1",
    }
    folder = home / "platforms" / "local" / "terraform" / root
    terraform = find_binary(os.environ).path
    return time_call(lambda: _run([terraform, f"-chdir={folder}", "plan", "-input=false"], environment))


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
