"""The local platform's server is killed within each verb: one sentence, in bounded time; what was stored comes back."""

from __future__ import annotations

import io
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import botocore.httpsession
import pytest
from support.local_servers import alive, client, kill
from support.platform_record import BUCKET, register_platform
from support.small_platform import SmallPlatform, dataset

from opsctl.__main__ import main
from opsctl.home import Home
from opsctl.local import control

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.skipif("BAD_LUCK" not in os.environ, reason="minutes: `make bad-luck` runs them"),
]

_SECONDS = 120


@dataclass(frozen=True)
class Typed:
    """What a command gave."""

    code: int
    text: str
    seconds: float


class Killed:
    """A platform whose server is killed at a request of the command's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.small = SmallPlatform(folder, slots=2)
        for key, body in dataset("HNU1").items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)

    def type(self, *arguments: str, kill_at: int = 0) -> Typed:
        """Type a command; the server dies when the command sends its request of this number."""
        printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        send, requests = botocore.httpsession.URLLib3Session.send, iter(range(1, 100_000))

        def counted(session: Any, request: Any) -> Any:
            if next(requests) == kill_at:
                kill(self.small.server)
            return send(session, request)

        began = time.monotonic()
        with (
            patch.dict(os.environ, {**self.small.environment, "COLUMNS": "200", "TERM": "dumb"}, clear=True),
            patch.object(sys, "argv", ["opsctl", *arguments]),
            patch.object(botocore.httpsession.URLLib3Session, "send", counted),
            chdir(self.folder),
            redirect_stdout(printed),
            redirect_stderr(printed),
            pytest.raises(SystemExit) as end,
        ):
            main()
        printed.seek(0)
        return Typed(int(end.value.code or 0), printed.read(), time.monotonic() - began)

    def is_up(self) -> bool:
        return alive(self.small.server.pid)

    def start_again(self) -> None:
        """What `opsctl up --local` does: the server with its objects, then the queue and the definitions."""
        small = self.small
        shutil.rmtree(self.folder / "bin")
        small.server = control.start(small.home, slots=2, entrypoint=small._entrypoint(), stop_grace_seconds=1.0)
        small.s3 = client(small.server, "s3")
        Home(small.home).keep(register_platform(small.home, small.server, endpoint_url=small.server.endpoint_url))

    def keys(self, prefix: str = "") -> set[str]:
        pages = self.small.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    world = Killed(tmp_path_factory.mktemp("killed"))
    try:
        first = world.type("run", "HNU1", "--yes")
        assert first.code == 0, first.text
        world.small.finish_jobs()
        yield world
    finally:
        world.small.gate.touch()
        world.small.close()


#: The words of a verb, and at which of its requests the server dies.
VERBS = [
    (("status",), 2),
    (("runs",), 2),
    (("results", "out"), 6),
    (("report",), 6),
    (("logs",), 3),
    (("logs", "--follow"), 4),
    (("cost",), 2),
    (("cancel", "--yes"), 3),
    (("upload", "HNU1", "--name", "COPY"), 3),
    (("datasets",), 1),
    (("scans", "HNU1"), 1),
    (("check", "HNU1"), 4),
    (("audit", "HNU1"), 3),
    (("why",), 2),
]
SENTENCES = (
    "cannot be reached",
    "The connection to AWS broke",
    "The local platform is not running",
    "did not arrive whole",
)


@pytest.mark.parametrize(("words", "request_number"), VERBS, ids=[words[0] for words, _ in VERBS])
def test_a_verb_whose_server_dies_ends_with_one_sentence(
    world: Killed, words: tuple[str, ...], request_number: int
) -> None:
    before = world.keys()
    typed = world.type(*words, kill_at=request_number)
    assert not world.is_up(), "the verb made fewer requests than that"
    assert typed.code == 1, typed.text
    assert any(sentence in typed.text for sentence in SENTENCES), typed.text
    assert "Traceback" not in typed.text and "bug" not in typed.text
    assert typed.seconds < _SECONDS
    # The advice, and what the next command says before anybody has followed it.
    after = world.type("status")
    assert (after.code, "`opsctl up --local` brings it back, with its data." in after.text) == (1, True), after.text
    world.start_again()
    assert world.keys() >= before
    if words[0] != "logs":
        again = world.type(*words)
        # `check` and `audit` tell of the scan that has a vector too few.
        assert again.code == (1 if words[0] in ("check", "audit") else 0), again.text


@pytest.mark.parametrize("request_number", [4, 8, 12, 16, 20, 24])
def test_a_run_whose_server_dies_goes_on_and_submits_no_scan_twice(world: Killed, request_number: int) -> None:
    output = f"killed-{request_number}"
    typed = world.type("run", "HNU1", "--modif", output, "--yes", kill_at=request_number)
    if world.is_up():
        assert typed.code == 0, typed.text
    else:
        assert typed.code in (0, 1), typed.text
        assert "Traceback" not in typed.text and "bug" not in typed.text
        assert typed.seconds < _SECONDS
        world.start_again()
        # Batch has forgotten its jobs with the server, so what had been submitted is submitted again.
        again = world.type("run", "HNU1", "--modif", output, "--yes")
        assert again.code == 0, again.text
    world.small.finish_jobs()
    results = [key for key in world.keys("opsctl/runs/") if "/results/" in key]
    claims = world.keys(f"HNU1/derivatives/{output}/")
    assert claims and results
    status = world.type("run", "HNU1", "--modif", output, "--dry-run")
    assert "2 done" in status.text, status.text
