"""Start, find, stop."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.local_servers import SHELL, Homes, alive, kill, record
from support.scripted_http import Reply, Request, ScriptedServer
from support.waiting import until

from opsctl.core.errors import ErrorCode, Problem
from opsctl.local import control
from opsctl.local.identity import answer_to

ROOT = Path(control.__file__).parents[2]


def test_two_starts_at_once_make_one_server(homes: Homes) -> None:
    home = homes.new()
    script = (
        "import sys, pathlib; from opsctl.local import control;"
        f"print(control.start(pathlib.Path(sys.argv[1]), slots=1, entrypoint={SHELL!r}).pid)"
    )

    def start(_: int) -> str:
        command = [sys.executable, "-c", script, str(home)]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=90).stdout

    with ThreadPoolExecutor(2) as pool:
        pids = set(pool.map(start, range(2)))
    assert len(pids) == 1
    running = control.find(home)
    assert running is not None
    # It outlives the program that started it, in a session of its own.
    assert pids == {f"{running.pid}\n"}
    assert os.getsid(running.pid) == running.pid
    assert control.start(home) == running


def test_what_is_dead_is_not_found_and_starts_again(homes: Homes) -> None:
    home, running = homes.start()
    assert control.find(home) == running
    kill(running)
    assert control.Files(home).record.exists()
    assert control.find(home) is None
    _, again = homes.start(home)
    assert again.pid != running.pid
    control.stop(home)
    assert control.find(home) is None
    assert not alive(again.pid)
    control.stop(home)
    control.stop(again)


def test_nothing_is_found_where_nothing_was(tmp_path: Path) -> None:
    assert control.find(tmp_path) is None
    control.stop(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_broken_record_is_no_server(tmp_path: Path, text: str) -> None:
    files = control.Files(tmp_path)
    files.folder.mkdir()
    files.record.write_text(text)
    assert control.find(tmp_path) is None


def stranger(token: str) -> ScriptedServer:
    """Another program on a port, which knows this token."""
    return ScriptedServer(lambda request: Reply(body=(answer_to(request.path.partition("?")[2], token) or "").encode()))


def test_another_program_with_the_same_id_and_port_is_not_taken_for_it(tmp_path: Path) -> None:
    files = control.Files(tmp_path)
    files.folder.mkdir()
    with stranger("of another") as other:
        facts = {"pid": os.getpid(), "port": other.port, "started_at": "now", "token": "ours"}
        files.record.write_text(json.dumps(facts))
        assert control.find(tmp_path) is None
        files.record.write_text(json.dumps({**facts, "token": "of another"}))
        assert control.find(tmp_path) is not None


def test_the_token_and_the_key_are_not_sent_to_who_has_the_port(homes: Homes) -> None:
    home, running = homes.start()
    kill(running)
    heard: list[str] = []

    def listen(request: Request) -> Reply:
        heard.append(f"{request.path} {request.headers}")
        return Reply(body=b"yes, it is me")

    with ScriptedServer(listen) as other:
        facts = {**record(home), "pid": os.getpid(), "port": other.port}
        control.Files(home).record.write_text(json.dumps(facts))
        assert control.find(home) is None
    assert len(heard) == 1
    secrets = [facts["token"], *running.credentials.values()]
    assert not any(secret in text for secret in secrets for text in heard)
    control.Files(home).record.unlink()


def server_of(pid: int, port: int, token: str, home: Path) -> control.LocalServer:
    return control.LocalServer(pid=pid, port=port, endpoint_url="", started_at="", home=home, token=token)


@pytest.fixture
def ignores_sigterm() -> Iterator[subprocess.Popen[bytes]]:
    """A process that prints when it gets SIGTERM, and ignores it."""
    script = "import signal, time; signal.signal(15, lambda *_: print('asked', flush=True)); print(flush=True)"
    command = [sys.executable, "-c", f"{script}\nwhile True: time.sleep(60)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_stop_that_takes_too_long_is_a_problem(ignores_sigterm: subprocess.Popen[bytes], tmp_path: Path) -> None:
    with stranger("token") as other, pytest.raises(Problem, match="has not ended"):
        control.stop(server_of(ignores_sigterm.pid, other.port, "token", tmp_path), timeout_seconds=0.1)
    assert ignores_sigterm.stdout is not None
    assert ignores_sigterm.stdout.readline() == b"asked\n"


def test_a_process_that_is_not_the_server_gets_no_signal(
    ignores_sigterm: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    with stranger("of another") as other:
        control.stop(server_of(ignores_sigterm.pid, other.port, "token", tmp_path), timeout_seconds=0.1)
    assert ignores_sigterm.stdout is not None
    assert not select.select([ignores_sigterm.stdout], [], [], 0.2)[0]


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    files = control.Files(tmp_path)
    files.folder.mkdir()
    files.objects.write_text("blocked_by_active_job")
    with pytest.raises(Problem) as caught:
        control.start(tmp_path, entrypoint=SHELL)
    assert "did not start" in caught.value.what
    assert "objects" in caught.value.what
    assert str(files.log) in caught.value.hint


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Problem, match="cannot be made"):
        control.start(tmp_path / "file")


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsctl.installation.find_spec", lambda name: None)
    with pytest.raises(Problem) as caught:
        control.start(tmp_path)
    assert caught.value.code is ErrorCode.INSTALLATION_INCOMPLETE


def test_asking_costs_neither_moto_nor_flask() -> None:
    script = (
        "import sys, pathlib; from opsctl.local import control; control.find(pathlib.Path('/nowhere'));"
        "print([name for name in ('moto', 'flask', 'boto3', 'werkzeug', 'http.client') if name in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert output == "[]\n"


def test_the_record_names_the_server(homes: Homes) -> None:
    home, running = homes.start()
    facts = record(home)
    assert (facts["pid"], facts["port"], facts["started_at"]) == (running.pid, running.port, running.started_at)
    assert running.endpoint_url == f"http://127.0.0.1:{running.port}"
    until(lambda: control.find(home) == running)
