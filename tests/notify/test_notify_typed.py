"""`--notify`, typed: the local platform sends when the terminal is closed; on AWS a command waits, or it is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from notify.receivers import Webhook
from support.history_world import HistoryWorld
from support.printed_commands import ensure_readable
from support.small_platform import SmallPlatform
from support.typed_opsctl import TypedOpsctl
from support.waiting import until

SECRET = "s3cret-token"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPlatform]:
    platform = SmallPlatform(tmp_path_factory.mktemp("small"))
    yield platform
    platform.close()


def opsctl(small: SmallPlatform, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in small.environment.items() if not name.lower().endswith("_proxy")}
    return subprocess.run(
        [sys.executable, "-m", "opsctl", *words],
        env={**environment, "OPSCTL_CONFIG": os.devnull, **variables},
        cwd=small.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def holding_the_secret(folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path.relative_to(folder)) for path in files if SECRET.encode() in path.read_bytes()]


def test_the_local_platform_sends_after_run_has_ended(small: SmallPlatform, hook: Webhook) -> None:
    small.gate.unlink()
    typed = opsctl(small, "run", "HNU1", "--sp", "native", "--yes", "--json", "--notify", hook.address())
    assert typed.returncode == 0, typed.stderr
    run_id = json.loads(typed.stdout)["run_id"]
    assert "The local platform will send a message by a webhook when the run has ended." in typed.stderr
    assert SECRET not in typed.stdout + typed.stderr
    # While it waits, one private file has the address: no record, document or log.
    assert holding_the_secret(small.home) == [f"local/notices/{run_id}.json"]
    assert hook.received == []
    small.gate.touch()
    until(lambda: hook.received, seconds=240)
    ((_, message),) = hook.received
    assert message["title"] == f"{run_id}: 2 done, 1 failed"
    assert "opsctl why --run" in message["message"]
    assert not re.search(r"sub-\d", json.dumps(message))
    until(lambda: holding_the_secret(small.home) == [], seconds=60)
    log = (small.home / "local/server.log").read_text()
    assert f"{run_id}: the message was sent to a webhook" in log


def test_status_wait_sends_here_and_the_exit_code_is_the_runs(small: SmallPlatform, hook: Webhook) -> None:
    typed = opsctl(small, "status", "--wait", OPSCTL_NOTIFY=hook.address())
    assert typed.returncode == 1
    assert "A message was sent by a webhook." in typed.stderr
    assert len(hook.received) == 1


def test_a_wrong_address_is_refused_before_anything_is_submitted(small: SmallPlatform) -> None:
    runs = opsctl(small, "runs", "--json").stdout
    typed = opsctl(small, "run", "HNU1", "--seeds", "2", "--yes", "--notify", f"slak://{SECRET}/x")
    assert typed.returncode == 2
    assert "--notify: slak://… is not an address of a message." in typed.stderr
    assert SECRET not in typed.stderr
    assert opsctl(small, "runs", "--json").stdout == runs


@pytest.fixture
def on_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> TypedOpsctl:
    monkeypatch.setenv("OPSCTL_CONFIG", os.devnull)
    monkeypatch.setattr("time.sleep", lambda _: None)
    world = HistoryWorld(tmp_path / "home", "sub-01", "sub-02")
    assert world.submit() is not None
    for job in world.history.jobs:
        world.start(job)
        world.pass_time(timedelta(minutes=30))
        world.end(job, "done")
    return TypedOpsctl(world, monkeypatch, capsys)


def test_run_on_aws_is_refused_with_the_two_ways_that_work(on_aws: TypedOpsctl) -> None:
    said = on_aws("run", "HNU1", "--seeds", "3", "--yes", "--notify", "ntfys://topic")
    assert said.code == 2
    assert "`opsctl up --notify-email ADDRESS`" in said.err
    assert "`opsctl status --wait --notify URL`" in said.err
    ensure_readable(said.err)


def test_the_setting_does_not_stop_a_run_on_aws(on_aws: TypedOpsctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSCTL_NOTIFY", "ntfys://topic")
    said = on_aws("run", "HNU1", "--seeds", "3", "--modif", "other", "--dry-run")
    assert (said.code, "Nothing was submitted." in said.err) == (0, True), said


def test_status_wait_warns_where_the_service_fails(on_aws: TypedOpsctl, hook: Webhook) -> None:
    hook.statuses = [500] * 3
    said = on_aws("status", "--wait", "--notify", hook.address())
    assert said.code == on_aws("status", "--wait").code
    assert "No message was sent: A webhook refused the message (HTTP status 500)." in said.err
    assert SECRET not in said.err + said.out


def test_notify_without_wait_is_refused(on_aws: TypedOpsctl) -> None:
    said = on_aws("status", "--notify", "ntfys://topic")
    assert said.code == 2
    assert "Add --wait, or --watch." in said.err


def test_a_folders_file_may_not_say_who_is_told_and_config_shows_no_address(
    on_aws: TypedOpsctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSCTL_NOTIFY", f"ntfys://{SECRET} slack://{SECRET}/b/c")
    for words in (("config",), ("config", "--json")):
        said = on_aws(*words)
        assert said.code == 0
        assert "ntfys://" in said.out
        assert SECRET not in said.out + said.err
    (tmp_path / "opsctl.toml").write_text(f'notify = "ntfys://{SECRET}"\n')
    monkeypatch.chdir(tmp_path)
    said = on_aws("status")
    assert said.code == 1
    assert "notify is a secret" in said.err
    assert "OPSCTL_NOTIFY" in said.err
    assert SECRET not in said.err
