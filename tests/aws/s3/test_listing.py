"""Listings: every key once whatever its letters, botocore's own parsing where the hook does not know the reply."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.backends import get_backend
from support.aws_answers import KEYS

from opsctl.aws.s3 import listing
from opsctl.aws.s3.listing import Listing
from opsctl.core.dataset.scan import S3Object

# Neighbours that sort around each other's slashes, and every letter that URLs, XML or UTF-8 write otherwise.
LABELS = ["1", "10", "1a", "1-x", "1.b", "1 b", "2", "02", "é", "ü日本", "\U0001f9e0"]
LABELS += ["a+b", "a%20b", "%", "a&b", "a&amp;b", "<c>", "'\""]
NAMES = ["x", "dwi/x y", "dwi/x+y", "dwi/x%20y", "dwi/x&y", "dwi/<x>", "dwi/é.nii", "ses-1/dwi/x", "ses-10/x", "ses-1"]

SUBJECT_KEY = st.builds("D/sub-{}/{}".format, st.sampled_from(LABELS), st.sampled_from(NAMES))
BESIDE_KEY = st.builds("D/{}".format, st.sampled_from(["README", "sub-1", "sub-1_x", "sub-2x", "sub-é", "code/x", "z"]))
MARKER = st.builds("D/sub-{}/".format, st.sampled_from(LABELS))

BUCKETS = count()


@pytest.fixture
def lists(s3: Any) -> Listing:
    return Listing(s3)


def put(*keys: str, bucket: str = "data") -> None:
    """Straight into moto's store: a request a key would take seconds."""
    backend = get_backend("s3")["123456789012"]["aws"]
    for key in keys:
        backend.put_object(bucket, key, b"x")


@contextmanager
def pages_of(client: Any, size: int) -> Iterator[list[dict[str, Any]]]:
    """Let S3 answer with so few keys a page; give what was asked of it."""
    asked: list[dict[str, Any]] = []

    def small(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        asked.append(params)
        return {**params, "MaxKeys": size}

    client.meta.events.register("provide-client-params.s3.ListObjectsV2", small, unique_id="pages")
    yield asked
    client.meta.events.unregister("provide-client-params.s3.ListObjectsV2", unique_id="pages")


def everything(key: str) -> bool:
    return True


def subjects_of(lists: Listing, bucket: str) -> list[str]:
    return [folder for folder in lists.level(bucket, "D/")[1] if folder.startswith("D/sub-")]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.sets(st.one_of(SUBJECT_KEY, SUBJECT_KEY, SUBJECT_KEY, BESIDE_KEY, MARKER), max_size=30),
    shards=st.sampled_from([1, 2, 3, 5, 16]),
    size=st.sampled_from([1, 2, 5, 1000]),
)
def test_every_key_below_the_folders_comes_exactly_once_and_in_order(
    s3: Any, lists: Listing, keys: set[str], shards: int, size: int
) -> None:
    bucket = f"bucket-{next(BUCKETS)}"
    s3.create_bucket(Bucket=bucket)
    put(*keys, bucket=bucket)
    with pages_of(s3, size), pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "_SHARDS", shards)
        objects, folders = lists.level(bucket, "D/")
        subjects = [folder for folder in folders if folder.startswith("D/sub-")]
        below = [one.key for one in lists.folders(bucket, subjects, keep=everything)]
        all_below = [one.key for one in lists.below(bucket, "D/")]
    inside = {key for key in keys if key.startswith("D/sub-") and "/" in key[2:] and not key.endswith("/")}
    assert below == sorted(inside)
    assert [one.key for one in objects] == sorted(key for key in keys if "/" not in key[2:])
    assert folders == sorted({"D/" + key[2:].split("/")[0] + "/" for key in keys if "/" in key[2:]})
    assert all_below == sorted(keys)


@pytest.mark.parametrize("number", [1, 15, 16, 17, 40])
def test_fewer_and_more_subjects_than_shards(s3: Any, lists: Listing, number: int) -> None:
    keys = [f"D/sub-{subject:02d}/dwi/{name}" for subject in range(number) for name in "abcd"]
    put(*keys, "D/sub-00/dwi", "D/README", "D0/sub-00/x", "C/sub-00/x")
    with pages_of(s3, 3):
        found = [one.key for one in lists.folders("data", subjects_of(lists, "data"), keep=everything)]
    assert found == sorted([*keys, "D/sub-00/dwi"])


def test_no_folder_asks_nothing(s3: Any, lists: Listing) -> None:
    with pages_of(s3, 3) as asked:
        assert list(lists.folders("data", [], keep=everything)) == []
    assert asked == []


def test_a_shard_ends_where_the_next_begins(s3: Any, lists: Listing) -> None:
    put(*(f"D/sub-{subject:02d}/{name}" for subject in range(16) for name in range(6)))
    with pages_of(s3, 2) as asked:
        found = list(lists.folders("data", [f"D/sub-{subject:02d}/" for subject in range(16)], keep=lambda key: False))
    assert found == []
    # Three pages of its own, one to see the next shard's keys: the last shard has nothing behind it.
    assert len(asked) == 15 * 4 + 3


