"""What is small is sent at once; what is large asks S3 first, which may refuse it before it is sent."""

from __future__ import annotations

import io
from typing import Any

import pytest

from opsctl.aws.clients import Clients


class Sent(Exception):
    """Instead of sending it."""


def client_of(whose: str) -> Any:
    if whose == "a person's":
        return Clients(endpoint_url="http://127.0.0.1:1").s3
    from m2g_job.s3 import make_client

    return make_client()


@pytest.fixture(params=["a person's", "a job's"])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return client_of(request.param)


@pytest.mark.parametrize("is_small", [True, False])
def test_small_bodies_do_not_wait_for_s3s_word(client: Any, *, is_small: bool) -> None:
    heard = []

    def send(request: Any, **_: Any) -> None:
        heard.append(request.headers.get("Expect"))
        raise Sent

    client.meta.events.register("before-send.s3", send)
    body = b"a record" if is_small else io.BufferedReader(io.BytesIO(b"a file"))
    with pytest.raises(Sent):
        client.put_object(Bucket="data", Key="a", Body=body)
    assert heard == [None if is_small else b"100-continue"]
