"""Reads image headers on S3 with one small range request each, and the small sidecars."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError

from opsctl.aws.errors import translated
from opsctl.aws.s3.body import read
from opsctl.core.dataset.scan import Scan
from opsctl.core.dataset.scan_validation import ImageHeader, ScanMetadata
from opsctl.core.location import parse_uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_HEADER_BYTES = 540  # NIfTI-2's, the longer one
_RANGE_BYTES = 4096  # more than either header takes, also compressed
_GZIP = 16 + zlib.MAX_WBITS


class Headers:
    """Reads the metadata of scans without downloading their images."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def facts(self, scan: Scan) -> ScanMetadata:
        """A scan's sidecars and its image's header."""
        by_role = {file.role: file.uri for file in scan.inputs}
        bval = self._text(by_role["bval"]) if "bval" in by_role else None
        bvec = self._text(by_role["bvec"]) if "bvec" in by_role else None
        image = by_role["dwi"] if scan.pipeline == "dwi" else by_role["bold"]
        try:
            header = _header(self._first_bytes(image), compressed=image.endswith(".gz"))
        except (zlib.error, HeaderDataError, ValueError) as error:
            return ScanMetadata(bval=bval, bvec=bvec, header_fault=f"its header cannot be read ({error})")
        return ScanMetadata(bval=bval, bvec=bvec, header=header)

    def _text(self, uri: str) -> str:
        location = parse_uri(uri)
        with translated(f"reading {uri}"):
            body, _ = read(self._client, Bucket=location.bucket, Key=location.prefix)
        return body.decode("utf-8", errors="replace")

    def _first_bytes(self, uri: str) -> bytes:
        location = parse_uri(uri)
        with translated(f"reading {uri}"):
            byte_range = f"bytes=0-{_RANGE_BYTES - 1}"
            body, _ = read(self._client, Bucket=location.bucket, Key=location.prefix, Range=byte_range)
        return body


def _header(data: bytes, *, compressed: bool) -> ImageHeader:
    if compressed:
        data = zlib.decompressobj(_GZIP).decompress(data, _HEADER_BYTES)
    kind = Nifti2Header if data[:4] in (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c") else Nifti1Header
    if len(data) < kind.sizeof_hdr:
        raise ValueError("the file is too short")
    header = kind.from_fileobj(io.BytesIO(data))
    return ImageHeader(tuple(int(size) for size in header.get_data_shape()), int(header.get_data_dtype().itemsize))
