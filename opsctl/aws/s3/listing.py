"""S3 listings of large datasets: parallel, and without a dictionary for each key.

botocore builds a dictionary of five fields for every object, which takes longer than the network. A `before-parse`
hook takes the three that matter out of the reply's XML first; what it does not recognise, botocore parses as ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from threading import Event
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from opsctl.core.dataset.scan import S3Object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_SHARDS = 16
_OURS = "OpsctlObjects"

# Botocore calls the handlers of `before-parse.s3.*` ahead of those of `before-parse.s3.ListObjectsV2`, and one of its
# own builds a tree of the whole reply, to look for an error in it. A handler of this name comes first.
_EVENT = "before-parse.*.ListObjectsV2"

# The order in which S3 and its likes write an object's elements.
_OBJECT = re.compile(
    r"<Contents>.*?<Key>([^<]*)</Key>.*?"
    r"<ETag>(?:&quot;|&#34;|\")?([^<&\"]*)(?:&quot;|&#34;|\")?</ETag>.*?<Size>(\d+)</Size>.*?</Contents>",
    re.DOTALL,
)
_FIRST, _LAST = "<Contents>", "</Contents>"

# Key, etag and size in bytes. Most entries of a large dataset are not wanted, so none is an S3Object yet.
_Entry = tuple[str, str, str]


class Listing:
    """Listings of one S3 client.

    Parameters
    ----------
    client
        Its replies to ListObjectsV2 carry no `Contents` from now on.
    """

    def __init__(self, client: S3Client) -> None:
        self._client = client
        # The id: two listings of one client must not take the objects out twice.
        client.meta.events.register(_EVENT, _take_objects, unique_id=_OURS)

    def level(self, bucket: str, prefix: str) -> tuple[list[S3Object], list[str]]:
        """The objects directly below a prefix, and the prefixes one level down, each ending with `/`."""
        objects: list[S3Object] = []
        folders: list[str] = []
        for page in self._pages(Bucket=bucket, Prefix=prefix, Delimiter="/"):
            objects.extend(map(_object, _entries(page)))
            folders.extend(one["Prefix"] for one in page.get("CommonPrefixes", ()))
        return objects, folders

    def below(self, bucket: str, prefix: str) -> Iterator[S3Object]:
        """Every object below a prefix, in S3's order."""
        for page in self._pages(Bucket=bucket, Prefix=prefix):
            yield from map(_object, _entries(page))

    def folders(self, bucket: str, folders: Sequence[str], *, keep: Callable[[str], bool]) -> Iterator[S3Object]:
        """Every object below neighbouring folders, listed from several places at once.

        Parameters
        ----------
        folders
            Prefixes of one level that end with `/`, in S3's order, with no other folder between them. The empty
            objects that consoles make for folders are left out.
        keep
            Which keys are wanted: the others take no memory.
        """
        if not folders:
            return
        shared = _shared_prefix(folders)
        above = folders[0].rfind("/", 0, -1) + 1
        size = -(-len(folders) // _SHARDS)
        shards = [folders[start : start + size] for start in range(0, len(folders), size)]
        stop = Event()

        def wanted(key: str) -> bool:
            # A file that stands beside the folders may sort between them.
            return keep(key) and "/" in key[above:] and not key.endswith("/")

        def shard(number: int) -> list[S3Object]:
            # A folder's keys are all greater than its own name, and smaller than the next folder's.
            end = shards[number + 1][0] if number + 1 < len(shards) else None
            found: list[S3Object] = []
            for page in self._pages(Bucket=bucket, Prefix=shared, StartAfter=shards[number][0]):
                entries = _entries(page)
                found += [_object(one) for one in entries if (end is None or one[0] < end) and wanted(one[0])]
                if stop.is_set() or (end is not None and entries and entries[-1][0] >= end):
                    break
            return found

        with ThreadPoolExecutor(_SHARDS) as pool:
            try:
                for found in pool.map(shard, range(len(shards))):
                    yield from found
            finally:
                # After an error or Ctrl-C the pool still waits for its threads: for a page each, not for all the rest.
                stop.set()

    def _pages(self, **request: Any) -> Iterator[Any]:
        return iter(self._client.get_paginator("list_objects_v2").paginate(**request))


def _take_objects(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Botocore's hook: our entries instead of its dictionaries."""
    if response_dict["status_code"] != 200:
        return
    body = response_dict["body"].decode("utf-8")
    found: list[_Entry] = _OBJECT.findall(body)
    start, stop = body.find(_FIRST), body.rfind(_LAST) + len(_LAST)
    if len(found) != body.count(_FIRST) or (found and "<CommonPrefixes>" in body[start:stop]):
        return
    decode = unquote_plus if "<EncodingType>url</EncodingType>" in body else str
    customized_response_dict[_OURS] = [(decode(_text(key)), etag, size) for key, etag, size in found]
    if found:
        response_dict["body"] = (body[:start] + body[stop:]).encode()


def _entries(page: Any) -> list[_Entry]:
    if _OURS in page:
        taken: list[_Entry] = page[_OURS]
        return taken
    return [(one["Key"], one["ETag"].strip('"'), str(one["Size"])) for one in page.get("Contents", ())]


def _object(entry: _Entry) -> S3Object:
    key, etag, size = entry
    return S3Object(key=key, size_bytes=int(size), etag=etag)


def _text(xml: str) -> str:
    return unescape(xml) if "&" in xml else xml


def _shared_prefix(folders: Sequence[str]) -> str:
    first, last = folders[0], folders[-1]
    length = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[:length]
