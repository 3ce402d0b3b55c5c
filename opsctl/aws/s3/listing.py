"""Lists large datasets on S3: in parallel, and without botocore's dictionary for each key.

botocore builds a dictionary of five fields for every object, which takes longer than the network. A `before-parse`
hook first takes the needed fields out of the reply's XML; botocore parses what the hook does not recognise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from html import unescape
from sys import intern
from threading import Event
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import unquote_plus

from opsctl.core.dataset.scan import S3Object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

_SHARDS = 16
_ENTRIES, _BODY = "OpsctlObjects", "OpsctlBody"

# Botocore calls the handlers of `before-parse.s3.*` before those of `before-parse.s3.ListObjectsV2`; one of its own
# parses the whole reply to look for an error in it. A handler of this name is called first.
_EVENT = "before-parse.*.ListObjectsV2"


def _until(element: str) -> str:
    """A pattern of all other elements of an object before one.

    No group is possessive: CPython before 3.11.5 misses matches then (gh-106052), and Debian 12 has 3.11.2.
    """
    return rf"[^<]*+(?:<(?!{element}>|/Contents>)[^<]*+)*"


# S3 and compatible services write an object's elements in this order, some of them with further ones in between.
_OBJECT = re.compile(
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
# What S3 itself writes of nearly every object: in this one form it takes half of the time.
_USUAL_OBJECT = re.compile(
    r"<Contents><Key>([^<]*)</Key><LastModified>[^<]*</LastModified><ETag>&quot;([^<&\"]*)&quot;</ETag>"
    r"(?:<ChecksumAlgorithm>[^<]*</ChecksumAlgorithm><ChecksumType>[^<]*</ChecksumType>)?"
    r"<Size>(\d+)</Size><StorageClass>(\w+)</StorageClass>()</Contents>"
)
_CODED = "%+&"
_RESTORE: dict[str, Literal["", "in progress", "restored"]] = {"": "", "true": "in progress", "false": "restored"}
_FIRST, _LAST = "<Contents>", "</Contents>"
_CHANGED = re.compile(r"<LastModified>([^<]+)</LastModified>")

# Key, etag, size in bytes, storage class, and whether a restore is in progress (`true`, `false`, or empty where nobody
# asked for one). Most entries of a large dataset are discarded, so none becomes an S3Object before that.
Entry = tuple[str, str, str, str, str]


class Listing:
    """Listings of one S3 client.

    Parameters
    ----------
    client
        Its replies to ListObjectsV2 have no `Contents` afterwards.
    """

    def __init__(self, client: S3Client) -> None:
        self._client = client
        # The id prevents that two listings of one client register the hook twice.
        client.meta.events.register(_EVENT, _take_objects, unique_id=_ENTRIES)

    def level(
        self,
        bucket: str,
        prefix: str,
        *,
        keep: Callable[[str], bool] = bool,
        on_change: Callable[[datetime], None] | None = None,
    ) -> tuple[list[S3Object], list[str]]:
        """The objects directly below a prefix, and the prefixes one level down, each ending with `/`.

        Parameters
        ----------
        keep
            Whether to return a key; other keys take no memory.
        on_change
            Called with the last change of the objects of each page.
        """
        objects: list[S3Object] = []
        folders: list[str] = []
        for page in self._pages(on_change, Bucket=bucket, Prefix=prefix, Delimiter="/"):
            objects.extend(_object(entry) for entry in _entries(page) if keep(entry[0]))
            folders.extend(common["Prefix"] for common in page.get("CommonPrefixes", ()))
        return objects, folders

    def below(self, bucket: str, prefix: str) -> Iterator[S3Object]:
        """Every object below a prefix, in S3's order."""
        for page in self._pages(Bucket=bucket, Prefix=prefix):
            yield from map(_object, _entries(page))

    def folders(self, bucket: str, folders: Sequence[str], *, keep: Callable[[str], bool]) -> Iterator[S3Object]:
        """Every object below neighbouring folders, listed by several parallel requests.

        Parameters
        ----------
        folders
            Prefixes of one level that end with `/`, in S3's order, with no other folder between them. The empty
            objects that consoles create for folders are left out.
        keep
            Whether to return a key; other keys take no memory.
        """
        for objects in self.shards(bucket, folders, keep=keep, of_shard=list):
            yield from objects

    def shards(
        self,
        bucket: str,
        folders: Sequence[str],
        *,
        keep: Callable[[str], bool],
        of_shard: Callable[[Iterator[S3Object]], T],
        on_change: Callable[[datetime], None] | None = None,
    ) -> Iterator[T]:
        """What a function makes of the objects of each shard of neighbouring folders; see `folders`.

        Parameters
        ----------
        of_shard
            Gets the objects of whole folders, in S3's order, page by page, in one of several threads.
        on_change
            Called with the last change of the objects of each page, in several threads.
        """

        def of_entries(entries: Iterator[Entry]) -> T:
            return of_shard(map(_object, entries))

        yield from self.entry_shards(bucket, folders, keep=keep, of_shard=of_entries, on_change=on_change)

    def entry_shards(
        self,
        bucket: str,
        folders: Sequence[str],
        *,
        keep: Callable[[str], bool],
        of_shard: Callable[[Iterator[Entry]], T],
        on_change: Callable[[datetime], None] | None = None,
    ) -> Iterator[T]:
        """The same as `shards`, with entries instead of objects: for callers that need no object of a million."""
        if not folders:
            return
        shared = _shared_prefix(folders)
        parent_length = folders[0].rfind("/", 0, -1) + 1
        size = -(-len(folders) // _SHARDS)
        starts = range(0, len(folders), size)
        stop = Event()

        def entries_of(start: int) -> Iterator[Entry]:
            # A folder's keys sort after its own name and before the next folder's.
            end = folders[start + size] if start + size < len(folders) else None
            for page in self._pages(on_change, Bucket=bucket, Prefix=shared, StartAfter=folders[start]):
                entries = _entries(page)
                # A file that stands beside the folders may sort between them.
                yield from [
                    entry
                    for entry in entries
                    if entry[0].find("/", parent_length) >= 0
                    and not entry[0].endswith("/")
                    and (end is None or entry[0] < end)
                    and keep(entry[0])
                ]
                if stop.is_set() or (end is not None and entries and entries[-1][0] >= end):
                    break

        with ThreadPoolExecutor(_SHARDS) as pool:
            try:
                yield from pool.map(lambda start: of_shard(entries_of(start)), starts)
            finally:
                # After an error or Ctrl-C the pool waits for its threads: for one page each, not for the rest.
                stop.set()

    def _pages(self, on_change: Callable[[datetime], None] | None = None, **request: Any) -> Iterator[Any]:
        # Without RestoreStatus an object that was restored would look like one that is still archived.
        request["OptionalObjectAttributes"] = ["RestoreStatus"]
        for page in self._client.get_paginator("list_objects_v2").paginate(**request):
            if on_change is not None and (changed := _last_change(page)) is not None:
                on_change(changed)
            yield page


def _take_objects(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Take the objects out of a reply before botocore parses it (handler of `before-parse`)."""
    if response_dict["status_code"] != 200:
        return
    body = response_dict["body"].decode("utf-8")
    count = body.count(_FIRST)
    entries: list[Entry] = _USUAL_OBJECT.findall(body)
    if len(entries) != count:
        entries = _OBJECT.findall(body)
    start, stop = body.find(_FIRST), body.rfind(_LAST) + len(_LAST)
    if len(entries) != count or (entries and "<CommonPrefixes>" in body[start:stop]):
        return
    # Most keys have no character that is written in another way.
    keys = "\n".join([entry[0] for entry in entries])
    if any(sign in keys for sign in _CODED):
        decode = unquote_plus if "<EncodingType>url</EncodingType>" in body else str
        entries = [(decode(_text(key)), etag, size, kind, restore) for key, etag, size, kind, restore in entries]
    # Few ask for its dates.
    customized_response_dict[_BODY] = body
    customized_response_dict[_ENTRIES] = entries
    if entries:
        response_dict["body"] = (body[:start] + body[stop:]).encode()


def _last_change(page: Any) -> datetime | None:
    """When an object of a page was changed last; None for a page without objects."""
    if _BODY in page:
        # All of one form, so the order of the texts is that of the moments.
        last = max(_CHANGED.findall(page[_BODY]), default=None)
        return None if last is None else datetime.fromisoformat(last)
    return max((obj["LastModified"] for obj in page.get("Contents", ())), default=None)


def _entries(page: Any) -> list[Entry]:
    if _ENTRIES in page:
        entries: list[Entry] = page[_ENTRIES]
        return entries
    return [
        (
            obj["Key"],
            obj["ETag"].strip('"'),
            str(obj["Size"]),
            obj.get("StorageClass", ""),
            str(obj["RestoreStatus"]["IsRestoreInProgress"]).lower() if "RestoreStatus" in obj else "",
        )
        for obj in page.get("Contents", ())
    ]


def _object(entry: Entry) -> S3Object:
    key, etag, size, storage_class, restore = entry
    # Most objects share one of a few storage classes: interned, they need no memory of their own.
    return S3Object(
        key=key,
        size_bytes=int(size),
        etag=etag,
        storage_class=intern(storage_class or "STANDARD"),
        restore=_RESTORE[restore],
    )


def _text(xml: str) -> str:
    return unescape(xml) if "&" in xml else xml


def _shared_prefix(folders: Sequence[str]) -> str:
    first, last = folders[0], folders[-1]
    length = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:length]
