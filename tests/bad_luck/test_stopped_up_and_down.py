"""`up` and `down` with the real Terraform, stopped and going on, and beside other commands of the same home."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from terraform_home import TerraformHome, end
from two_machines import wait_until_stopped

from opsctl.local import control

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="it is seen in /proc that a process is stopped"),
]


def stop(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
        wait_until_stopped(pid)


def test_a_platforms_life_with_stops_and_other_commands_beside_it(tmp_path: Path) -> None:
    home = TerraformHome(tmp_path / "home")
    try:
        _live(home)
    finally:
        home.close()


def _live(home: TerraformHome) -> None:
    up = home.start("up", "--local", "--yes")
    terraform = home.terraform("apply")
    stop(up.pid)
    for words in (("up", "--local", "--yes"), ("down", "--yes")):
        refused = home.run(*words)
        assert refused.code == 1, refused.text
        assert f"opsctl up (process {up.pid}), at work on the platform local" in refused.text
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