def test_keep_chooses_before_anything_is_made(lists: Listing, monkeypatch: pytest.MonkeyPatch) -> None:
    put("D/sub-1/a.nii", "D/sub-1/b.json", "D/sub-2/a.nii", "D/sub-2/b.json")
    made: list[str] = []

    def counted(**fields: Any) -> S3Object:
        made.append(fields["key"])
        return S3Object(**fields)

    monkeypatch.setattr(listing, "S3Object", counted)
    found = list(lists.folders("data", ["D/sub-1/", "D/sub-2/"], keep=lambda key: key.endswith(".nii")))
    assert [one.key for one in found] == sorted(made) == ["D/sub-1/a.nii", "D/sub-2/a.nii"]


def test_etags_lose_their_quotes_and_keep_the_parts(s3: Any, lists: Listing) -> None:
    s3.put_object(Bucket="data", Key="D/a", Body=b"hello")
    upload = s3.create_multipart_upload(Bucket="data", Key="D/b")["UploadId"]
    part = s3.upload_part(Bucket="data", Key="D/b", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    s3.complete_multipart_upload(
        Bucket="data", Key="D/b", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}
    )
    whole, parts = lists.below("data", "D/")
    assert (whole.etag, whole.size_bytes) == ("5d41402abc4b2a76b9719d911017c592", 5)
    assert (parts.etag, parts.size_bytes) == (s3.head_object(Bucket="data", Key="D/b")["ETag"].strip('"'), 1)
    assert parts.etag.endswith("-1")


def test_two_listings_of_one_client(s3: Any) -> None:
    put("D/sub-1/a", "D/sub-1/b")
    for one in (Listing(s3), Listing(s3)):
        assert [found.key for found in one.below("data", "D/")] == ["D/sub-1/a", "D/sub-1/b"]


def test_botocore_never_reads_the_objects_that_the_hook_took(s3: Any, lists: Listing) -> None:
    # It builds a tree of each reply to look for errors: of 1,000 keys that takes six times as long as the rest.
    put("D/sub-1/a", "D/sub-1/b")
    seen: list[bytes] = []

    def look(response_dict: dict[str, Any], **_: Any) -> None:
        seen.append(response_dict["body"])

    s3.meta.events.register_first("before-parse.s3.*", look, unique_id="look")
    try:
        assert len(list(lists.below("data", "D/"))) == 2
    finally:
        s3.meta.events.unregister("before-parse.s3.*", look, unique_id="look")
    assert len(seen) == 1
    assert b"<KeyCount>2</KeyCount>" in seen[0]
    assert b"<Contents>" not in seen[0]


class Reply(BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


@contextmanager
def answering(answer: Callable[[str], tuple[int, str]]) -> Iterator[Any]:
    """A client of its own whose requests get these answers, by their address, and never leave the process."""
    client = boto3.client("s3", **KEYS, config=Config(retries={"total_max_attempts": 1}))

    def send(request: Any, **_: Any) -> AWSResponse:
        status, body = answer(request.url)
        return AWSResponse(request.url, status, {"Content-Type": "application/xml"}, Reply(body.encode()))

    client.meta.events.register_first("before-send.s3.ListObjectsV2", send)
    yield client


def page(inside: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>b</Name><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>{inside}</ListBucketResult>"
    )


KNOWN = "<Contents><Key>D/a</Key><ETag>&quot;1-2&quot;</ETag><Size>7</Size></Contents>"
MADE = S3Object(key="D/a", size_bytes=7, etag="1-2")

SHAPES = {
    "as S3 writes it": KNOWN,
    "bare quotes": KNOWN.replace("&quot;", '"'),
    "quotes by number": KNOWN.replace("&quot;", "&#34;"),
    "no quotes": KNOWN.replace("&quot;", ""),
    "over lines": KNOWN.replace("><", ">\n  <"),
    "more elements": KNOWN.replace("<ETag>", "<Owner><ID>i</ID></Owner><ETag>").replace("</Size>", "</Size><X>y</X>"),
    "with checksums": KNOWN.replace("<ETag>", "<LastModified>t</LastModified><ETag>").replace(
        "<Size>", f"{2 * '<ChecksumAlgorithm>a</ChecksumAlgorithm>'}<ChecksumType>f</ChecksumType><Size>"
    ),
    "another order": "<Contents><Size>7</Size><ETag>&quot;1-2&quot;</ETag><Key>D/a</Key></Contents>",
    "attributes": KNOWN.replace("<Key>", '<Key a="b">'),
    "CDATA": KNOWN.replace("D/a", "<![CDATA[D/a]]>"),
    "quotes in hexadecimal": KNOWN.replace("&quot;", "&#x22;"),
}


@pytest.mark.parametrize(
    ("encoding", "written", "key"),
    [
        ("<EncodingType>url</EncodingType>", "D/a+b%2Bc%2520%26%3C%C3%A9", "D/a b+c%20&<é"),
        ("", "D/a+b%2B&amp;&lt;é", "D/a+b%2B&<é"),
    ],
)
def test_keys_as_s3_writes_them_with_and_without_url_encoding(encoding: str, written: str, key: str) -> None:
    # moto writes a blank as %20, S3 as +.
    with answering(lambda url: (200, page(encoding + KNOWN.replace("D/a", written)))) as client:
        assert [one.key for one in Listing(client).below("b", "D/")] == [key]


def test_one_coded_key_among_others() -> None:
    others = KNOWN + KNOWN.replace("D/a", "D/b+%25") + KNOWN
    with answering(lambda url: (200, page(f"<EncodingType>url</EncodingType>{others}"))) as client:
        assert [one.key for one in Listing(client).below("b", "D/")] == ["D/a", "D/b %", "D/a"]


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_that_the_hook_knows_and_does_not_know(shape: str) -> None:
    with answering(lambda url: (200, page(SHAPES[shape]))) as client:
        assert list(Listing(client).below("b", "D/")) == [MADE]


def test_one_unknown_object_leaves_the_whole_page_to_botocore() -> None:
    with answering(lambda url: (200, page(KNOWN + SHAPES["another order"].replace("D/a", "D/b") + KNOWN))) as client:
        assert [one.key for one in Listing(client).below("b", "D/")] == ["D/a", "D/b", "D/a"]


def test_folders_between_objects_are_not_lost() -> None:
    mixed = f"{KNOWN}<CommonPrefixes><Prefix>D/sub-1/</Prefix></CommonPrefixes>{KNOWN}"
    with answering(lambda url: (200, page(mixed))) as client:
        assert Listing(client).level("b", "D/") == ([MADE, MADE], ["D/sub-1/"])


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (404, "NoSuchBucket"), (503, "SlowDown")])
def test_errors_keep_their_code(status: int, code: str) -> None:
    body = f"<Error><Code>{code}</Code><Message>Words of AWS</Message></Error>"
    with answering(lambda url: (status, body)) as client:
        for call in (
            lambda lists: lists.level("b", "D/"),
            lambda lists: list(lists.below("b", "D/")),
            lambda lists: list(lists.folders("b", ["D/sub-1/", "D/sub-2/"], keep=everything)),
        ):
            with pytest.raises(ClientError) as caught:
                call(Listing(client))
            assert caught.value.response["Error"]["Code"] == code


