"""An object has a file's bytes, whichever tool sent it: then nothing is sent again, and its etag stays."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from opsctl.aws.s3.storage import Storage
from opsctl.commands.dataset.crc import crc
from opsctl.commands.dataset.digests import digest
from opsctl.commands.dataset.same_bytes import has_usual_etag, is_same_as_asked
from opsctl.core.dataset.scan import S3Object

MIB = 1024 * 1024
CONTENT = bytes(range(256)) * 4096 * 12  # 12 MiB
#: As with a KMS key: no digest of the bytes.
OTHER = "0123456789abcdef0123456789abcdef"


class Double:
    """What S3 says of one object in HeadObject."""

    def __init__(self, *, part_bytes: int = 0, **checksums: str) -> None:
        self.part_bytes = part_bytes
        self.checksums = checksums
        self.asked: list[str] = []

    def head_object(self, *, PartNumber: int = 0, ChecksumMode: str = "", **_: Any) -> dict[str, Any]:
        self.asked.append("part" if PartNumber else "checksum")
        if PartNumber:
            return {"ContentLength": self.part_bytes, "PartsCount": 3} if self.part_bytes else {"ContentLength": 1}
        assert ChecksumMode == "ENABLED"
        return self.checksums


def same(tmp_path: Path, s3: Double, etag: str, *, content: bytes = CONTENT) -> bool:
    path = tmp_path / "a"
    path.write_bytes(content)
    client: Any = s3
    obj = S3Object(key="D/a", size_bytes=len(CONTENT), etag=etag)
    return is_same(str(path), len(content), obj, client)


def is_same(path: str, size_bytes: int, obj: S3Object, client: Any) -> bool:
    """As `upload` decides it."""
    stop = Event()
    is_usual = has_usual_etag(path, size_bytes, obj, stop=stop)
    return is_usual or is_same_as_asked(path, size_bytes, obj, "data", client, stop=stop)


def composite(part_bytes: int, algorithm: str) -> list[bytes]:
    return [digest([CONTENT[at : at + part_bytes]], algorithm) for at in range(0, len(CONTENT), part_bytes)]


def text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def test_another_tools_parts(tmp_path: Path) -> None:
    parts = composite(5 * MIB, "MD5")
    etag = f"{digest(parts, 'MD5').hex()}-3"
    s3 = Double(part_bytes=5 * MIB)
    assert same(tmp_path, s3, etag)
    assert s3.asked == ["part"]
    changed = CONTENT[:-1] + b"x"
    assert not same(tmp_path, Double(part_bytes=5 * MIB), etag, content=changed)
    assert not same(tmp_path, Double(part_bytes=7 * MIB), etag), "parts that do not make three are not believed"


def test_another_tools_parts_by_moto(tmp_path: Path, s3: Any, storage: Storage) -> None:
    upload = s3.create_multipart_upload(Bucket="data", Key="D/a")["UploadId"]
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(
            Bucket="data", Key="D/a", UploadId=upload, PartNumber=number, Body=CONTENT[at : at + 5 * MIB])["ETag"]}
        for number, at in enumerate(range(0, len(CONTENT), 5 * MIB), 1)
    ]  # fmt: skip
    s3.complete_multipart_upload(Bucket="data", Key="D/a", UploadId=upload, MultipartUpload={"Parts": parts})
    (obj,) = storage.beginning_with("data", "D/")
    path = tmp_path / "a"
    path.write_bytes(CONTENT)
    assert is_same(str(path), len(CONTENT), obj, s3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ChecksumSHA256", digest([CONTENT], "SHA256")),
        ("ChecksumSHA1", digest([CONTENT], "SHA1")),
        ("ChecksumCRC64NVME", crc([CONTENT], "CRC64NVME")),
        ("ChecksumCRC32C", crc([CONTENT], "CRC32C")),
        ("ChecksumCRC32", zlib.crc32(CONTENT).to_bytes(4, "big")),
    ],
)
def test_a_checksum_where_the_etag_says_nothing(tmp_path: Path, name: str, value: bytes) -> None:
    s3 = Double(**{name: text(value), "ChecksumType": "FULL_OBJECT"})
    assert same(tmp_path, s3, OTHER)
    changed = CONTENT[:1000] + b"x" + CONTENT[1001:]
    assert not same(tmp_path, s3, OTHER, content=changed)


def test_a_whole_checksum_of_an_upload_in_parts(tmp_path: Path) -> None:
    s3 = Double(ChecksumCRC64NVME=text(crc([CONTENT], "CRC64NVME")), ChecksumType="FULL_OBJECT")
    assert same(tmp_path, s3, f"{OTHER}-3")


@pytest.mark.parametrize("algorithm", ["SHA256", "CRC32C", "CRC32"])
def test_a_checksum_of_the_parts_checksums(tmp_path: Path, algorithm: str) -> None:
    value = f"{text(digest(composite(5 * MIB, algorithm), algorithm))}-3"
    s3 = Double(part_bytes=5 * MIB, **{f"Checksum{algorithm}": value, "ChecksumType": "COMPOSITE"})
    assert same(tmp_path, s3, f"{OTHER}-3")
    s3 = Double(**{f"Checksum{algorithm}": value, "ChecksumType": "COMPOSITE"})
    assert not same(tmp_path, s3, f"{OTHER}-3"), "without the parts' size nothing is known"


def test_an_object_without_a_checksum_or_of_another_size_is_sent(tmp_path: Path) -> None:
    assert not same(tmp_path, Double(), OTHER)
    s3 = Double()
    assert not same(tmp_path, s3, OTHER, content=b"x")
    assert s3.asked == []
