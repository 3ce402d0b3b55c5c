"""Lists large datasets on S3: in parallel, and without botocore's dictionary for each key.

botocore builds a dictionary of five fields for every object, which takes longer than the network. A `before-parse`
hook first takes the needed fields out of the reply's XML; botocore parses what the hook does not recognise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from sys import intern
from threading import Event
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from botocore.exceptions import PaginationError

from opsctl.aws.s3.bulk.list_page import BODY, ENTRIES, Entry, list_page, taken_out
from opsctl.core.dataset.s3_object import S3Object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from opsctl.aws.s3.direct import Direct

T = TypeVar("T")

_SHARDS = 16
# Botocore calls the handlers of `before-parse.s3.*` before those of `before-parse.s3.ListObjectsV2`; one of its own
# parses the whole reply to look for an error in it. A handler of this name is called first.
_EVENT = "before-parse.*.ListObjectsV2"


_RESTORE: dict[str, Literal["", "in progress", "restored"]] = {"": "", "true": "in progress", "false": "restored"}
_CHANGED = re.compile(r"<LastModified>([^<]+)</LastModified>")


class Listing:
    """Listings of one S3 client.

    Parameters
    ----------
    client
        Its replies to ListObjectsV2 have no `Contents` afterwards.
    direct
        For the pages of large listings, by the same login: botocore takes as long for a page as its 1,000 keys do.
        None: `client` does all.
    """

    def __init__(self, client: S3Client, direct: Direct | None = None) -> None:
        self._client = client
        self._direct = direct
        # The id prevents that two listings of one client register the hook twice.
        client.meta.events.register(_EVENT, _take_objects, unique_id=ENTRIES)

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
            pages = self._pages(on_change, are_many=True, Bucket=bucket, Prefix=shared, StartAfter=folders[start])
            for page in pages:
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

    def _pages(
        self, on_change: Callable[[datetime], None] | None = None, *, are_many: bool = False, **request: str
    ) -> Iterator[Any]:
        """The pages of a listing. botocore gives those of a large one from the first one on that is not usual.

        botocore's paginator is not used: it takes 10 ms to make, and the first request of most commands is a listing.
        """
        token = ""
        while True:
            query = {**request, **({"ContinuationToken": token} if token else {})}
            page: Any = self._page(query) if are_many else None
            if page is None:
                # Without RestoreStatus an object that was restored would look like one that is still archived.
                by_botocore: dict[str, Any] = {**query, "OptionalObjectAttributes": ["RestoreStatus"]}
                page = self._client.list_objects_v2(**by_botocore)
            if on_change is not None and (changed := _last_change(page)) is not None:
                on_change(changed)
            yield page
            if not page.get("IsTruncated"):
                return
            before, token = token, page.get("NextContinuationToken", "")
            if token in ("", before):
                raise PaginationError(message="S3 says that a listing goes on, but not from where.")

    def _page(self, query: dict[str, str]) -> dict[str, Any] | None:
        if self._direct is None:
            return None
        content = self._direct.list_objects(query)
        page = None if content is None else list_page(content)
        if page is None:
            # An error, or another service's form: each further page might be asked for twice.
            self._direct = None
        return page


def _take_objects(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Take the objects out of a reply before botocore parses it (handler of `before-parse`)."""
    if response_dict["status_code"] != 200:
        return
    body = response_dict["body"].decode("utf-8")
    if (taken := taken_out(body)) is None:
        return
    # Few ask for its dates.
    customized_response_dict[BODY] = body
    customized_response_dict[ENTRIES], rest = taken
    response_dict["body"] = rest.encode()


def _last_change(page: Any) -> datetime | None:
    """When an object of a page was changed last; None for a page without objects."""
    if BODY in page:
        # All of one form, so the order of the texts is that of the moments.
        last = max(_CHANGED.findall(page[BODY]), default=None)
        return None if last is None else datetime.fromisoformat(last)
    return max((obj["LastModified"] for obj in page.get("Contents", ())), default=None)


def _entries(page: Any) -> list[Entry]:
    if ENTRIES in page:
        entries: list[Entry] = page[ENTRIES]
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


def _shared_prefix(folders: Sequence[str]) -> str:
    first, last = folders[0], folders[-1]
    length = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:length]
