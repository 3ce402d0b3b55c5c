"""Headers read with a ranged GET, and buckets that cannot be read."""

from __future__ import annotations

import gzip
import io
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from nibabel.nifti1 import Nifti1Image
from nibabel.nifti2 import Nifti2Image

from opsctl.aws.s3.buckets import ensure_readable
from opsctl.aws.s3.scan_objects import ScanObjects
from opsctl.commands.dataset.headers import Headers
from opsctl.core.dataset.nifti_header import ImageHeader
from opsctl.core.dataset.scan import Input, Scan
from opsctl.core.errors import Problem
from opsctl.core.location import Location


def scan(name: str) -> Scan:
    one = Input(uri=f"s3://data/D/{name}", role="bold", size_bytes=10**9, etag="e")
    return Scan(name="sub-01", subject="01", session=None, entities={}, pipeline="func", inputs=(one,))


def image(kind: Any) -> bytes:
    data = np.random.default_rng(0).integers(0, 1000, (20, 21, 22, 23)).astype(np.int16)
    return bytes(kind(data, np.eye(4)).to_bytes())


def read(s3: Any, name: str, body: bytes) -> Any:
    s3.put_object(Bucket="data", Key=f"D/{name}", Body=body)
    asked: list[str] = []
    s3.meta.events.register("before-call.s3.GetObject", lambda params, **_: asked.append(params["headers"]["Range"]))
    facts = Headers(ScanObjects(s3)).facts(scan(name))
    assert asked == ["bytes=0-4095"]
    return facts


@pytest.mark.parametrize("kind", [Nifti1Image, Nifti2Image])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_header_is_read_without_the_image(s3: Any, kind: Any, ending: str) -> None:
    body = image(kind)
    facts = read(s3, f"x_bold{ending}", gzip.compress(body) if ending == ".nii.gz" else body)
    assert facts.header == ImageHeader((20, 21, 22, 23), 2, 352 if kind is Nifti1Image else 544, tr_seconds=1.0)
    assert facts.faults == {}


@pytest.mark.parametrize(
    ("name", "body", "fault"),
    [
        ("x_bold.nii.gz", b"not gzip at all, whatever its name says", "x_bold.nii.gz is not a gzip file"),
        ("x_bold.nii.gz", gzip.compress(b"short", mtime=0), "x_bold.nii.gz is not a NIfTI image"),
        ("x_bold.nii.gz", b"\x1f\x8b\x08" + b"\xff" * 99, "x_bold.nii.gz is corrupt"),
        ("x_bold.nii.gz", b"/annex/objects/MD5E-s5--01.nii.gz\n", "x_bold.nii.gz is a git-annex pointer"),
        ("x_bold.nii", b"\0" * 20, "x_bold.nii is not a NIfTI image"),
        ("x_bold.nii", b"\xff" * 1000, "x_bold.nii is not a NIfTI image"),
    ],
)
def test_what_is_no_image_is_told(s3: Any, name: str, body: bytes, fault: str) -> None:
    facts = read(s3, name, body)
    assert facts.header is None
    assert facts.faults["bold"].startswith(fault)


class FakeS3:
    """HEAD's answer as S3 gives it; moto knows neither regions that refuse nor readers that pay."""

    def __init__(self, head: Exception | str, *, pays: bool = False) -> None:
        self._head = head
        self._pays = pays

    def head_bucket(self, Bucket: str) -> dict[str, Any]:
        if isinstance(self._head, Exception):
            raise self._head
        return {"ResponseMetadata": {"HTTPHeaders": {"x-amz-bucket-region": self._head}}}

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        if not self._pays:
            raise refused("AccessDenied")
        assert request["RequestPayer"] == "requester"
        return {}


def refused(code: str, region: str = "us-east-1") -> ClientError:
    metadata = {"HTTPHeaders": {"x-amz-bucket-region": region}}
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": metadata}, "HeadBucket")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fake", "words"),
    [
        (FakeS3(refused("404")), "The bucket lab does not exist."),
        (FakeS3("eu-west-1"), "lies in eu-west-1, the platform in us-east-1"),
        (FakeS3(refused("301", "eu-west-1")), "lies in eu-west-1"),
        (FakeS3(refused("403", "eu-west-1")), "lies in eu-west-1"),
        (FakeS3(refused("403")), "AWS does not permit s3:ListBucket on the bucket lab."),
        (FakeS3(refused("403"), pays=True), "requester pays"),
        (FakeS3(NoCredentialsError()), "--no-sign-request"),
    ],
)
def test_each_obstacle_has_a_sentence_of_its_own(fake: Any, words: str) -> None:
    with pytest.raises(Problem) as caught:
        ensure_readable(fake, Location("lab", "HNU1"), region="us-east-1")
    assert words in str(caught.value)


def test_a_bucket_of_the_platforms_region_is_fine(s3: Any) -> None:
    ensure_readable(s3, Location("data", "HNU1"), region="us-east-1")


def test_a_bucket_that_is_not_there(s3: Any) -> None:
    with pytest.raises(Problem, match=r"The bucket nothing-here does not exist\."):
        ensure_readable(s3, Location("nothing-here", ""), region="us-east-1")


def test_the_fixture_is_an_image() -> None:
    assert Nifti1Image.from_stream(io.BytesIO(image(Nifti1Image))).shape == (20, 21, 22, 23)
