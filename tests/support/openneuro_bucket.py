"""A stand-in of OpenNeuro's public bucket: S3 for anybody, with the layouts that git-annex exports there.

It answers unsigned reads only: a request with credentials ends the test. The layouts are those of
https://github.com/OpenNeuroDatasets/ds000114 and of OpenNeuro's exports (issues 1731, 2714, 2730, 2779 of
https://github.com/OpenNeuroOrg/openneuro): several versions of an object, delete markers, files of older snapshots that
stayed, empty objects, pointers of git-annex in place of files, folders beside the subjects, datasets that are not
public.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from support.scripted_http import Reply, Request, ScriptedServer

BUCKET = "openneuro.org"
DELETED = None
POINTER = b"/annex/objects/MD5E-s1234--0123456789abcdef0123456789abcdef.nii.gz\n"
LINK = b"../../../.git/annex/objects/Zz/qQ/MD5E-s1234--0123456789abcdef.nii.gz/MD5E-s1234--0123456789abcdef.nii.gz"
_SIGNED = ("authorization", "x-amz-security-token", "x-amz-date", "x-amz-content-sha256")
_PAGE = 1000


@dataclass
class PublicBucket(ScriptedServer):
    """Attributes: `versions` (every version of each key, the newest last; None is a delete marker), `private`."""

    versions: dict[str, list[bytes | None]] = field(default_factory=dict)
    #: Beginnings of keys whose objects are tagged `access=private`: listed, and read by nobody.
    private: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__(self._answer)

    def put(self, files: dict[str, bytes | None], *, dataset: str = "ds000114") -> None:
        """Add a version of each file."""
        for path, body in files.items():
            self.versions.setdefault(f"{dataset}/{path}", []).append(body)

    @property
    def current(self) -> dict[str, bytes]:
        newest = {key: versions[-1] for key, versions in self.versions.items()}
        return {key: body for key, body in newest.items() if body is not None}

    def _answer(self, request: Request) -> Reply:
        assert not [name for name in _SIGNED if request.headers.get(name)], "credentials were sent to a public bucket"
        parts = urlsplit(request.path)
        bucket, _, key = unquote(parts.path.lstrip("/")).partition("/")
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        assert not [name for name in query if name.lower().startswith("x-amz-")]
        if bucket != BUCKET:
            return _refusal(404, "NoSuchBucket")
        if request.method == "HEAD" and not key:
            return Reply(200, {"x-amz-bucket-region": "us-east-1"})
        if request.method not in ("GET", "HEAD"):
            return _refusal(403, "AccessDenied")
        return self._object(request, key) if key else self._list(query)

    def _object(self, request: Request, key: str) -> Reply:
        if any(key.startswith(beginning) for beginning in self.private):
            return _refusal(403, "AccessDenied")
        body = self.current.get(key)
        if body is None:
            return _refusal(404, "NoSuchKey")
        etag = hashlib.md5(body).hexdigest()
        if request.headers.get("If-Match", etag).strip('"') != etag:
            return _refusal(412, "PreconditionFailed")
        headers = {"ETag": f'"{etag}"', "Accept-Ranges": "bytes", "Last-Modified": "Wed, 24 Aug 2022 10:00:00 GMT"}
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        if span and body:
            start, end = int(span[1]), min(int(span[2] or len(body) - 1), len(body) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
            return Reply(206, headers, body[start : end + 1])
        if request.method == "HEAD":
            return Reply(200, {**headers, "Content-Length": str(len(body))})
        return Reply(200, headers, body)

    def _list(self, query: dict[str, str]) -> Reply:
        assert query.get("list-type") == "2"
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("continuation-token") or query.get("start-after", "")
        current = self.current
        keys = sorted(current)
        entries: list[tuple[str, bool]] = []
        for key in keys[bisect_right(keys, after) :]:
            if not key.startswith(prefix) or (entries and entries[-1][1] and key.startswith(entries[-1][0])):
                continue
            if delimiter and (end := key.find(delimiter, len(prefix))) >= 0:
                common = key[: end + 1]
                if not after.startswith(common):
                    entries.append((common, True))
            else:
                entries.append((key, False))
            if len(entries) > _PAGE:
                break
        page, more = entries[:_PAGE], len(entries) > _PAGE
        encoded = quote if query.get("encoding-type") == "url" else str
        contents = "".join(
            f"<Contents><Key>{encoded(key)}</Key><LastModified>2022-08-24T10:00:00.000Z</LastModified>"
            f"<ETag>&quot;{hashlib.md5(current[key]).hexdigest()}&quot;</ETag><Size>{len(current[key])}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for key, is_common in page
            if not is_common
        )
        commons = "".join(
            f"<CommonPrefixes><Prefix>{encoded(common)}</Prefix></CommonPrefixes>"
            for common, is_common in page
            if is_common
        )
        token = f"<NextContinuationToken>{encoded(page[-1][0])}</NextContinuationToken>" if more else ""
        coding = "<EncodingType>url</EncodingType>" if query.get("encoding-type") else ""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{BUCKET}</Name><Prefix>{encoded(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>{coding}"
            f"<MaxKeys>{_PAGE}</MaxKeys><IsTruncated>{str(more).lower()}</IsTruncated>{token}{contents}{commons}"
            "</ListBucketResult>"
        )
        return Reply(200, {"Content-Type": "application/xml", "x-amz-bucket-region": "us-east-1"}, body.encode())


def _refusal(status: int, code: str) -> Reply:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>no</Message></Error>'.encode()
    return Reply(status, {"Content-Type": "application/xml"}, body)


def description(*, version: str = "1.0.2", accession: str = "ds000114", **fields: Any) -> bytes:
    """`dataset_description.json` as OpenNeuro writes it at a snapshot."""
    import json

    doi = f"doi:10.18112/openneuro.{accession}.v{version}"
    return json.dumps(
        {
            "Name": "A test-retest fMRI dataset",
            "License": "CC0",
            "DatasetDOI": doi,
            "BIDSVersion": "1.0.0rc2",
            **fields,
        },
        indent=4,
    ).encode()
