"""The local server under attack, byte by byte: hosts, web pages, lengths, chunks, and connections that say nothing."""

from __future__ import annotations

import re
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from support.local_servers import Homes, client

from opsctl.local import control

PORT = "PORT"


@pytest.fixture(scope="module")
def server(homes: Homes) -> control.LocalServer:
    _, server = homes.start()
    s3 = client(server, "s3")
    s3.create_bucket(Bucket="data")
    s3.put_object(Bucket="data", Key="k", Body=b"kept")
    return server


@pytest.fixture(scope="module")
def signed(server: control.LocalServer) -> str:
    """The header of a request with the user's key."""
    scope = f"{server.credentials['AWS_ACCESS_KEY_ID']}/20261128/us-east-1/s3/aws4_request"
    date = f"X-Amz-Date: {datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    return f"Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00\r\n{date}"


def send(server: control.LocalServer, raw: bytes, *, hang_up: bool = True) -> bytes:
    """Send bytes, end the sending side, and read until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(raw)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while data := connection.recv(65_536):
            answer += data
    return answer


def ask(server: control.LocalServer, line: str, *headers: str, body: bytes = b"") -> tuple[int, bytes]:
    """Send a request of these lines; its status and the rest of the answer."""
    lines = "\r\n".join([line, *headers, "", ""]).replace(PORT, str(server.port))
    answer = send(server, lines.encode("latin-1") + body)
    match = re.match(rb"HTTP/1.1 (\d+) ", answer)
    assert match is not None, answer
    return int(match[1]), answer


GET, HOST = "GET /data/k HTTP/1.1", f"Host: 127.0.0.1:{PORT}"


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"LOCALHOST:{PORT}"])
def test_the_key_opens_the_server_by_its_own_names(server: control.LocalServer, signed: str, host: str) -> None:
    status, answer = ask(server, GET, f"Host: {host}", signed, "Sec-Fetch-Site: none")
    assert (status, answer.endswith(b"kept")) == (200, True)


@pytest.mark.parametrize(
    ("status", "line", "headers"),
    [
        # Other names, and names that hold this one.
        *(
            (403, GET, [f"Host: {host}"])
            for host in (
                "example.org", "evil-localhost", f"evil-localhost:{PORT}", f"evil127.0.0.1:{PORT}", "localhost",
                f"localhost.:{PORT}", f"127.0.0.1.example.org:{PORT}", f"data.localhost:{PORT}", f"[::1]:{PORT}",
                f"127.0.0.1:{PORT}@example.org", f"0.0.0.0:{PORT}", f"127.1:{PORT}", "127.0.0.1:1", f":{PORT}", "",
                f"127.0.0.1:{PORT},127.0.0.1:{PORT}", f"127.0.0.1:0{PORT}", f"2130706433:{PORT}",
            )
        ),
        (403, GET, []),
        (400, GET, [HOST, HOST]),
        (400, GET, [HOST, "Host: example.org"]),
        (400, GET, ["Host: example.org", HOST]),
        (403, GET, [f"Host: 127.0.0.1:{PORT}\r\n .example.org"]),
        (400, f"GET http://example.org:{PORT}/data/k HTTP/1.1", [HOST]),
        (400, f"GET http://127.0.0.1:{PORT}/data/k HTTP/1.1", [HOST]),
        # Pages in the user's browser.
        *((403, GET, [HOST, f"Origin: {origin}"]) for origin in ("https://example.org", "null", f"http://localhost:{PORT}")),
        *((403, GET, [HOST, f"Sec-Fetch-Site: {site}"]) for site in ("cross-site", "same-site", "Cross-Site", "", "x")),
        (403, GET, [HOST, "Sec-Fetch-Site: none", "sec-fetch-site: cross-site"]),
        # Requests that two programs would read in two ways.
        (400, "PUT /data/x HTTP/1.1", [HOST, "Content-Length: 1", "Content-Length: 2"]),
        (400, "PUT /data/x HTTP/1.1", [HOST, "Content-Length: 1", "Content-Length: 1"]),
        (400, "PUT /data/x HTTP/1.1", [HOST, "Content-Length: 1, 1"]),
        (400, "PUT /data/x HTTP/1.1", [HOST, "Content-Length: -1"]),
        (400, "PUT /data/x HTTP/1.1", [HOST, "Content-Length: +1"]),
        (400, "PUT /data/x HTTP/1.1", [HOST, "Content-Length: 0x1"]),
        (400, "PUT /data/x HTTP/1.1", [HOST, "Content-Length: 1", "Transfer-Encoding: chunked"]),
        (400, "PUT /data/x HTTP/1.1", [HOST, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]),
        (400, "PUT /data/x HTTP/1.1", [HOST, "Transfer-Encoding: gzip, chunked"]),
        (400, "PUT /data/x HTTP/1.1", [HOST, "Transfer-Encoding: identity"]),
        (400, "PUT /data/x HTTP/1.1", [HOST, "Content-Length : 1"]),
        (400, GET, [HOST, "no header", "Content-Length: 1"]),
        (405, "OPTIONS /data/k HTTP/1.1", [HOST]),
        (405, "PATCH /data/k HTTP/1.1", [HOST]),
        (405, "TRACE /data/k HTTP/1.1", [HOST]),
        (405, "get /data/k HTTP/1.1", [HOST]),
        (405, "CONNECT 127.0.0.1:1 HTTP/1.1", [HOST]),
        (400, "GET * HTTP/1.1", [HOST]),
        (400, "GET data/k HTTP/1.1", [HOST]),
        # moto's own pages.
        *(
            (403, f"{method} {path} HTTP/1.1", [HOST])
            for method, path in (
                ("POST", "/moto-api/reset"), ("GET", "/moto-api/data.json"), ("POST", "/%6doto-api/reset"),
                ("POST", "//moto-api/reset"), ("GET", "/favicon.ico"), ("GET", "/latest/meta-data/iam"),
                ("GET", "/latest/meta-data/iam/security-credentials/default-role"), ("PUT", "/latest/api/token"),
            )
        ),
    ],
)  # fmt: skip
def test_what_is_unclear_or_of_a_web_page_is_refused_also_with_the_key(
    server: control.LocalServer, signed: str, status: int, line: str, headers: list[str]
) -> None:
    answered, answer = ask(server, line, *headers, signed)
    assert answered == status
    assert b"kept" not in answer


@pytest.mark.parametrize(
    "credential",
    [
        None,
        "",
        "Authorization: Basic bG9jYWw6bG9jYWw=",
        *(
            f"Authorization: AWS4-HMAC-SHA256 Credential={key}/20261128/us-east-1/{service}/aws4_request, Signature=00"
            for key in ("local", "none", "%s", "\xe9", "AKIAIOSFODNN7EXAMPLE")
            for service in ("s3", "batch", "iam")
        ),
        "?X-Amz-Credential=local/20261128/us-east-1/s3/aws4_request&X-Amz-Signature=00",
        "?AWSAccessKeyId=local&Signature=00&Expires=2000000000",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_without_the_key_nothing_happens(server: control.LocalServer, method: str, credential: str | None) -> None:
    query = credential if credential and credential.startswith("?") else ""
    header = [credential] if credential and not query else []
    status, answer = ask(server, f"{method} /data/k{query} HTTP/1.1", HOST, *header, "Content-Length: 5", body=b"other")
    # A signature in the old form has a status of its own, as on AWS.
    assert status in (400, 403)
    assert b"<Code>" in answer or b'"__type"' in answer
    assert client(server, "s3").get_object(Bucket="data", Key="k")["Body"].read() == b"kept"


def test_a_refusal_does_not_wait_for_the_body(server: control.LocalServer) -> None:
    head = f"PUT /data/x HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 1000000000000\r\n\r\n"
    # The client goes on holding the connection, and has its answer.
    assert send(server, head.encode(), hang_up=False).startswith(b"HTTP/1.1 403 ")


def test_a_presigned_address_carries_the_key(server: control.LocalServer) -> None:
    url = client(server, "s3").generate_presigned_url("get_object", {"Bucket": "data", "Key": "k"})
    with urllib.request.urlopen(url) as reply:
        assert reply.read() == b"kept"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url.replace(server.credentials["AWS_ACCESS_KEY_ID"], "0" * 40))


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ("Transfer-Encoding: chunked", b"FFFFFFFFFFFF\r\nab"),
        ("Transfer-Encoding: chunked", b"100000\r\nab"),
        ("Transfer-Encoding: chunked", b"2\r\nab"),
        ("Transfer-Encoding: chunked", b"2\r\nab\r\n"),
        ("Transfer-Encoding: chunked", b"2\r\nabXX0\r\n\r\n"),
        ("Transfer-Encoding: chunked", b"2\r\nab\r\n0\r\n"),
        ("Transfer-Encoding: chunked", b"2\r\nab\r\n0\r\n" + b"a: b\r\n" * 50 + b"\r\n"),
        ("Transfer-Encoding: chunked", b"-2\r\nab\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", b"0x2\r\nab\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", b"\r\n"),
        ("Transfer-Encoding: chunked", b"2;" + b"x" * 5000 + b"\r\nab\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", b""),
        ("Content-Length: 1000000", b"ab"),
        ("Content-Length: 3", b"ab"),
    ],
)
def test_a_body_that_ends_early_writes_nothing_and_takes_no_memory(
    server: control.LocalServer, signed: str, headers: str, body: bytes
) -> None:
    before = peak_kib(server)
    status, answer = ask(server, "PUT /data/cut HTTP/1.1", HOST, signed, headers, body=body)
    assert status == 400
    assert b"IncompleteBody" in answer or b"EntityTooLarge" in answer
    with pytest.raises(ClientError, match="404"):
        client(server, "s3").head_object(Bucket="data", Key="cut")
    assert peak_kib(server) - before < 16 * 1024


def test_chunks_with_extensions_and_trailers_arrive(server: control.LocalServer, signed: str) -> None:
    body = b"2;a=b\r\nab\r\nA\r\n0123456789\r\n0\r\nx: y\r\n\r\n"
    assert ask(server, "PUT /data/chunks HTTP/1.1", HOST, signed, "Transfer-Encoding: chunked", body=body)[0] == 200
    assert client(server, "s3").get_object(Bucket="data", Key="chunks")["Body"].read() == b"ab0123456789"


@pytest.mark.parametrize("headers", ["Content-Length: 5368709121", "Transfer-Encoding: chunked"])
def test_a_body_longer_than_s3_takes_is_refused_before_it_comes(
    server: control.LocalServer, signed: str, headers: str
) -> None:
    body = b"140000001\r\n" if "chunked" in headers else b""
    status, answer = ask(server, "PUT /data/long HTTP/1.1", HOST, signed, headers, body=body)
    assert (status, b"EntityTooLarge" in answer) == (400, True)


def test_another_service_takes_some_megabytes(server: control.LocalServer, signed: str) -> None:
    headers = [HOST, signed.replace("/s3/", "/batch/"), "Content-Length: 16777217"]
    assert ask(server, "POST /v1/submitjob HTTP/1.1", *headers)[0] == 413


@pytest.fixture
def silent(server: control.LocalServer) -> Iterator[ExitStack]:
    """More connections than the server has at once, all of them in the middle of a request's head."""
    with ExitStack() as connections:
        for _ in range(300):
            half_open = socket.create_connection(("127.0.0.1", server.port), timeout=30)
            connections.enter_context(half_open)
            half_open.sendall(b"GET / HTTP/1.1\r\nHost: ")
        yield connections


def test_connections_that_say_nothing_do_not_keep_the_owner_out(server: control.LocalServer, silent: ExitStack) -> None:
    assert client(server, "s3").get_object(Bucket="data", Key="k")["Body"].read() == b"kept"
    threads = len(list(Path(f"/proc/{server.pid}/task").iterdir()))
    # The accepting thread and a few of the server's own besides.
    assert threads <= 256 + 24


def peak_kib(server: control.LocalServer) -> int:
    """The most memory that the server has held so far."""
    text = Path(f"/proc/{server.pid}/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0])
