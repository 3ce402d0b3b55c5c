"""Pages of large listings by plain HTTP are those of botocore, which reads whatever is of another form."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from support.direct_requests import is_direct_request, storage_at
from support.scripted_http import Reply, Request, ScriptedServer

from opsctl.aws.s3.bulk.incoming_reply import IncomingReply, UnusualReply
from opsctl.aws.s3.bulk.list_page import ENTRIES, list_page
from opsctl.aws.s3.signature import signed
from opsctl.core.errors import Problem
from opsctl.core.location import Location

_KEYS = [f"D/sub-{number // 2:02d}/anat/a b+{number % 2}&é%.nii.gz" for number in range(10)]
_OBJECT = (
    "<Contents><Key>{key}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;{etag}&quot;</ETag>"
    "<Size>7</Size><StorageClass>STANDARD</StorageClass>{more}</Contents>"
)
_RESTORED = "<RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>"


def _xml(keys: list[str], *, token: str = "", prefixes: str = "", more: str = "") -> str:
    objects = "".join(_OBJECT.format(key=quote_plus(key, safe="/"), etag="e" * 32, more=more) for key in keys)
    ends = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>data</Name><EncodingType>url</EncodingType>{ends if token else '<IsTruncated>false</IsTruncated>'}"
        f"{objects}{prefixes}</ListBucketResult>"
    )


class Pages(ScriptedServer):
    """Answers listings, two subjects' keys a page; `faults`: replies in place of the next ones."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.faults: list[Reply] = []
        self.is_chunked = False
        self.more = ""

    def _answer(self, request: Request) -> Reply:
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        if "delimiter" in query:
            folders = "".join(
                f"<CommonPrefixes><Prefix>D/sub-{number:02d}/</Prefix></CommonPrefixes>" for number in range(5)
            )
            return Reply(body=_xml([], prefixes=folders).encode())
        if self.faults:
            return self.faults.pop(0)
        after = query.get("continuation-token", query.get("start-after", ""))
        keys = [key for key in _KEYS if key > after]
        body = _xml(keys[:2], token=keys[1].replace("&", "&amp;") if len(keys) > 2 else "", more=self.more).encode()
        if self.is_chunked:
            pieces = [body[start : start + 100] for start in range(0, len(body), 100)]
            chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
            return Reply(headers={"Transfer-Encoding": "chunked"}, body=[*chunks, b"0\r\n\r\n"])
        return Reply(body=body)


@pytest.fixture
def server() -> Iterator[Pages]:
    with Pages() as server:
        yield server


def _listed(server: Pages, *, is_direct: bool) -> list[Any]:
    storage = storage_at(server.url, is_direct=is_direct)
    return sorted(storage.outputs(Location("data", "D")).items())


@pytest.mark.parametrize("is_chunked", [True, False])
@pytest.mark.parametrize("more", ["", _RESTORED, "<Owner><ID>x</ID></Owner>"])
def test_pages_are_botocores(server: Pages, more: str, *, is_chunked: bool) -> None:
    server.is_chunked, server.more = is_chunked, more
    ours = _listed(server, is_direct=True)
    pages = [request for request in server.requests if "delimiter" not in request.path]
    assert [key for key, _ in ours] == _KEYS
    assert all(map(is_direct_request, pages))
    server.requests.clear()
    assert _listed(server, is_direct=False) == ours
    assert not any(map(is_direct_request, server.requests))
    asked = [request for request in pages if "continuation-token" in request.path]
    assert {request.headers["x-amz-optional-object-attributes"] for request in asked} == {"RestoreStatus"}


@pytest.mark.parametrize(
    "fault",
    [
        Reply(503, body=b"<Error><Code>SlowDown</Code></Error>"),
        Reply(body=_xml(_KEYS[:2]).replace("</ListBucketResult>", "").encode()),
        Reply(body=_xml(_KEYS[:2]).replace("<Size>7</Size>", "<Size>x</Size>", 1).encode()),
        Reply(body=b"\xff"),
        Reply(body=_xml(_KEYS[:2], token="t").replace("<NextContinuationToken>t</NextContinuationToken>", "").encode()),
        Reply(headers={"Transfer-Encoding": "chunked"}, body=[b"zz\r\n"]),
        Reply(headers={"Content-Length": "100000"}, body=[b"<ListBucketResult>"]),
    ],
)
def test_a_page_of_another_form_is_asked_of_botocore(server: Pages, fault: Reply) -> None:
    server.faults = [fault]
    assert [key for key, _ in _listed(server, is_direct=True)] == _KEYS
    assert {is_direct_request(request) for request in server.requests} == {True, False}


@pytest.mark.parametrize("is_direct", [True, False])
@pytest.mark.parametrize(
    "page",
    [
        _xml(_KEYS[:2], token="again"),
        _xml(_KEYS[:2], token="t").replace("<NextContinuationToken>t</NextContinuationToken>", ""),
    ],
    ids=["never ends", "breaks off"],
)
def test_a_listing_of_which_a_part_is_missing_is_an_error(server: Pages, page: str, *, is_direct: bool) -> None:
    server.faults = [Reply(body=page.encode()) for _ in range(100)]
    with pytest.raises(Problem, match="a listing goes on, but not from where"):
        _listed(server, is_direct=is_direct)


def test_a_page_without_folders_or_keys_is_read() -> None:
    page = list_page(_xml([]).encode())
    assert page is not None
    assert page[ENTRIES] == []
    assert list_page(b"<Error/>") is None


@pytest.mark.parametrize("size", [b"", b"-1", b"1;x=y", b"fffffffff", b"0x1", b" 1"])
def test_a_chunk_of_another_form_is_none(size: bytes) -> None:
    incoming = IncomingReply(1000)
    with pytest.raises(UnusualReply):
        incoming.add(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + size + b"\r\nx\r\n0\r\n\r\n")


def test_chunks_larger_than_wanted_are_not_read() -> None:
    reply = IncomingReply(10).add(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n")
    assert reply is not None
    assert reply.body is None


def test_a_signature_with_a_query_is_botocores() -> None:
    credentials = Credentials("AKID", "secret", None)
    query = "continuation-token=a%2Bb%3D&list-type=2&prefix=D%2Fsub-1%20x"
    theirs = AWSRequest("GET", f"http://h/data?{query}", headers={"host": "h"})
    S3SigV4Auth(credentials, "s3", "eu-west-1").add_auth(theirs)
    now = datetime.strptime(theirs.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    ours = signed(
        "GET",
        "/data",
        {"host": "h"},
        payload_sha256=theirs.headers["X-Amz-Content-SHA256"],
        credentials=credentials.get_frozen_credentials(),
        region="eu-west-1",
        query=query,
        now=now,
    )
    assert ours["authorization"] == theirs.headers["Authorization"]
