"""Without a fault everything goes through the proxy as it is; the program and its jobs find their way through it."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fault_plan import Fault, Plan
from fault_proxy import FaultProxy
from routes import jobs_through, platform_faults, program_through
from support.local_servers import Homes, Platform, client
from test_fault_proxy import through

from opsctl.local import control

SIGNED = "AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


def signed(platform: Platform) -> str:
    """By the user of the platform, whose requests nobody decides."""
    return SIGNED.format(platform.server.credentials["AWS_ACCESS_KEY_ID"])


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homes]:
    made = Homes(tmp_path_factory.mktemp("homes"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def platform(homes: Homes) -> Platform:
    made = Platform(*homes.start())
    client(made.server, "s3").create_bucket(Bucket="data")
    return made


@pytest.fixture
def proxy(platform: Platform) -> Iterator[FaultProxy]:
    with FaultProxy(platform.server.port) as made:
        yield made


def test_many_bodies_at_once_arrive_as_they_are(platform: Platform, proxy: FaultProxy) -> None:
    s3 = through(proxy, platform, "s3")

    def there_and_back(number: int) -> bool:
        body = os.urandom(number * 50_000)
        s3.put_object(Bucket="data", Key=f"many/{number}", Body=body)
        return bool(s3.get_object(Bucket="data", Key=f"many/{number}")["Body"].read() == body)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(there_and_back, range(40)))
    assert {(one.operation, one.answered) for one in proxy.log} == {("PutObject", 200), ("GetObject", 200)}
    assert len(proxy.log) == 80


def test_a_large_upload_in_parts_and_a_download_in_ranges_are_whole(
    platform: Platform, proxy: FaultProxy, tmp_path: Path
) -> None:
    s3 = through(proxy, platform, "s3")
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(os.urandom(1 << 20) * 30)
    s3.upload_file(str(source), "data", "large")
    s3.download_file("data", "large", str(copy))
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (source, copy)]
    assert digests[0] == digests[1]
    seen = {one.operation for one in proxy.log}
    assert seen == {"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "HeadObject", "GetObject"}


@pytest.mark.parametrize("key", ["a b", "ü/日", "a%20b", "a+b", "a//b", "/leading", "x?y&z=1", "a;b,c"])
def test_keys_keep_every_byte(platform: Platform, proxy: FaultProxy, key: str) -> None:
    through(proxy, platform, "s3").put_object(Bucket="data", Key=f"keys/{key}", Body=key.encode())
    direct = client(platform.server, "s3")
    assert direct.get_object(Bucket="data", Key=f"keys/{key}")["Body"].read() == key.encode()
    listed = through(proxy, platform, "s3").list_objects_v2(Bucket="data", Prefix="keys/")["Contents"]
    assert f"keys/{key}" in [entry["Key"] for entry in listed]


def test_conditions_and_metadata_reach_the_platform(platform: Platform, proxy: FaultProxy) -> None:
    s3 = through(proxy, platform, "s3")
    etag = s3.put_object(Bucket="data", Key="once", Body=b"1", IfNoneMatch="*", Metadata={"a": "b"})["ETag"]
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket="data", Key="once", Body=b"2", IfNoneMatch="*")
    assert caught.value.response["Error"]["Code"] == "PreconditionFailed"
    s3.put_object(Bucket="data", Key="once", Body=b"3", IfMatch=etag, Metadata={"a": "c"})
    with pytest.raises(ClientError, match="304"):
        s3.get_object(Bucket="data", Key="once", IfNoneMatch=s3.head_object(Bucket="data", Key="once")["ETag"])
    assert s3.head_object(Bucket="data", Key="once")["Metadata"] == {"a": "c"}
    assert s3.head_object(Bucket="data", Key="once")["ContentLength"] == 1
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="data", Key="none")
    assert s3.get_object(Bucket="data", Key="once", Range="bytes=0-0")["ContentRange"] == "bytes 0-0/1"
    assert [one.answered for one in proxy.log] == [200, 412, 200, 200, 304, 200, 200, 404, 206]


@pytest.mark.parametrize("chunked", [True, False])
def test_an_upload_in_aws_chunks_arrives_whole(platform: Platform, proxy: FaultProxy, chunked: bool) -> None:
    body = os.urandom(200_000)
    framed = b"%x\r\n%b\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n" % (len(body), body)
    headers = {
        "Authorization": signed(platform),
        "X-Amz-Date": f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}",
        "Content-Encoding": "aws-chunked",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(len(body)),
        "x-amz-trailer": "x-amz-checksum-crc32",
    }
    connection = HTTPConnection("127.0.0.1", proxy.port, timeout=30)
    # Two on one connection: what is read of the first must end where it ends.
    for key in ("chunks/1", "chunks/2"):
        pieces: Any = iter((framed[:70_000], framed[70_000:])) if chunked else framed
        connection.request("PUT", f"/data/{key}", body=pieces, headers=headers, encode_chunked=chunked)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        assert client(platform.server, "s3").get_object(Bucket="data", Key=key)["Body"].read() == body
    connection.close()


def test_a_client_keeps_its_connection_through_answers_and_errors(platform: Platform, proxy: FaultProxy) -> None:
    proxy.plan = Plan(exact={("s3.ListBuckets", 2): Fault.THROTTLED, ("s3.PutObject", 1): Fault.ERROR_500_BEFORE})
    connection = HTTPConnection("127.0.0.1", proxy.port, timeout=30)
    connection.connect()
    mine = connection.sock.getsockname()
    statuses = []
    for method, path, body in (
        ("GET", "/", None), ("GET", "/", None), ("PUT", "/data/k", b"x" * 99_999), ("HEAD", "/data", None),
        ("PUT", "/data/k", b"y"), ("GET", "/", None),
    ):  # fmt: skip
        headers = {"Authorization": signed(platform), "X-Amz-Date": f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"}
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    assert statuses == [200, 503, 500, 200, 200, 200]
    assert connection.sock is not None and connection.sock.getsockname() == mine
    connection.close()


def test_a_client_that_goes_away_within_its_upload_leaves_no_object(platform: Platform, proxy: FaultProxy) -> None:
    connection = HTTPConnection("127.0.0.1", proxy.port, timeout=30)
    connection.putrequest("PUT", "/data/half")
    connection.putheader("Content-Length", "1000000")
    connection.endheaders(b"x" * 1000)
    connection.close()
    through(proxy, platform, "s3").list_buckets()
    assert "KeyCount" in (listed := client(platform.server, "s3").list_objects_v2(Bucket="data", Prefix="half"))
    assert listed["KeyCount"] == 0
    assert proxy.carried_out("s3.PutObject") == 0


def test_the_program_finds_the_proxy_and_later_the_platform_again(platform: Platform, proxy: FaultProxy) -> None:
    proxy.plan = Plan(rates={"*": {Fault.RESET_BEFORE: 1.0}})
    with program_through(platform.home, proxy) as found:
        assert (found.port, found.pid, found.endpoint_url) == (proxy.port, platform.server.pid, proxy.url)
        # To find the platform never meets a fault, or a campaign would start a second one.
        assert control.start(platform.home) == found
        assert proxy.log == []
    assert control.find(platform.home) == platform.server


def test_jobs_talk_to_the_proxy(homes: Homes) -> None:
    ask = (
        "import os, time, urllib.request as u; url = os.environ['AWS_ENDPOINT_URL'] + '/data/of-a-job';"
        " key, token = os.environ['AWS_ACCESS_KEY_ID'], os.environ['AWS_SESSION_TOKEN'];"
        f" headers = {{'Authorization': {SIGNED!r}.format(key), 'X-Amz-Security-Token': token}};"
        " headers['X-Amz-Date'] = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime());"
        " u.urlopen(u.Request(url, b'x', method='PUT', headers=headers))"
    )
    with FaultProxy() as proxy:
        home, server = homes.start(entrypoint=jobs_through(proxy, sys.executable, "-c"), faults={})
        proxy.upstream_port = server.port
        platform = Platform(home, server)
        client(server, "s3").create_bucket(Bucket="data")
        assert platform.wait(platform.submit(ask))["status"] == "SUCCEEDED"
        assert [(one.name, one.status) for one in proxy.log] == [("s3.PutObject", 200)]
        assert platform_faults(proxy.port, {"cannot_pull": 1}) == {}
        platform.wait(platform.submit(ask))
        assert platform_faults(proxy.port) == {"cannot_pull": 1}
        assert len(proxy.log) == 1
    assert [word.split("=")[0] for word in jobs_through(proxy)[1:3]] == ["AWS_ENDPOINT_URL", "PYTHONPATH"]
    assert jobs_through(proxy)[-2:] == ["-m", "m2g_job"]