def test_an_error_in_a_reply_of_status_200_is_an_error() -> None:
    body = "<Error><Code>InternalError</Code><Message>Words of AWS</Message></Error>"
    with answering(lambda url: (200, body)) as client, pytest.raises(ClientError) as caught:
        list(Listing(client).below("b", "D/"))
    assert caught.value.response["Error"]["Code"] == "InternalError"


def test_after_an_error_the_other_shards_end() -> None:
    failed = threading.Event()
    endless = page(KNOWN.replace("D/a", "D/sub-1/a")).replace(
        "<IsTruncated>false", "<NextContinuationToken>t{}</NextContinuationToken><IsTruncated>true"
    )
    tokens = count()

    def answer(url: str) -> tuple[int, str]:
        if "start-after=D%2Fsub-2" in url:
            failed.set()
            return 403, "<Error><Code>AccessDenied</Code></Error>"
        failed.wait(60)
        return 200, endless.format(next(tokens))

    with answering(answer) as client, pytest.raises(ClientError):
        list(Listing(client).folders("b", ["D/sub-2/", "D/sub-3/"], keep=everything))


@pytest.mark.parametrize("name_first", [True, False], ids=["the hook", "botocore"])
@pytest.mark.parametrize(
    ("elements", "storage_class", "restore"),
    [
        ("<StorageClass>STANDARD</StorageClass>", "STANDARD", ""),
        ("<StorageClass>DEEP_ARCHIVE</StorageClass>", "DEEP_ARCHIVE", ""),
        (
            "<StorageClass>GLACIER</StorageClass><RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress>"
            "</RestoreStatus>",
            "GLACIER",
            "in progress",
        ),
        (
            "\n<StorageClass>GLACIER</StorageClass>\n<RestoreStatus>\n<IsRestoreInProgress>false</IsRestoreInProgress>"
            "<RestoreExpiryDate>2030-01-01T00:00:00Z</RestoreExpiryDate></RestoreStatus>",
            "GLACIER",
            "restored",
        ),
    ],
)
def test_the_storage_class_and_a_restored_copy(
    elements: str, storage_class: str, restore: str, name_first: bool
) -> None:
    known = KNOWN if name_first else SHAPES["another order"]
    body = page(known.replace("</Size>", f"</Size>{elements}") + known.replace("D/a", "D/b"))
    asked: list[str] = []
    with answering(lambda url: (200, body)) as client:
        client.meta.events.register(
            "before-call.s3.ListObjectsV2",
            lambda params, **_: asked.append(params["headers"]["x-amz-optional-object-attributes"]),
        )
        first, second = Listing(client).below("b", "D/")
    assert asked == ["RestoreStatus"]
    assert (first.storage_class, first.restore) == (storage_class, restore)
    assert (second.storage_class, second.restore) == ("STANDARD", "")
