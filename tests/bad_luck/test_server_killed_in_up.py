"""The local platform's server is killed while Terraform works: one sentence each time, and the next command goes on."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from terraform_home import TerraformHome, end
from two_machines import Ended

from opsctl.local import control

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1800)]


def test_up_and_down_whose_server_is_killed(tmp_path: Path) -> None:
    home = TerraformHome(tmp_path / "home")
    try:
        killed = _kill_while(home, "apply", "up", "--local", "--yes")
        assert killed.code == 1 and killed.is_sentence, killed.text
        assert "AWS" not in _last_line(killed), killed.text
        up = home.run("up", "--local", "--yes")
        assert up.code == 0, up.text
        plan = home.run("up", "--local", "--plan")
        assert (plan.code, "nothing to do" in plan.text) == (0, True), plan.text
        killed = _kill_while(home, "destroy", "down", "--yes")
        assert killed.code == 1 and killed.is_sentence, killed.text
        assert "AWS" not in _last_line(killed), killed.text
        down = home.run("down", "--yes")
        assert (down.code, "nothing to remove" in down.text) == (0, True), down.text
        assert control.find(home.path) is None
    finally:
        home.close()


def _kill_while(home: TerraformHome, verb: str, *words: str) -> Ended:
    command = home.start(*words)
    home.terraform(verb)
    os.kill(json.loads(control.Files(home.path).record.read_text())["pid"], signal.SIGKILL)
    ended = end(command)
    print(words, ended.code, ended.text[-1500:], flush=True)
    return ended


def _last_line(ended: Ended) -> str:
    return ended.text.strip().splitlines()[-1]
