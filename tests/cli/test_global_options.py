"""`--verbose` before and after the verb; the log file always."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.example_platform import platform
from support.scripted_http import Reply, ScriptedServer

from opsctl.cli.context import Context
from opsctl.home import Home

Opsctl = Callable[..., Any]


EMPTY = Reply(
    headers={"x-amz-request-id": "r-42"},
    body=b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></ListBucketResult>',
)


@pytest.fixture
def up(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A platform on AWS, whose S3 is empty."""
    with ScriptedServer(lambda _: EMPTY) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        monkeypatch.setattr("opsctl.cli.context.Context._at_current_endpoint", lambda self, known: known)
        Home(home).keep(platform())
        yield


CALL = re.compile(r"^s3\.ListObjectsV2 \d+ ms 200 s3://data/", re.M)


@pytest.mark.parametrize(
    "words", [["-v", "status"], ["status", "-v"], ["--verbose", "status"], ["status", "--verbose"]]
)
def test_calls_are_shown_on_standard_error(opsctl: Opsctl, up: None, words: list[str]) -> None:
    said = opsctl(*words)
    assert CALL.search(said.err)
    assert said.out == ""
    assert "r-42" not in said.err


def test_twice_typed_is_once_shown_and_the_next_command_is_quiet(opsctl: Opsctl, up: None) -> None:
    twice, once = opsctl("-v", "status", "-v"), opsctl("status", "-v")
    assert len(CALL.findall(twice.err)) == len(CALL.findall(once.err))
    assert CALL.findall(opsctl("status").err) == []


def test_the_log_file_has_them_always_with_time_and_request_id(opsctl: Opsctl, up: None, home: Path) -> None:
    opsctl("status")
    line = (home / "opsctl.log").read_text().splitlines()[0]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \d+ s3\.ListObjectsV2 \d+ ms 200 s3://data/", line)
    assert line.endswith(" request r-42")


def test_a_crash_comes_after_the_calls_that_led_to_it(
    opsctl: Opsctl, up: None, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(context: Context, run_id: str | None) -> None:
        context.clients.s3.list_objects_v2(Bucket="data")
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr("opsctl.cli.context.Context.snapshots", broken)
    said = opsctl("status")
    assert said.code == 3
    assert said.err.startswith("This is a bug in opsctl (ZeroDivisionError: by zero).")
    assert str(home / "opsctl.log") in said.err
    log = (home / "opsctl.log").read_text()
    assert 0 < log.index("s3.ListObjectsV2") < log.index("opsctl status (version ") < log.index("Traceback")


@pytest.mark.parametrize("words", [["status", "--help"], ["--help"], ["up", "--help"]])
def test_help_names_it(opsctl: Opsctl, words: list[str]) -> None:
    assert "-v, --verbose" in opsctl(*words).out
