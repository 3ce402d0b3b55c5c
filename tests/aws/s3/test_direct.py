"""Many objects by plain HTTP: the same objects, errors and log lines as by botocore, which does what is not usual."""

from __future__ import annotations

import hashlib
import logging
import random
import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, RefreshableCredentials
from hypothesis import given, settings
from hypothesis import strategies as st
from support.direct_requests import is_direct_request, put, storage_at
from support.kept_objects import KeptObjects

from opsctl.aws.call_log import CALLS
from opsctl.aws.clients import Clients
from opsctl.aws.s3.direct import encoded
from opsctl.aws.s3.signature import signed
from opsctl.aws.s3.storage import Storage
from opsctl.core.errors import Problem

WAYS = pytest.mark.parametrize("is_direct", [True, False], ids=["direct", "botocore"])


@settings(max_examples=50, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    st.dictionaries(st.sampled_from(["content-type", "x-amz-meta-a", "if-match"]), st.text("ab \t9;/", max_size=8)),
    st.sampled_from([None, "a token/+="]),
)
def test_a_signature_is_botocores(key: str, headers: dict[str, str], token: str | None) -> None:
    credentials, path = Credentials("AKID", "secret", token), f"/data/{encoded(key)}"
    sha256 = hashlib.sha256(b"x").hexdigest()
    theirs = AWSRequest("PUT", f"http://127.0.0.1:1{path}", headers={**headers, "host": "127.0.0.1:1"}, data=b"x")
    theirs.context["payload_signing_enabled"] = True
    S3SigV4Auth(credentials, "s3", "eu-west-1").add_auth(theirs)
    now = datetime.strptime(theirs.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    ours = signed(
        "PUT",
        path,
        {**headers, "host": "127.0.0.1:1"},
        payload_sha256=sha256,
        credentials=credentials.get_frozen_credentials(),
        region="eu-west-1",
        now=now,
    )
    assert ours["authorization"] == theirs.headers["Authorization"]


def test_any_key_is_sent_as_botocore_sends_it_and_comes_back(kept: KeptObjects, direct_storage: Storage) -> None:
    seeded = random.Random(17)
    keys = [
        "a//b",
        "/a",
        "a/",
        "a/../b",
        "./a",
        "..",
        ".",
        "a b+c%20&=?#",
        "é/日本/\U0001f9e0",
        "a\x01\x7f\n\r\t",
        "~'()*!",
    ]
    keys += ["".join(chr(seeded.choice([*range(1, 256), 0x2028, 0xFFFF])) for _ in range(20)) for _ in range(40)]
    put(direct_storage, *((key, key.encode()) for key in keys))
    assert all(map(is_direct_request, kept.requests))
    by_direct = dict(kept.objects)
    assert direct_storage.get_bodies("data", keys) == {key: key.encode() for key in keys}
    assert all(map(is_direct_request, kept.requests))
    kept.objects.clear()
    kept.requests.clear()
    put(storage_at(kept.url, is_direct=False), *((key, key.encode()) for key in keys))
    assert not any(map(is_direct_request, kept.requests))
    assert kept.objects == by_direct


@WAYS
@pytest.mark.parametrize(
    "refused",
    [
        (403, "AccessDenied"),
        (404, "NoSuchBucket"),
        (400, "ExpiredToken"),
        (403, "RequestTimeTooSkewed"),
        (403, "InvalidAccessKeyId"),
        (400, "KeyTooLongError"),
    ],
    ids=lambda refused: refused[1],
)
def test_a_refusal_has_the_same_words(kept: KeptObjects, refused: tuple[int, str], *, is_direct: bool) -> None:
    def words(way: Storage) -> str:
        kept.faults = [refused] * 20
        with pytest.raises(Problem) as caught:
            put(way, ("r/a", b"{}"))
        # A loaded machine answers seconds late, and the sentence about a wrong clock names them.
        what = re.sub(r"is \d+ s (ahead of|behind) AWS's", "differs from AWS's", str(caught.value))
        return f"{what} {caught.value.hint} {caught.value.code}"

    assert words(storage_at(kept.url, is_direct=is_direct)) == words(storage_at(kept.url, is_direct=False))


def test_nobody_there_has_the_same_words() -> None:
    said = set()
    for is_direct in (True, False):
        with pytest.raises(Problem) as caught:
            put(storage_at("http://127.0.0.1:1", is_direct=is_direct, is_hurried=True), ("a", b"{}"))
        said.add(str(caught.value))
    assert len(said) == 1


@pytest.mark.parametrize("fault", [(503, "SlowDown"), (500, "InternalError"), (307, "TemporaryRedirect"), "gone"])
def test_a_write_that_fails_is_done_by_botocore(kept: KeptObjects, direct_storage: Storage, fault: Any) -> None:
    kept.faults = [fault]
    put(direct_storage, ("r/a", b"{}"))
    assert kept.objects == {"/data/r/a": b"{}"}
    assert [is_direct_request(request) for request in kept.requests] == [True, False]
    assert {request.headers["Content-Type"] for request in kept.requests} == {"application/json"}


@pytest.mark.parametrize("fault", ["gone", "cut", "other bytes", (503, "SlowDown")])
def test_a_read_that_fails_is_done_by_botocore(kept: KeptObjects, direct_storage: Storage, fault: Any) -> None:
    put(direct_storage, ("r/a", b"record"))
    kept.requests.clear()
    kept.faults = [fault]
    assert direct_storage.get_bodies("data", ["r/a"]) == {"r/a": b"record"}
    assert [is_direct_request(request) for request in kept.requests] == [True, False]


def test_an_object_that_is_missing_is_left_out(kept: KeptObjects, direct_storage: Storage) -> None:
    put(direct_storage, ("r/a", b"record"))
    assert direct_storage.get_bodies("data", ["r/none", "r/a"]) == {"r/a": b"record"}


def test_a_service_that_speaks_otherwise_is_left_to_botocore(kept: KeptObjects, direct_storage: Storage) -> None:
    put(direct_storage, ("r/a", b"record"), ("r/b", b"record"))
    kept.requests.clear()
    kept.faults = ["no length"]
    for _ in range(2):
        assert direct_storage.get_bodies("data", ["r/a"]) == {"r/a": b"record"}
    assert [is_direct_request(request) for request in kept.requests] == [True, False, False]


def test_a_connection_that_s3_has_closed_meanwhile_loses_nothing(kept: KeptObjects, direct_storage: Storage) -> None:
    for number in range(3):
        # It answers, and ends the connection.
        kept.faults = [None, "gone"]
        put(direct_storage, (f"r/{number}", b"{}"), (f"s/{number}", b"{}"))
    assert len(kept.objects) == 6


def test_a_large_object_is_not_read(kept: KeptObjects, direct_storage: Storage) -> None:
    kept.objects["/data/r/a"] = b" " * 1001
    assert str(direct_storage.get_bodies("data", ["r/a"], at_most=1000)["r/a"]).endswith(
        "more than the 1,000 that it may have."
    )


def test_bodies_are_taken_while_they_are_sent(kept: KeptObjects, direct_storage: Storage) -> None:
    go, taken = threading.Event(), []

    def bodies() -> Iterator[tuple[str, bytes]]:
        for number in range(2000):
            taken.append(number)
            yield f"r/{number}", b"{}"

    kept.faults = [lambda: go.wait(30) and None] * 200
    with direct_storage.putting_bodies("data", bodies()) as wait:
        before = len(taken)
        go.set()
        wait()
    assert before <= 129
    assert len(kept.objects) == 2000


def test_an_iterable_that_fails_is_told(direct_storage: Storage) -> None:
    def bodies() -> Iterator[tuple[str, bytes]]:
        yield "r/a", b"{}"
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"), direct_storage.putting_bodies("data", bodies()) as wait:
        wait()


def test_each_call_is_logged(kept: KeptObjects, direct_storage: Storage, caplog: pytest.LogCaptureFixture) -> None:
    CALLS.addHandler(caplog.handler)
    try:
        kept.faults = [None, (503, "SlowDown")]
        for key in ("HNU1/sub-1/a", "HNU1/sub-1/b"):
            put(direct_storage, (key, b"{}"))
    finally:
        CALLS.removeHandler(caplog.handler)
    words = [record.getMessage().split() for record in caplog.records if record.name == CALLS.name]
    # No line says that a request was prepared, because none was sent then.
    assert [(word[0], word[2], word[3], word[-1]) for word in words] == [
        ("s3.PutObject", "ms", "200", "s3://data/HNU1/…"),
        ("s3.PutObject", "ms", "503", "s3://data/HNU1/…"),
        ("s3.PutObject", "ms", "200", "s3://data/HNU1/…"),
    ]
    assert caplog.records[0].request_id == "ID1"  # type: ignore[attr-defined]
    assert caplog.records[0].levelno == logging.INFO


def test_the_user_agent_is_botocores(kept: KeptObjects) -> None:
    put(storage_at(kept.url, verb="upload"), ("a", b"{}"))
    assert kept.requests[0].headers["User-Agent"].endswith("md/verb#upload")


def test_credentials_that_are_refreshed_in_the_middle(kept: KeptObjects) -> None:
    clients, sessions = Clients(endpoint_url=kept.url), iter(range(1, 9))

    def refresh() -> dict[str, str]:
        ends = datetime.now(UTC) + timedelta(seconds=1)
        return {"access_key": f"K{next(sessions)}", "secret_key": "s", "token": "t", "expiry_time": ends.isoformat()}

    # They are refreshed some minutes before they end, so these are each time.
    login = RefreshableCredentials.create_from_metadata(refresh(), refresh, "test")
    clients._session._credentials = login  # type: ignore[attr-defined]
    put(Storage(clients.s3, clients.s3_direct), ("a", b"{}"), ("b", b"{}"))
    keys = {request.headers["Authorization"].partition("Credential=")[2].partition("/")[0] for request in kept.requests}
    assert all(map(is_direct_request, kept.requests))
    assert len(keys) == 2
    assert {request.headers["X-Amz-Security-Token"] for request in kept.requests} == {"t"}


def test_no_login_has_botocores_words(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = Clients(region="us-east-1")
    with pytest.raises(Problem, match="no AWS credentials"):
        put(Storage(clients.s3, clients.s3_direct), ("a", b"{}"))


def test_a_proxy_is_asked_by_botocore(kept: KeptObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("HTTP_PROXY", kept.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    # Without the proxy it would be reached too.
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://localhost:{kept.port}")
    clients = Clients(region="us-east-1")
    put(Storage(clients.s3, clients.s3_direct), ("a", b"{}"))
    assert [is_direct_request(request) for request in kept.requests] == [False]
    assert kept.requests[0].path.startswith("http://")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_the_certificates_of_an_institute_are_trusted_and_no_others(
    kept: KeptObjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")]
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    subprocess.run([*command.split(), "-keyout", files[0], "-out", files[1]], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[0])
    kept._server.socket = context.wrap_socket(kept._server.socket, server_side=True)
    url = f"https://localhost:{kept.port}"
    monkeypatch.setenv("AWS_CA_BUNDLE", files[1])
    put(storage_at(url), ("a", b"{}"), ("large", bytes(8_000_000)))
    assert {key: len(body) for key, body in kept.objects.items()} == {"/data/a": 2, "/data/large": 8_000_000}
    assert [is_direct_request(request) for request in kept.requests] == [True, True]
    kept.requests.clear()
    monkeypatch.delenv("AWS_CA_BUNDLE")
    with pytest.raises(Problem, match="certificate is not trusted"):
        put(storage_at(url, is_hurried=True), ("b", b"{}"))
    kept._server.errors.clear()
    assert not kept.requests
