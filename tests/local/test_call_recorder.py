"""The call recorder: each request with its operation and parameters, and nothing unless it is switched on."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from support.local_key import session_of
from support.recording_site import recording_environment

from opsctl.local import control


class Recorded:
    """A server that records its calls, and clients of it."""

    def __init__(self, home: Path, path: Path) -> None:
        self.path = path
        self.server = control.start(home, slots=1)

    def client(self, service: str, **settings: Any) -> Any:
        config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, **settings)
        session = session_of(self.server.home, region="eu-west-1")
        return session.client(service, endpoint_url=self.server.endpoint_url, config=config)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def last(self) -> dict[str, Any]:
        return self.lines()[-1]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    home = tmp_path_factory.mktemp("recorded")
    path = home / "calls.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in recording_environment(path).items():
            patch.setenv(name, value)
        server = Recorded(home, path)
    server.client("s3").create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    yield server
    control.stop(server.server)


@pytest.mark.parametrize(
    ("service", "method", "given", "expected"),
    [
        ("sts", "get_caller_identity", {}, {"Version": "2011-06-15"}),
        ("ec2", "describe_vpcs", {"VpcIds": []}, {"Version": "2016-11-15"}),
        ("logs", "describe_log_groups", {"logGroupNamePrefix": "/x"}, {"logGroupNamePrefix": "/x"}),
        ("ssm", "get_parameters", {"Names": ["/a/b"]}, {"Names": ["/a/b"]}),
        ("batch", "describe_job_queues", {"jobQueues": ["q"]}, {"jobQueues": ["q"]}),
        ("s3", "list_objects_v2", {"Bucket": "data", "Prefix": "HNU1/"}, {"Bucket": "data", "prefix": "HNU1/"}),
        ("s3", "put_object", {"Bucket": "data", "Key": "a/b c+d.txt", "Body": b"{"}, {"Key": "a/b c+d.txt"}),
        ("s3", "get_object", {"Bucket": "data", "Key": "a/b c+d.txt"}, {"Bucket": "data", "Key": "a/b c+d.txt"}),
        ("s3", "head_object", {"Bucket": "data", "Key": "a/b c+d.txt"}, {"Key": "a/b c+d.txt"}),
        ("s3", "copy_object", {"Bucket": "data", "Key": "c", "CopySource": "data/a/b c+d.txt"}, {"Key": "c"}),
        ("s3", "head_bucket", {"Bucket": "data"}, {"Bucket": "data"}),
        ("s3", "get_bucket_versioning", {"Bucket": "data"}, {"Bucket": "data"}),
        ("s3", "create_multipart_upload", {"Bucket": "data", "Key": "many"}, {"Key": "many"}),
        ("s3", "list_buckets", {}, {}),
        ("s3", "delete_object", {"Bucket": "data", "Key": "c"}, {"Bucket": "data", "Key": "c"}),
    ],
)
def test_a_call_is_named_and_keeps_its_parameters(recorded, service, method, given, expected):
    client = recorded.client(service)
    getattr(client, method)(**given)
    call = recorded.last()
    assert call["service"] == service
    assert call["operation"] == client.meta.method_to_api_mapping[method]
    assert call["region"] == "eu-west-1"
    assert call["parameters"].items() >= expected.items()


def test_a_part_of_an_upload_is_no_plain_write(recorded):
    s3 = recorded.client("s3")
    upload = s3.create_multipart_upload(Bucket="data", Key="parts")["UploadId"]
    s3.upload_part(Bucket="data", Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    assert recorded.last()["operation"] == "UploadPart"
    s3.abort_multipart_upload(Bucket="data", Key="parts", UploadId=upload)
    assert recorded.last()["operation"] == "AbortMultipartUpload"


def test_the_body_still_arrives(recorded):
    s3 = recorded.client("s3")
    body = bytes(range(256)) * 1000
    s3.put_object(Bucket="data", Key="body", Body=body)
    assert s3.get_object(Bucket="data", Key="body")["Body"].read() == body
    assert "parameters" in recorded.last()
    assert all(len(json.dumps(line)) < 3000 for line in recorded.lines())


def test_who_calls_is_told(recorded):
    recorded.client("s3", user_agent_extra="opsctl/0.1.0 md/verb#run").list_buckets()
    assert "opsctl/0.1.0 md/verb#run" in recorded.last()["user_agent"]


def test_a_call_without_a_signature_is_s3s(recorded):
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{recorded.server.endpoint_url}/data?list-type=2")
    call = recorded.last()
    assert (call["service"], call["operation"], call["region"]) == ("s3", "ListObjectsV2", "")


def test_what_was_refused_is_on_record_as_well(recorded):
    s3 = recorded.client("s3")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="data", Key="nothing")
    assert recorded.last()["parameters"]["Key"] == "nothing"


def test_without_the_variable_nothing_is_written(tmp_path, monkeypatch):
    for name in recording_environment(tmp_path):
        monkeypatch.delenv(name, raising=False)
    server = control.start(tmp_path, slots=1)
    try:
        session_of(tmp_path).client("sts", endpoint_url=server.endpoint_url).get_caller_identity()
        assert [path for path in tmp_path.rglob("*") if "call" in path.name] == []
    finally:
        control.stop(server)
