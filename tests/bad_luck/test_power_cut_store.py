"""The power is cut at any system call of the local store: what was answered is whole, and nothing else is half.

`BAD_LUCK_ROUNDS=20 pytest tests/bad_luck/test_power_cut_store.py` cuts each system call 20 times instead of once.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.power_cut import SURVIVALS, Call, Disk, traced_calls

from opsctl.core.errors import Problem
from opsctl.local.s3 import store as store_module
from opsctl.local.s3.store import Store

#: How often each system call is a cut.
ROUNDS = int(os.environ.get("BAD_LUCK_ROUNDS", "1"))

#: Each request is printed before and after: the key, and the digest of its object then, None for none.
REQUESTS = """
import hashlib, json, os, sys
from pathlib import Path

from moto.moto_server.werkzeug_app import create_backend_app
from opsctl.local.s3 import api, objects, store as store_module
from opsctl.local.s3.restoring import restore

fsync = os.fsync


def sync_only_folders(descriptor):
    if os.path.isdir(f"/proc/self/fd/{descriptor}"):
        fsync(descriptor)


def main(folder, broken):
    if broken == "no bytes":
        os.fsync = sync_only_folders
    if broken == "no names":
        store_module.sync_folder = lambda folder: None
    if broken == "blob first":
        objects.ChangeTracker.discard = lambda tracker, blob: blob.path.unlink(missing_ok=True)
    store = store_module.Store(folder / "objects")
    if broken == "no index":
        store._index.execute("PRAGMA synchronous=OFF")
    api.install(store)
    restore(store)
    client = create_backend_app("s3").test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = "AWS4-HMAC-SHA256 Credential=me/20260101/us-east-1/s3/aws4_request"

    def say(*words):
        sys.stdout.write(json.dumps(words) + "\\n")

    def ask(method, path, key, body, digest):
        say("asked", key, digest)
        answer = client.open(path, method=method, data=body, base_url="http://localhost")
        assert answer.status_code < 300, answer.data
        say("answered", key, digest)

    def put(key, body):
        ask("PUT", f"/data/{key}", key, body, hashlib.sha256(body).hexdigest())

    ask("PUT", "/data", "", b"", "")
    put("once", b"a" * 10_000)
    put("replaced", b"b" * 9_000)
    put("gone", b"c" * 100)
    put("replaced", b"d" * 12_000)
    ask("DELETE", "/data/gone", "gone", b"", None)
    begun = client.post("/data/parts?uploads", base_url="http://localhost").data.decode()
    upload = f"uploadId={begun.partition('<UploadId>')[2].partition('<')[0]}"
    part = client.put(f"/data/parts?partNumber=1&{upload}", data=b"e" * 7_000, base_url="http://localhost")
    parts = f"<Part><PartNumber>1</PartNumber><ETag>{part.headers['ETag']}</ETag></Part>"
    whole = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
    ask("POST", f"/data/parts?{upload}", "parts", whole, hashlib.sha256(b"e" * 7_000).hexdigest())
    put("replaced", b"f" * 11)


# One import of moto for all: it takes longer than the rest.
for broken in sys.argv[2:]:
    if os.fork() == 0:
        main(Path(sys.argv[1]) / broken, broken)
        os._exit(0)
    assert os.wait()[1] == 0
"""
BROKEN = ("no bytes", "no names", "no index", "blob first")


def surviving(folder: Path) -> dict[str, str | None]:
    """The digests of the objects, after a start on what a cut left; None for an object without its bytes."""
    store = Store(folder / "objects")
    missing = store.sweep()
    digests = {}
    for record in store.records():
        assert record.blob is not None
        is_whole = record.blob.path.name not in missing and record.blob.path.stat().st_size == record.blob.size_bytes
        digests[record.key] = hashlib.sha256(record.blob.path.read_bytes()).hexdigest() if is_whole else None
    store.close()
    return digests


def losses(calls: list[Call], folder: Path, *, rounds: int) -> Iterator[str]:
    """Cut the power after each call that concerns a folder, and compare what is left with what was answered."""
    choose = random.Random(5)
    disk = Disk(folder)
    answered: dict[str, str | None] = {}
    asked: dict[str, str | None] = {}
    for number, call in enumerate(calls):
        if call.name == "print":
            for word, key, digest in map(json.loads, call.data.splitlines()):
                (asked if word == "asked" else answered)[key] = digest
                if word == "answered":
                    del asked[key]
        elif disk.carry_out(call) and call.name != "mkdir":
            for turn in range(rounds):
                survival = SURVIVALS[(number + turn) % len(SURVIVALS)]
                for loss in _lost(disk, choose, survival, answered, asked):
                    yield f"{number} {call.name} {call.path.name} {survival}: {loss}"


def _lost(
    disk: Disk,
    choose: random.Random,
    survival: tuple[float, float],
    answered: dict[str, str | None],
    asked: dict[str, str | None],
) -> Iterator[str]:
    # In memory: every start of a store syncs its index.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        disk.write(Path(scratch), choose, names=survival[0], data=survival[1])
        try:
            left = surviving(Path(scratch))
        except (Problem, OSError, sqlite3.Error) as error:
            yield f"{type(error).__name__}: {error}"
            return
    for key in (answered | asked | left).keys() - {""}:
        allowed = {answered.get(key), asked.get(key, answered.get(key))}
        if left.get(key) not in allowed or (key in left and left[key] is None):
            yield key


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody cuts the power of the store that looks at what is left."""
    monkeypatch.setattr(store_module, "sync_folder", lambda folder: None)


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[Call], Path]]:
    """The calls of a store as it is, and of stores that are broken on purpose, each in its own folder."""
    folder = tmp_path_factory.mktemp("stores")
    names = ("sound", *BROKEN)
    for name in names:
        (folder / name).mkdir()
    calls = traced_calls(REQUESTS, folder, folder / "trace", *names)
    belongs = {name: [call for call in calls if call.path.is_relative_to(folder / name)] for name in names}
    first = {name: calls.index(belongs[name][0]) for name in names} | {"": len(calls)}
    ends = list(first.values())[1:]
    return {name: (calls[first[name] : end], folder / name) for name, end in zip(names, ends, strict=True)}


def test_what_was_answered_is_whole_and_nothing_else_is_half(traces: dict[str, tuple[list[Call], Path]]) -> None:
    calls, folder = traces["sound"]
    assert len([call for call in calls if call.name == "print"]) == 16
    assert list(losses(calls, folder, rounds=ROUNDS)) == []


@pytest.mark.campaign
@pytest.mark.parametrize("broken", BROKEN)
def test_a_store_that_is_not_safe_is_found_out(traces: dict[str, tuple[list[Call], Path]], broken: str) -> None:
    calls, folder = traces[broken]
    assert next(losses(calls, folder, rounds=len(SURVIVALS)), None) is not None
