"""A proxy of the institute's is not asked for the local platform, which it cannot reach."""

from __future__ import annotations

import pytest
from support.scripted_http import Reply, ScriptedServer

from opsctl.aws.clients import Clients

BUCKETS = b"<ListAllMyBucketsResult><Buckets><Bucket><Name>data</Name></Bucket></Buckets></ListAllMyBucketsResult>"


def test_the_local_platform_is_reached_past_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with ScriptedServer(lambda request: Reply(body=BUCKETS)) as server:
        buckets = Clients(endpoint_url=server.url, is_hurried=True).s3.list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in buckets] == ["data"]
