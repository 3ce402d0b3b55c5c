"""Files of a home that a full disk, a power cut or another program has damaged: one sentence, or mended."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.local_servers import Homes, kill
from support.run_world import PLATFORM

from opsctl.core.errors import Problem
from opsctl.home import Home
from opsctl.local import control

NOISE = bytes(range(128, 256)) + b"\0\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.keep(PLATFORM)
    return home


@pytest.mark.parametrize("damage", [b"", NOISE, b"\n", b"../../..", b"gone"])
def test_the_note_of_the_current_platform_is_no_condition(home: Home, damage: bytes) -> None:
    (home.path / "current").write_bytes(damage)
    assert home.current() == PLATFORM.name


@pytest.mark.parametrize("damage", [b"", NOISE, b"0" * 31, b"0" * 33])
def test_a_damaged_identity_is_made_anew_once(home: Home, damage: bytes) -> None:
    (home.path / "identity").write_bytes(damage)
    identity = home.identity
    assert len(identity) == 32
    assert home.identity == identity
    # Two homes with an empty file each had one name: then a lease of the other's would count as one's own.
    other = Home(home.path / "other")
    other.make(other.path)
    (other.path / "identity").write_bytes(damage)
    assert other.identity != identity


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("local", "`opsctl up --local` writes it anew."),
        (
            "m2g",
            "`opsctl up --local --name m2g` writes it anew; for a platform on AWS `opsctl up --name m2g` does.",
        ),
    ],
)
@pytest.mark.parametrize("damage", [b"", NOISE, b"[" * 100_000, b'{"schema_version": 1}'])
def test_a_damaged_record_names_the_command_that_writes_it_anew(
    home: Home, name: str, hint: str, damage: bytes
) -> None:
    path = home.platform_dir(name) / "record.json"
    home.write(path, "")
    path.write_bytes(damage)
    with pytest.raises(Problem) as caught:
        home.recall(name)
    assert str(path) in caught.value.what
    assert caught.value.hint == hint
    # `down` of another platform neither fails nor stops the server under this one.
    assert name in home.local_names()


def _facts(**changes: object) -> bytes:
    facts = {"pid": os.getpid(), "port": 1, "started_at": "now", "token": "ours", "containers": None}
    return json.dumps({**facts, **changes}).encode()


@pytest.mark.parametrize(
    "damage",
    [
        b"", NOISE, b"[" * 100_000, b"null",
        _facts(pid="x"), _facts(pid=0), _facts(pid=-1), _facts(pid=1.5), _facts(pid=10**30), _facts(pid=None),
        _facts(port="y"), _facts(port=10**9), _facts(port=-1), _facts(port=None), _facts(port="1@example.org"),
        _facts(containers=[1]), _facts(containers={"name": 1}),
    ],
    # The texts hold this process's id, which is another one in each worker.
    ids=map(str, range(17)),
)  # fmt: skip
def test_a_damaged_record_of_the_server_is_no_server(tmp_path: Path, damage: bytes) -> None:
    files = control.Files(tmp_path)
    files.folder.mkdir()
    files.record.write_bytes(damage)
    assert control.find(tmp_path) is None
    control.stop(tmp_path)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homes]:
    homes = Homes(tmp_path_factory.mktemp("homes"))
    yield homes
    homes.close()


@pytest.mark.parametrize("damage", [NOISE, "²".encode(), b"99999999", b"-1", b"22", b""])
def test_a_damaged_port_file_is_no_port(tmp_path: Path, damage: bytes) -> None:
    from opsctl.local.server import _last_port

    files = control.Files(tmp_path)
    files.folder.mkdir()
    assert _last_port(files) == 0
    files.port.write_bytes(damage)
    assert _last_port(files) == 0
    files.port.write_bytes(b"4711")
    assert _last_port(files) == 4711


def test_the_last_port_belongs_to_a_server_of_another_home(homes: Homes) -> None:
    home, first = homes.start()
    control.stop(first)
    other_home = homes.new()
    control.Files(other_home).folder.mkdir()
    control.Files(other_home).port.write_text(str(first.port))
    _, other = homes.start(other_home)
    assert other.port == first.port
    _, again = homes.start(home)
    assert again.port != first.port
    # Killed, while another home's server has come to have its port: neither is taken for the other.
    facts = json.loads(control.Files(home).record.read_text())
    kill(again)
    control.Files(home).record.write_text(json.dumps({**facts, "pid": other.pid, "port": other.port}))
    assert control.find(home) is None
    control.stop(home)
    assert control.find(other_home) == other


def test_a_program_that_accepts_and_never_answers_holds_nobody_up_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opsctl.local.identity._SECONDS", 0.1)
    files = control.Files(tmp_path)
    files.folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        files.record.write_bytes(_facts(port=silent.getsockname()[1]))
        assert control.find(tmp_path) is None
