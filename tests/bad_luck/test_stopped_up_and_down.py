"""`up` and `down` with the real Terraform, stopped and going on, and beside other commands of the same home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.repository import ROOT
from support.waiting import until
from two_machines import Ended, wait_until_stopped

from opsctl.local import control

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="it is seen in /proc that a process is stopped"),
]
_SECONDS = 600


class Home:
    """A home whose commands have the real Terraform."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "home"
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_", "OPSCTL_"))}
        mirror = {key: os.environ[key] for key in ("OPSCTL_PROVIDER_MIRROR",) if key in os.environ}
        own = {"OPSCTL_HOME": str(self.path), "OPSCTL_CONFIG": os.devnull, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
        self.environment = {**inherited, **mirror, **own, "AWS_EC2_METADATA_DISABLED": "true"}
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "opsctl", *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(process)
        return process

    def run(self, *words: str) -> Ended:
        return end(self.start(*words))

    def terraform(self, verb: str) -> int:
        """Wait until Terraform works at the platform's root; its process id."""
        lock = self.path / "platforms" / "local" / "terraform" / "platform" / "terraform.lock"
        log = lock.parent / "log" / f"{verb}.out"
        until(lambda: log.exists() and '"apply_start"' in log.read_text(), f"Terraform's {verb}", seconds=_SECONDS)
        return int(json.loads(lock.read_text())["pid"])

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.communicate()
        control.stop(self.path)


def end(process: subprocess.Popen[str]) -> Ended:
    text, _ = process.communicate(timeout=_SECONDS)
    return Ended(process.returncode, text)


def stop(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
        wait_until_stopped(pid)


def test_a_platforms_life_with_stops_and_other_commands_beside_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    try:
        _live(home)
    finally:
        home.close()


def _live(home: Home) -> None:
    up = home.start("up", "--local", "--yes")
    terraform = home.terraform("apply")
    stop(up.pid)
    for words in (("up", "--local", "--yes"), ("down", "--yes")):
        refused = home.run(*words)
        assert refused.code == 1, refused.text
        assert f"`opsctl up` (process {up.pid}), at work on the platform local" in refused.text
        assert f"kill -CONT {up.pid}" in refused.text
    stop(terraform)
    for pid in (up.pid, terraform):
        os.kill(pid, signal.SIGCONT)
    ended = end(up)
    assert ended.code == 0, ended.text
    # Two at once: one is at work, or both find nothing to do.
    together = [home.start("up", "--local", "--yes") for _ in range(2)]
    for outcome in map(end, together):
        assert outcome.is_sentence, outcome.text
        assert outcome.code == 0 or "at work on the platform local" in outcome.text, outcome.text
    plan = home.run("up", "--local", "--plan")
    assert plan.code == 0, plan.text
    assert "nothing to do" in plan.text
    down = home.start("down", "--yes")
    terraform = home.terraform("destroy")
    stop(down.pid, terraform)
    beside = [home.start(*words) for words in (("run", "HNU1", "--yes"), ("status",), ("up", "--local", "--yes"))]
    for outcome in map(end, beside):
        assert outcome.code == 1, outcome.text
        assert outcome.is_sentence, outcome.text
    for pid in (terraform, down.pid):
        os.kill(pid, signal.SIGCONT)
    ended = end(down)
    assert ended.code == 0, ended.text
    again = home.run("down", "--yes")
    assert again.is_sentence, again.text
    assert control.find(home.path) is None
