"""The verbs about a run send their first request before most of opsctl is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.example_platform import platform
from support.scripted_http import Reply, ScriptedServer

from opsctl.aws.clients import Clients
from opsctl.aws.s3.storage import Storage
from opsctl.core.errors import Problem
from opsctl.core.location import Location
from opsctl.home import Home

RUNS = (
    b"<ListBucketResult><IsTruncated>false</IsTruncated>"
    b"<CommonPrefixes><Prefix>opsctl/runs/DS1-20260101-000000-ab12/</Prefix></CommonPrefixes></ListBucketResult>"
)
BEGIN = """
import json, sys
from opsctl.cli.context import Context
Context().begin_reading_runs(None)
print(json.dumps(sorted(sys.modules)))
"""
#: What takes long to import, and is needed only when the reply is there.
LATER = {
    "rich",
    "boto3",
    "s3transfer",
    "opsctl.commands.runs.records",
    "opsctl.core.runs.result",
    "opsctl.core.runs.status",
}


def test_it_is_sent_before_the_rest_is_imported(home: Path) -> None:
    Home(home).keep(platform())
    # Port 9 answers nobody; whether there is an answer is not looked at.
    aws = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    environment = {**os.environ, **aws, "AWS_MAX_ATTEMPTS": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", BEGIN], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    imported = json.loads(ended.stdout)
    assert "opsctl.aws.s3.storage" in imported
    assert LATER & set(imported) == set()


def test_the_reply_is_taken_once_and_then_asked_for_again() -> None:
    runs = Location("data", "opsctl/runs")
    with ScriptedServer(lambda _: Reply(body=RUNS)) as server:
        storage = Storage(Clients(endpoint_url=server.url).s3)
        storage.begin_folders(runs)
        assert storage.folders(runs) == ["DS1-20260101-000000-ab12"]
        assert len(server.requests) == 1
        assert storage.folders(runs) == ["DS1-20260101-000000-ab12"]
        assert len(server.requests) == 2


def test_a_record_that_is_not_there_is_none() -> None:
    with ScriptedServer(lambda _: Reply(status=404)) as server:
        storage = Storage(Clients(endpoint_url=server.url).s3)
        storage.begin_body("data", "opsctl/runs/x/run.json", at_most=100)
        assert storage.get_body("data", "opsctl/runs/x/run.json", at_most=100) is None
        assert len(server.requests) == 1


def test_a_refusal_is_told_where_the_reply_is_taken() -> None:
    runs = Location("data", "opsctl/runs")
    with ScriptedServer(lambda _: Reply(status=403)) as server:
        storage = Storage(Clients(endpoint_url=server.url).s3)
        storage.begin_folders(runs)
        with pytest.raises(Problem, match="listing s3://data/opsctl/runs"):
            storage.folders(runs)
