"""The disk runs full while `up` and `down` work with the real Terraform: nothing is lost, and both go on after room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.small_disk import SmallDisk, small_disk
from terraform_home import TerraformHome, end

from opsctl.local import control

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1800)]
#: `up` refuses to begin with less than 100 MB.
DISK_MB = 160


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", size_mb=DISK_MB) as disk:
        yield disk


@pytest.mark.parametrize("room_bytes", [0, 100_000, 1_500_000, 3_000_000])
def test_up_and_down_on_a_disk_that_runs_full(disk: SmallDisk, room_bytes: int) -> None:
    home = TerraformHome(disk.path / "home")
    try:
        for words, verb in ((("up", "--local", "--yes"), "apply"), (("down", "--yes"), "destroy")):
            stopped = _fill_while(home, disk, words, verb, room_bytes)
            print(words, stopped.code, stopped.text)
            assert stopped.is_sentence, stopped.text
            if stopped.code:
                assert "full" in stopped.text, stopped.text
            refused = home.run(*words)
            print("again, still full:", refused.code, refused.text)
            assert refused.is_sentence, refused.text
            disk.free()
            again = home.run(*words)
            print("again, room:", again.code, again.text)
            assert again.code == 0, again.text
            if verb == "apply":
                plan = home.run("up", "--local", "--plan")
                assert (plan.code, "nothing to do" in plan.text) == (0, True), plan.text
        assert control.find(home.path) is None
    finally:
        home.close()


def _fill_while(home: TerraformHome, disk: SmallDisk, words, verb, room_bytes):
    command = home.start(*words)
    home.terraform(verb)
    disk.fill(but_bytes=room_bytes)
    return end(command)
