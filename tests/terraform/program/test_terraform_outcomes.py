"""Terraform that is interrupted, left running or killed always saves its state. The program is a fake."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from support.fake_terraform import FakeTerraform, hook
from support.local_servers import alive
from support.waiting import until

from opsctl.commands.platform.platform_lock import platform_lock
from opsctl.core.errors import Interrupted, Problem
from opsctl.home import Home
from opsctl.terraform.binary import Binary
from opsctl.terraform.interrupts import Interrupts
from opsctl.terraform.process import TerraformProcess, running_terraform
from opsctl.terraform.root import Root

WAIT_SECONDS = 60


def root_of(terraform: FakeTerraform, tmp_path: Path) -> Root:
    binary = Binary(str(terraform.path), "1.11.4")
    return Root("platform", folder=tmp_path / "root", binary=binary, environment=terraform.environment)


# Ctrl-C.

#: Waits for the first interrupt, saves, and looks whether another has come meanwhile.
SLOW_TO_END = """
signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGINT}})
print({begin!r}, flush=True)
got = 0
for seconds in ({wait_seconds}, 0.3):
    got += signal.sigtimedwait({{signal.SIGINT}}, seconds) is not None
open({counted!r}, "w").write(str(got))
print({done!r}, flush=True)
sys.exit(1)
"""

DRIVER = """
import os, signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)
from opsctl.core.errors import Interrupted
from opsctl.terraform.interrupts import Interrupts
from opsctl.terraform.root import Root
from opsctl.terraform.binary import Binary
folder, binary = Path(sys.argv[1]), sys.argv[2]
say = lambda message: print(message, flush=True)
root = Root("platform", folder=folder, binary=Binary(binary, "1.11.4"), environment={"PATH": os.environ["PATH"]},
            interrupts=Interrupts(say))
try:
    root.apply(lambda step: print(step.state, flush=True))
except Interrupted as error:
    print(f"{error.exit_code} {error}", flush=True)
