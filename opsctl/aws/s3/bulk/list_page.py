"""One page of a listing, out of S3's XML: the fields that opsctl needs, and no dictionary for each key."""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from urllib.parse import unquote_plus


def _until(element: str) -> str:
    """A pattern of all other elements of an object before one.

    No group is possessive: CPython before 3.11.5 misses matches then (gh-106052), and Debian 12 has 3.11.2.
    """
    return rf"[^<]*+(?:<(?!{element}>|/Contents>)[^<]*+)*"


# What S3 itself writes of nearly every object: in this one form it takes two thirds of the time.
_USUAL_OBJECT = re.compile(
    r"<Contents><Key>([^<]*)</Key><LastModified>[^<]*</LastModified><ETag>&quot;([^<&\"]*)&quot;</ETag>"
    r"(?:<ChecksumAlgorithm>[^<]*</ChecksumAlgorithm><ChecksumType>[^<]*</ChecksumType>)?"
    r"<Size>(\d+)</Size><StorageClass>(\w+)</StorageClass>()</Contents>"
)
_FIRST, _LAST = "<Contents>", "</Contents>"
_FOLDER = re.compile(r"<CommonPrefixes><Prefix>([^<]*)</Prefix></CommonPrefixes>")
_TOKEN = re.compile(r"<NextContinuationToken>([^<]+)</NextContinuationToken>")
_CODED = "%+&"

#: Of a page as botocore gives it: under these names there are entries and the XML in place of `Contents`.
ENTRIES, BODY = "OpsctlObjects", "OpsctlBody"

# Key, etag, size in bytes, storage class, and whether a restore is in progress (`true`, `false`, or empty where nobody
# asked for one). Most entries of a large dataset are discarded, so none becomes an S3Object before that.
Entry = tuple[str, str, str, str, str]


def taken_out(body: str) -> tuple[list[Entry], str] | None:
    """The objects of a page, and its XML without them; None where it is not of the form that is understood."""
    count = body.count(_FIRST)
    entries: list[Entry] = _USUAL_OBJECT.findall(body)
    if len(entries) != count:
        entries = _any_object().findall(body)
    start, stop = body.find(_FIRST), body.rfind(_LAST) + len(_LAST)
    if len(entries) != count or (entries and "<CommonPrefixes>" in body[start:stop]):
        return None
    # Most keys have no character that is written in another way.
    keys = "\n".join([entry[0] for entry in entries])
    if any(sign in keys for sign in _CODED):
        is_coded = _is_coded(body)
        entries = [(_text(key, is_coded=is_coded), *rest) for key, *rest in entries]  # type: ignore[misc]
    return entries, body[:start] + body[stop:] if entries else body


def list_page(content: bytes) -> dict[str, Any] | None:
    """A page as botocore gives it, as far as opsctl needs it; None where botocore must read it."""
    try:
        body = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    taken = taken_out(body)
    if taken is None:
        return None
    entries, rest = taken
    folders = _FOLDER.findall(rest)
    token = _TOKEN.search(rest)
    is_whole = "<ListBucketResult" in rest and rest.rstrip().endswith("</ListBucketResult>")
    is_last = "<IsTruncated>false</IsTruncated>" in rest
    if not is_whole or is_last == bool(token) or len(folders) != rest.count("<CommonPrefixes>"):
        return None
    is_coded = _is_coded(rest)
    page: dict[str, Any] = {ENTRIES: entries, BODY: body, "IsTruncated": not is_last}
    page["CommonPrefixes"] = [{"Prefix": _text(folder, is_coded=is_coded)} for folder in folders]
    if token:
        page["NextContinuationToken"] = _text(token[1], is_coded=False)
    return page


@cache
def _any_object() -> re.Pattern[str]:
    """An object as services that speak as S3 does may write it. Few commands meet one, so it is compiled then."""
    # S3 and compatible services write an object's elements in this order, some of them with further ones in between.
    return re.compile(
        r"<Contents>" + _until("Key") + r"<Key>([^<]*+)</Key>"
        # The next ones are S3's own: named, they take a third of the time.
        r"(?:<LastModified>[^<]*+</LastModified>)?"
        + _until("ETag")
        + r"<ETag>(?:&quot;|&#34;|\")?([^<&\"]*+)(?:&quot;|&#34;|\")?</ETag>"
        r"(?:<ChecksumAlgorithm>[^<]*+</ChecksumAlgorithm>)?(?:<ChecksumType>[^<]*+</ChecksumType>)?"
        + _until("Size")
        + r"<Size>(\d++)</Size>\s*+"
        r"(?:<StorageClass>(\w++)</StorageClass>\s*+)?"
        r"(?:<RestoreStatus>\s*+<IsRestoreInProgress>(true|false)</IsRestoreInProgress>"
        + _until("/RestoreStatus")
        + r"</RestoreStatus>)?"
        + _until("/Contents")
        + r"</Contents>"
    )


def _is_coded(body: str) -> bool:
    return "<EncodingType>url</EncodingType>" in body


def _text(xml: str, *, is_coded: bool) -> str:
    if "&" in xml:
        # Its table of 2,000 names of signs takes longer to import than everything else here.
        from html import unescape

        xml = unescape(xml)
    return unquote_plus(xml) if is_coded else xml
