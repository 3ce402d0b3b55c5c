"""opsctl is killed, or the power fails, between two of its own steps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fake_terraform import FakeTerraform
from support.local_servers import alive
from support.traced_disk import disk_after
from support.waiting import until

from opsctl.commands.platform.platform_lock import platform_lock
from opsctl.core.errors import PlatformBusy
from opsctl.home import Home
from opsctl.terraform.binary import Binary
from opsctl.terraform.process import running_terraform
from opsctl.terraform.root import Root

#: An opsctl that is killed just after Terraform has started, before it has written which process that is.
KILLED = """
import os, signal, sys
from pathlib import Path
from opsctl.lock_file import LockFile
from opsctl.terraform.binary import Binary
from opsctl.terraform.root import Root

write_owner = LockFile.write_owner


def killed(lock, owner):
    if owner.pid is not None:
        os.kill(os.getpid(), signal.SIGKILL)
    write_owner(lock, owner)


LockFile.write_owner = killed
binary = Binary(sys.argv[2], "1.11.4")
Root("platform", folder=Path(sys.argv[1]), binary=binary, environment={"PATH": os.environ["PATH"]}).apply(print)
"""

SET_VARIABLES = """
import sys
from pathlib import Path
from opsctl.terraform.binary import Binary
from opsctl.terraform.root import Root

root = Root("platform", folder=Path(sys.argv[1]), binary=Binary("terraform", "1.11.4"), environment={})
root.set_variables({"name": "m2g"})
root.import_existing({"aws_vpc.main": "vpc-1"})
print("done", flush=True)
"""


@pytest.fixture
def strangers() -> Iterator[tuple[int, int]]:
    """The number of a session whose first process has ended, and a process of that session that goes on."""
    command = ["/bin/sh", "-c", "sleep 600 > /dev/null 2>&1 & echo $!"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as leader:
        output, _ = leader.communicate(timeout=60)
    yield leader.pid, int(output)
    os.kill(int(output), signal.SIGKILL)


def test_a_terraform_that_nobody_has_named_is_waited_for_and_no_other_process_is_killed(
    tmp_path: Path, strangers: tuple[int, int]
) -> None:
    session, stranger = strangers
    home = Home(tmp_path / "home")
    folder = home.platform_dir("m2g") / "terraform" / "platform"
    folder.mkdir(parents=True)
    # The last Terraform has ended, and the system has given its number to somebody else since.
    last = {"pid": session, "verb": "plan", "since": "2026-11-22T12:00:00+00:00"}
    (folder / "terraform.lock").write_text(json.dumps(last))
    terraform = FakeTerraform(tmp_path)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    terraform.does(f"open({str(gate)!r}).read()")
    subprocess.run([sys.executable, "-c", KILLED, str(folder), str(terraform.path)], timeout=60, check=False)

    owner = running_terraform(folder)
    assert owner is not None
    assert (owner.pid, owner.verb) == (None, "apply")
    root = Root("platform", folder=folder, binary=Binary(str(terraform.path), "1.11.4"), environment={})
    with pytest.raises(PlatformBusy, match=r"already at work on this platform \(`terraform apply`\) since \d\d:\d\d"):
        root.plan()

    messages: list[str] = []

    def end(_: float) -> None:
        gate.write_text("")
        until(lambda: running_terraform(folder) is None)

    with platform_lock(home, "m2g", verb="up", say=messages.append, sleep=end):
        pass
    assert messages[0].startswith("Terraform of an earlier command has been at work on the platform since ")
    assert messages[1] == "It has ended."
    assert alive(stranger)


def test_a_power_cut_leaves_no_half_of_what_terraform_reads(tmp_path: Path) -> None:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "terraform.tfvars.json").write_text('{"name": "applied"}')
    disk = disk_after(SET_VARIABLES, folder, tmp_path / "trace")
    assert {path.name for path in disk.names} == {"applied.tfvars.json", "terraform.tfvars.json", "taken_over.tf"}
    assert disk.unsafe_bytes | disk.unsafe_names | disk.renamed_unsafe == set()
