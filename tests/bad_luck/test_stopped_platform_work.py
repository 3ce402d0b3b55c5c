"""`up` that is stopped (Ctrl-Z, a closed laptop) and goes on, alone or with its Terraform, which a program plays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support.fake_terraform import FakeTerraform
from support.waiting import until
from two_machines import wait_until_stopped

from opsctl.commands.platform.platform_lock import platform_lock
from opsctl.core.errors import Problem
from opsctl.home import Home
from opsctl.terraform.process import running_terraform

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it is seen in /proc that a process is stopped")

#: An opsctl at work on a platform: it holds the lock, and its Terraform applies.
APPLYING = """
import sys, time
from pathlib import Path
from opsctl.commands.platform.platform_lock import platform_lock
from opsctl.home import Home
from opsctl.terraform.binary import Binary
from opsctl.terraform.root import Root

home = Home(Path(sys.argv[1]))
folder = home.platform_dir("m2g") / "terraform" / "platform"
with platform_lock(home, "m2g", verb="up", say=print, sleep=time.sleep):
    Root("platform", folder=folder, binary=Binary(sys.argv[2], "1.11.4"), environment={}).apply(lambda _: None)
print("done")
"""


class Work:
    """An opsctl whose Terraform waits for `gate`."""

    def __init__(self, folder: Path) -> None:
        self.home, self.gate = Home(folder / "home"), folder / "gate"
        self.root = self.home.platform_dir("m2g") / "terraform" / "platform"
        self.root.mkdir(parents=True)
        terraform = FakeTerraform(folder).does(
            f"import time\nwhile not os.path.exists({str(self.gate)!r}): time.sleep(0.02)\n"
            'open("terraform.tfstate", "w").write(\'{"serial": 1}\')'
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", APPLYING, str(self.home.path), str(terraform.path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.terraform = until(self._terraform, "Terraform's process", seconds=60)

    def _terraform(self) -> int | None:
        owner = running_terraform(self.root)
        return owner.pid if owner is not None and owner.verb == "apply" else None

    def close(self) -> None:
        self.gate.touch()
        for pid in (self.terraform, self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        until(lambda: running_terraform(self.root) is None, "Terraform's end", seconds=60)


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Work]:
    work = Work(tmp_path)
    yield work
    work.close()


def second(work: Work, sleep: Any = lambda _: None) -> list[str]:
    messages: list[str] = []
    with platform_lock(work.home, "m2g", verb="down", say=messages.append, sleep=sleep):
        return messages


@pytest.mark.parametrize("with_terraform", [False, True])
def test_an_up_that_was_stopped_keeps_its_lock_says_so_and_ends_well(work: Work, with_terraform: bool) -> None:
    stopped = [work.process.pid, *([work.terraform] if with_terraform else [])]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
        wait_until_stopped(pid)
    with pytest.raises(Problem, match=r"opsctl up \(process \d+\), at work .*, is stopped\.") as caught:
        second(work)
    assert f"kill -CONT {work.process.pid}" in caught.value.hint
    work.gate.touch()
    if not with_terraform:
        # Terraform goes on alone, and saves what it has made.
        until(lambda: (work.root / "terraform.tfstate").exists(), "the state", seconds=60)
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    output, _ = work.process.communicate(timeout=60)
    assert (output, work.process.returncode) == ("done\n", 0)
    assert json.loads((work.root / "terraform.tfstate").read_text()) == {"serial": 1}
    assert second(work) == []


def test_a_stopped_terraform_of_a_killed_up_is_waited_for_and_the_way_out_is_said(work: Work) -> None:
    os.kill(work.terraform, signal.SIGSTOP)
    wait_until_stopped(work.terraform)
    work.process.kill()
    work.process.wait()
    polls: list[float] = []

    def go_on(seconds: float) -> None:
        polls.append(seconds)
        if len(polls) == 3:
            os.kill(work.terraform, signal.SIGCONT)
            work.gate.touch()
            until(lambda: running_terraform(work.root) is None, "Terraform's end", seconds=60)

    messages = second(work, go_on)
    assert len(messages) == 3, messages
    assert messages[1:] == [
        f"It is stopped. In another window, let it go on: kill -CONT {work.terraform}",
        "It has ended.",
    ]
    assert json.loads((work.root / "terraform.tfstate").read_text()) == {"serial": 1}