"""


@contextmanager
def driven(terraform: FakeTerraform, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run opsctl's side of an apply as a real process."""
    (tmp_path / "root").mkdir()
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "root"), str(terraform.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begin\n"
            yield process
        finally:
            process.kill()


def finishing_slowly(terraform: FakeTerraform, tmp_path: Path) -> Path:
    counted = tmp_path / "interrupts"
    terraform.does(
        SLOW_TO_END.format(
            begin=json.dumps(hook("apply_start", "a.b")),
            done=json.dumps(hook("apply_complete", "a.b")),
            counted=str(counted),
            wait_seconds=WAIT_SECONDS,
        )
    )
    return counted


def test_ctrl_c_is_forwarded_once_and_terraform_finishes_what_it_must(terraform: FakeTerraform, tmp_path: Path) -> None:
    """A real process, and the signal as a terminal sends it: to the whole group that opsctl is in."""
    counted = finishing_slowly(terraform, tmp_path)
    with driven(terraform, tmp_path) as process:
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate(timeout=WAIT_SECONDS)
    lines = rest.splitlines()
    # It is said at once; what Terraform said after the signal is still heard, and it ended by itself.
    assert lines[0].startswith("Stopping: Terraform finishes what it has begun")
    assert lines[1] == "done"
    assert lines[2].startswith("130 Stopped. Terraform has saved what it had made.")
    assert "opsctl up" in rest
    assert counted.read_text() == "1"
    assert process.returncode == 0


#: A plan that does not hear Ctrl-C, as Terraform while its provider starts; its child is such a provider.
DEAF = """
import subprocess
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen(["/bin/sleep", "600"])
open({provider!r}, "w").write(str(child.pid))
os.kill(os.getppid(), signal.SIGINT)
child.wait()
"""


def test_a_plan_ends_within_a_second_of_ctrl_c_with_its_providers(terraform: FakeTerraform, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    terraform.does(DEAF.format(provider=str(tmp_path / "provider")))
    said: list[str] = []
    interrupts = Interrupts(said.append)
    binary = Binary(str(terraform.path), "1.11.4")
    root = Root(
        "platform",
        folder=tmp_path / "root",
        binary=binary,
        environment=terraform.environment,
        interrupts=interrupts,
    )
    with interrupts.counting(), pytest.raises(Interrupted, match=r"Stopped\. Nothing was changed\."):
        root.plan()
    assert said == ["Stopping."]
    until(lambda: not alive(int((tmp_path / "provider").read_text())))
    # The next command of the other root does not begin.
    calls = len(terraform.calls)
    with pytest.raises(Interrupted):
        root.plan()
    assert len(terraform.calls) == calls
    # After an apply that was begun it is not said that nothing was changed.
    interrupts.has_changed = True
    with pytest.raises(Interrupted, match="Stopped") as caught:
        root.plan()
    assert (caught.value.what, caught.value.hint) == ("Stopped.", "Type the same command: it goes on from there.")


def test_ctrl_c_in_a_destroy_advises_the_destroy(terraform: FakeTerraform, tmp_path: Path) -> None:
    terraform.does("os.kill(os.getppid(), signal.SIGINT)\nsignal.sigwait({signal.SIGINT})")
    terraform.path.write_text(
        terraform.path.read_text().replace(
            "record =", "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})\nrecord =", 1
        )
    )
    (tmp_path / "root").mkdir()
    interrupts = Interrupts()
    process = TerraformProcess(tmp_path / "root", environment=terraform.environment, interrupts=interrupts)
    with interrupts.counting(), pytest.raises(Interrupted, match="Terraform has saved what is left") as caught:
        process.run([str(terraform.path), "destroy"], makes=True)
    assert caught.value.hint == "`opsctl down` goes on from there."


def test_a_ctrl_c_while_aws_is_asked_is_answered_late_rather_than_never() -> None:
    said: list[str] = []
    interrupts = Interrupts(said.append)
    with interrupts.counting():
        interrupts.tell_late("Stopping.")
        os.kill(os.getpid(), signal.SIGINT)
        deadline = time.monotonic() + WAIT_SECONDS
        while not said and time.monotonic() < deadline:
            interrupts.tell_late("Stopping.")
        interrupts.tell_late("Stopping.")
    assert said == ["Stopping."]


def test_after_a_second_ctrl_c_it_comes_to_its_end_by_itself_and_the_next_meets_it(
    terraform: FakeTerraform, tmp_path: Path
) -> None:
    """A second signal could end Terraform within a line of its state."""
    heard, go_on, counted = (tmp_path / name for name in ("heard", "go_on", "counted"))
    os.mkfifo(go_on)
    terraform.does(
        "got = []\n"
        f"signal.signal(signal.SIGINT, lambda *_: (got.append(1), open({str(heard)!r}, 'w').close()))\n"
        f"print({json.dumps(hook('apply_start', 'a.b'))!r}, flush=True)\n"
        f"open({str(go_on)!r}).read()\n"
        f"open({str(counted)!r}, 'w').write(str(len(got)))"
    )
    with driven(terraform, tmp_path) as process:
        assert process.stdout is not None
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline().startswith("Stopping: Terraform finishes")
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=WAIT_SECONDS)
    pid = terraform.calls[0]["pid"]
    assert rest.startswith(f"130 Stopped at once. Terraform (process {pid}) still ends what it has begun")
    owner = running_terraform(tmp_path / "root")
    assert owner is not None and (owner.pid, owner.verb) == (pid, "apply")
    go_on.write_text("")
    gone(tmp_path / "root")
    assert counted.read_text() == "1"
    assert heard.exists()


@pytest.mark.parametrize("broken", ["", '{"resources": ['])
def test_a_state_that_was_being_written_is_taken_from_the_one_before(tmp_path: Path, broken: str) -> None:
    home = Home(tmp_path / "home")
    root = home.platform_dir("m2g") / "terraform" / "platform"
    root.mkdir(parents=True)
    state, backup, messages = root / "terraform.tfstate", root / "terraform.tfstate.backup", list[str]()

    def claim() -> None:
        with platform_lock(home, "m2g", verb="up", say=messages.append, sleep=time.sleep):
            pass

    state.write_text(broken)
    claim()
    assert (state.read_text(), messages) == (broken, [])
    backup.write_text('{"serial": 7}')
    claim()
    assert state.read_text() == '{"serial": 7}'
    assert "the one before it is taken" in messages[0]
    state.write_text('{"serial": 8}')
    claim()
    assert state.read_text() == '{"serial": 8}'


def gone(folder: Path) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while running_terraform(folder) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_outlives_a_killed_opsctl_and_its_words_are_kept(terraform: FakeTerraform, tmp_path: Path) -> None:
    counted = finishing_slowly(terraform, tmp_path)
    with driven(terraform, tmp_path) as process:
        process.kill()
        process.wait()
        owner = running_terraform(tmp_path / "root")
        assert owner is not None and owner.pid == terraform.calls[0]["pid"]
        with pytest.raises(Problem, match=f"already at work on this platform .process {owner.pid}, `terraform apply`"):
            root_of(terraform, tmp_path).plan()
        os.kill(owner.pid, signal.SIGINT)
        gone(tmp_path / "root")
    assert counted.read_text() == "1"
    assert "apply_complete" in (tmp_path / "root/log/apply.out").read_text()


def test_what_a_killed_terraform_has_left_running_is_ended(terraform: FakeTerraform, tmp_path: Path) -> None:
    """A provider that does not notice that its Terraform is dead."""
    child = tmp_path / "child"
    terraform.does(
        "import subprocess, time\n"
        "one = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], close_fds=False)\n"
        f"open({str(child)!r}, 'w').write(str(one.pid))\n"
        f"print({json.dumps(hook('apply_start', 'a.b'))!r}, flush=True)\n"
        "time.sleep(600)"
    )
    with driven(terraform, tmp_path) as process:
        process.kill()
        process.wait()
        os.kill(terraform.calls[0]["pid"], signal.SIGKILL)
        gone(tmp_path / "root")
    with pytest.raises(ProcessLookupError):
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            os.kill(int(child.read_text()), 0)
            time.sleep(0.02)


# One at a time.


def test_one_opsctl_at_a_time_has_a_platforms_folder(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    messages: list[str] = []

    def have(verb: str) -> AbstractContextManager[None]:
        return platform_lock(home, "m2g", verb=verb, say=messages.append, sleep=time.sleep)

    with have("up"):
        with pytest.raises(Problem) as caught, have("down"):
            pass
        assert re.match(
            rf"opsctl up \(process {os.getpid()}\) has been at work on the platform m2g since \d\d:\d\d\.",
            caught.value.what,
        )
    with have("down"):
        assert messages == []


def test_what_an_earlier_one_has_left_is_waited_for(terraform: FakeTerraform, tmp_path: Path) -> None:
    counted = finishing_slowly(terraform, tmp_path)
    home = Home(tmp_path / "home")
    messages: list[str] = []
    with driven(terraform, tmp_path) as process:
        process.kill()
        process.wait()
        pid = terraform.calls[0]["pid"]
        (home.platform_dir("m2g") / "terraform").mkdir(parents=True)
        (home.platform_dir("m2g") / "terraform" / "platform").symlink_to(tmp_path / "root")

        def end(_: float) -> None:
            if not counted.exists():
                os.kill(pid, signal.SIGINT)
            gone(tmp_path / "root")

        with platform_lock(home, "m2g", verb="up", say=messages.append, sleep=end):
            assert running_terraform(tmp_path / "root") is None
    assert messages[0].startswith(
        f"Terraform (process {pid}) of an earlier command has been at work on the platform since"
    )
    assert messages[1] == "It has ended."


def test_roots_that_work_side_by_side_never_take_each_others_start_for_work(tmp_path: Path) -> None:
    nothing = shutil.which("true")
    assert nothing

    def work_often(folder: Path) -> list[int]:
        folder.mkdir()
        process = TerraformProcess(folder, environment={}, interrupts=Interrupts())
        return [process.run([nothing, "state"]).code for _ in range(300)]

    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(work_often, [tmp_path / "platform", tmp_path / "storage"]))
    assert codes == [[0] * 300] * 2


def test_waiting_can_be_stopped(terraform: FakeTerraform, tmp_path: Path) -> None:
    finishing_slowly(terraform, tmp_path)
    home = Home(tmp_path / "home")
    with driven(terraform, tmp_path) as process:
        process.kill()
        process.wait()
        pid = terraform.calls[0]["pid"]
        (home.platform_dir("m2g") / "terraform").mkdir(parents=True)
        (home.platform_dir("m2g") / "terraform" / "platform").symlink_to(tmp_path / "root")

        def interrupt(_: float) -> None:
            raise KeyboardInterrupt

        with (
            pytest.raises(Interrupted, match=f"Stopped waiting. Terraform .process {pid}. goes on"),
            platform_lock(home, "m2g", verb="up", say=lambda _: None, sleep=interrupt),
        ):
            pass
        os.kill(pid, signal.SIGINT)
        gone(tmp_path / "root")
