"""The first request of a verb about a run is sent before typer is imported, and only when nothing speaks against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.example_platform import platform
from support.scripted_http import Reply, ScriptedServer

from opsctl import first_request
from opsctl.home import Home

RUNS = (
    b"<ListBucketResult><IsTruncated>false</IsTruncated>"
    b"<CommonPrefixes><Prefix>opsctl/runs/DS1-20260101-000000-ab12/</Prefix></CommonPrefixes></ListBucketResult>"
)
BEGIN = """
import json, os, sys
from opsctl import first_request
from opsctl.first_request import begin, taken
from opsctl.home import Home
at_thread, usual = [], first_request.begin_reading_runs
def noting(*arguments, **options):
    at_thread.append("encodings.idna" in sys.modules)
    usual(*arguments, **options)
first_request.begin_reading_runs = noting
begin(["status"], os.environ)
imported = sorted(sys.modules)
sent = taken(Home.of(os.environ).recall("m2g"), profile=None, verb="status")
print(json.dumps([imported, sent is not None, at_thread]))
"""

#: Of opsctl, all that is imported by then. Each module costs `status` a part of a millisecond to several.
OUR_OWN = {
    *("_version", "config_files", "first_request", "home", "user_path", "whole_file"),
    *("aws.call_log", "aws.clients", "aws.errors", "aws.lean_imports", "aws.parsed_when_asked", "aws.service_models"),
    *("aws.unchecked_events", "aws.s3.body", "aws.s3.early_reply", "aws.s3.listing", "aws.s3.storage"),
    *("aws.s3.workers", "aws.s3.bulk.background", "aws.s3.bulk.list_page"),
    *("completion.option_table", "completion.typed_line"),
    *("core.dataset.s3_object", "core.errors", "core.foreign_json", "core.location"),
    *("core.platform.platform_name", "core.record", "core.size_limits"),
    # Imported while the request is on its way.
    *("aws.s3.bulk.incoming_reply", "aws.s3.connection", "aws.s3.direct", "aws.s3.signature"),
}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(lambda _: Reply(body=RUNS)) as scripted:
        yield scripted


@pytest.fixture
def known(home: Path, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A machine that knows a platform on AWS, and has not imported typer."""
    for name in ("OPSCTL_PLATFORM", "OPSCTL_PROFILE", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "typer")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    kept = Home(home)
    kept.keep(platform())
    kept.path.chmod(0o700)
    return kept


def test_neither_typer_nor_click_is_imported_before_it(known: Home) -> None:
    read = ("OPSCTL_HOME", "OPSCTL_PLATFORM", "OPSCTL_PROFILE")
    unset = {name: value for name, value in os.environ.items() if not name.startswith("OPSCTL_") or name in read}
    environment = {**unset, "OPSCTL_CONFIG": os.devnull}
    ended = subprocess.run(
        [sys.executable, "-c", BEGIN], capture_output=True, text=True, timeout=60, check=True, env=environment
    )
    imported, is_sent, has_codec = json.loads(ended.stdout)
    assert is_sent
    assert {"typer", "click", "rich", "boto3", "opsctl.boundary", "opsctl.cli"} & set(imported) == set()
    # While this thread computes, the one that sends would wait for Python at each of its files.
    assert has_codec == [True]
    own = {name.removeprefix("opsctl.") for name in imported if name.startswith("opsctl.")}
    folders = {name.rpartition(".")[0] for name in OUR_OWN} | {"aws", "core"}
    assert own - OUR_OWN - folders == set()


@pytest.mark.parametrize(
    "words", [["status"], ["why", "sub-1"], ["status", "--json"], ["logs", "--tail", "3"], ["cost"]]
)
def test_the_runs_are_asked_for(known: Home, server: ScriptedServer, words: list[str]) -> None:
    first_request.begin(words, os.environ)
    sent = first_request.taken(platform(), profile=None, verb=words[0])
    assert sent is not None
    assert sent.storage.folders(first_request.runs_folder("data")) == ["DS1-20260101-000000-ab12"]
    assert len(server.requests) == 1


def test_a_run_that_was_typed_is_asked_for(known: Home, server: ScriptedServer) -> None:
    first_request.begin(["status", "--run", "DS1-1"], os.environ)
    sent = first_request.taken(platform(), profile=None, verb="status")
    assert sent is not None
    assert sent.storage.get_body("data", "opsctl/runs/DS1-1/run.json", at_most=10_000) == RUNS


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["runs"],
        ["status", "--help"],
        ["status", "-v"],
        ["cost", "--all"],
        ["status", "--platform", "other"],
        ["status", "--platform", "../x"],
        ["status", "--run"],
        ["status", "--wrong"],
        ["status", "--profile", "no-such-profile"],
    ],
)
def test_nothing_is_sent_for_another_line(known: Home, server: ScriptedServer, words: list[str]) -> None:
    first_request.begin(words, os.environ)
    assert first_request.taken(platform(), profile=None, verb="status") is None
    assert server.requests == []


@pytest.mark.parametrize("obstacle", ["readable", "local", "damaged", "setting", "no file", "typer"])
def test_nothing_is_sent_where_something_speaks_against_it(
    known: Home, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, obstacle: str
) -> None:
    if obstacle == "readable":
        known.path.chmod(0o755)
    elif obstacle == "local":
        known.keep(platform(endpoint_url=server.url))
    elif obstacle == "damaged":
        (known.platform_dir("m2g") / "record.json").write_text("{")
    elif obstacle == "setting":
        monkeypatch.setenv("OPSCTL_MEMORY", "much")
    elif obstacle == "no file":
        monkeypatch.setenv("OPSCTL_CONFIG", str(known.path / "none.toml"))
    else:
        monkeypatch.setitem(sys.modules, "typer", os)
    first_request.begin(["status"], os.environ)
    assert first_request.taken(platform(), profile=None, verb="status") is None
    assert server.requests == []


def test_the_reply_for_another_platform_profile_or_verb_is_not_taken(known: Home) -> None:
    for other, profile, verb in (
        (platform(data_bucket="other"), None, "status"),
        (platform(), "work", "status"),
        (platform(), None, "why"),
    ):
        first_request.begin(["status"], os.environ)
        assert first_request.taken(other, profile=profile, verb=verb) is None
    first_request.begin(["status"], os.environ)
    assert first_request.taken(platform(), profile=None, verb="status") is not None
    assert first_request.taken(platform(), profile=None, verb="status") is None
