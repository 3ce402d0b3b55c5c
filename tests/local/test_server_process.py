"""The server as a process: which requests it refuses, and what is left when it ends."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support.local_servers import Homes, Platform, alive, client, kill, record
from support.waiting import until

from opsctl.local import control
from opsctl.local.identity import IDENTITY_PATH, answer_to


def ask(port: int, path: str, *, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def server(homes: Homes) -> tuple[Path, control.LocalServer]:
    return homes.start()


def test_it_says_who_it_is_and_listens_on_this_machine_only(server: tuple[Path, control.LocalServer]) -> None:
    home, running = server
    facts = record(home)
    challenge = "0f" * 32
    status, body = ask(running.port, f"{IDENTITY_PATH}?challenge={challenge}")
    assert (status, body.decode()) == (200, answer_to(f"challenge={challenge}", facts["token"]))
    for query in ("", "?challenge=", f"?challenge={challenge}0", "?challenge=x"):
        assert ask(running.port, IDENTITY_PATH + query) == (400, b"")
    assert set(facts) == {"pid", "port", "started_at", "token", "containers"}
    assert control.Files(home).record.stat().st_mode & 0o077 == 0
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if " 0A " in line]
    assert [address for address in listening if address.endswith(f":{running.port:04X}")] == [
        f"0100007F:{running.port:04X}"
    ]


def test_a_failed_request_is_in_the_log_and_a_good_one_is_not(server: tuple[Path, control.LocalServer]) -> None:
    home, running = server
    client(running, "s3").create_bucket(Bucket="quiet-one")
    assert "quiet-one" not in control.Files(home).log.read_text()


def test_a_second_server_on_one_folder_is_refused(server: tuple[Path, control.LocalServer]) -> None:
    home, running = server
    command = [sys.executable, "-m", "opsctl.local.server", "--home", str(home)]
    root = str(Path(control.__file__).parents[2])
    second = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=60, check=False)
    assert second.returncode == 1
    assert "Another server" in second.stderr
    assert control.find(home) == running


def test_aws_own_policies_are_known(server: tuple[Path, control.LocalServer]) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AWSBatchServiceRole"
    assert client(server[1], "iam").get_policy(PolicyArn=arn)["Policy"]["Arn"] == arn


def _running_job(homes: Homes, tmp_path: Path, **options: float) -> tuple[Path, control.LocalServer, list[int]]:
    home, running = homes.start(**options)
    platform = Platform(home, running)
    platform.submit(
        f"echo $$ > {tmp_path}/a; setsid sh -c 'echo $$ > {tmp_path}/b; sleep 60' & trap '' TERM; wait; wait"
    )
    until(lambda: all((tmp_path / name).exists() and (tmp_path / name).read_text() for name in "ab"))
    pids = [int((tmp_path / name).read_text()) for name in "ab"]
    assert all(alive(pid) for pid in pids)
    assert list((home / "local" / "jobs").iterdir())
    return home, running, pids


def test_kill_9_leaves_no_process_of_a_job(homes: Homes, tmp_path: Path) -> None:
    home, running, pids = _running_job(homes, tmp_path)
    kill(running)
    until(lambda: not any(alive(pid) for pid in pids), seconds=5)
    assert control.find(home) is None
    _, again = homes.start(home)
    assert again.port == running.port
    assert list((home / "local" / "jobs").iterdir()) == []


def test_sigterm_stops_the_jobs_and_leaves_no_record(homes: Homes, tmp_path: Path) -> None:
    home, running, pids = _running_job(homes, tmp_path, stop_grace_seconds=0.3)
    os.kill(running.pid, signal.SIGTERM)
    until(lambda: not alive(running.pid))
    assert not any(alive(pid) for pid in pids)
    assert not control.Files(home).record.exists()
    assert list((home / "local" / "jobs").iterdir()) == []


def test_the_last_port_is_taken_again_unless_another_has_it(homes: Homes) -> None:
    home, first = homes.start()
    control.stop(first)
    with socket.create_server(("127.0.0.1", first.port)):
        _, second = homes.start(home)
        assert second.port != first.port
