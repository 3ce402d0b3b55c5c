"""The disk runs full while `up` and `down` work with the real Terraform: nothing is lost, and both go on after room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from support.small_disk import SmallDisk, small_disk
from terraform_home import TerraformHome, end
from two_machines import Ended

from opsctl.local import control

pytestmark = pytest.mark.timeout(1800)
#: `up` refuses to begin with less than 100 MB.
DISK_MB = 160


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", size_mb=DISK_MB) as disk:
        yield disk


@pytest.mark.parametrize(
    "room_bytes", [pytest.param(0, marks=pytest.mark.campaign), pytest.param(1_500_000, marks=pytest.mark.long)]
)
def test_up_and_down_on_a_disk_that_runs_full(disk: SmallDisk, room_bytes: int) -> None:
    home = TerraformHome(disk.path / "home")
    try:
        for words, verb in ((("up", "--local", "--yes"), "apply"), (("down", "--yes"), "destroy")):
            stopped = _fill_while(home, disk, words, verb, room_bytes)
            assert stopped.is_sentence, stopped.text
            if stopped.code:
                assert "full" in stopped.text, stopped.text
            refused = home.run(*words)
            assert refused.is_sentence, refused.text
            disk.free()
            again = home.run(*words)
            assert again.code == 0, again.text
            if verb == "apply":
                plan = home.run("up", "--local", "--plan")
                assert (plan.code, "nothing to do" in plan.text) == (0, True), plan.text
        assert control.find(home.path) is None
    finally:
        home.close()


def _fill_while(home: TerraformHome, disk: SmallDisk, words: Sequence[str], verb: str, room_bytes: int) -> Ended:
    """Type a command, and leave so much room on the disk as soon as Terraform makes or removes something."""
    command = home.start(*words)
    home.terraform(verb)
    disk.fill(but_bytes=room_bytes)
    return end(command)
