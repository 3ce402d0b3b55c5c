"""S3: listings, JSON records and files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from threading import Semaphore
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from opsctl.aws.errors import code_of, translated
from opsctl.aws.s3.body import read
from opsctl.aws.s3.early_reply import EarlyReply
from opsctl.aws.s3.listing import Listing
from opsctl.aws.s3.workers import Workers
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location
from opsctl.core.record import UnreadableRecord
from opsctl.core.size_limits import RECORD_BYTES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from opsctl.aws.s3.bulk.puts import Puts
    from opsctl.aws.s3.direct import Direct
    from opsctl.aws.s3.scan_objects import ScanObjects
    from opsctl.core.dataset.scan import S3Object
    from opsctl.core.runs.files_digest import FolderDigests
    from opsctl.core.runs.m2g_options import Pipeline

T = TypeVar("T")

#: Records are small, so latency dominates: many are read or written at once.
_RECORD_THREADS = 64
#: A thread of these waits nearly all of its time; with more of them S3 would answer `SlowDown`.
_DIRECT_THREADS = 128
_JSON = "application/json"
_MISSING = {"NoSuchKey", "404", "NotFound"}
_CONDITION_FAILED = {"PreconditionFailed", "ConditionalRequestConflict"}


class Storage:
    """The data bucket and the datasets' buckets.

    Parameters
    ----------
    direct
        For many objects at once, by the same login; None: `client` does all.
    """

    def __init__(self, client: S3Client, direct: Direct | None = None) -> None:
        #: For other readers of the same bucket.
        self.client = client
        self.direct = direct
        self._listing = Listing(client, direct)
        # Several folders may be read at once: together they open no more connections than one of them.
        self._reads, self._direct_reads = Semaphore(_RECORD_THREADS), Semaphore(_DIRECT_THREADS)
        self._early_folders: dict[Location, EarlyReply[list[str]]] = {}
        self._early_bodies: dict[tuple[str, str], EarlyReply[bytes | None]] = {}

    @cached_property
    def files(self) -> ScanObjects:
        """The files of scans."""
        # Most verbs read none, and the rules of images take some milliseconds to import.
        from opsctl.aws.s3.scan_objects import ScanObjects

        return ScanObjects(self.client)

    def dataset(self, location: Location, *, pipeline: Pipeline = "both") -> list[S3Object]:
        """Every object of a BIDS dataset that discovery may need: the files at its root and those below `sub-*`.

        Raises
        ------
        Problem
            If there is nothing below the prefix; names like it are suggested.
        """
        objects: list[S3Object] = []
        for shard in self.dataset_shards(location, pipeline=pipeline, of_root=objects.extend, of_shard=list):
            objects += shard
        return objects

    def dataset_shards(
        self,
        location: Location,
        *,
        pipeline: Pipeline,
        of_root: Callable[[list[S3Object]], object],
        of_shard: Callable[[Iterator[S3Object]], T],
        of_folders: Callable[[list[str]], object] = len,
    ) -> Iterator[T]:
        """What a function makes of the objects of each shard of a BIDS dataset's subjects; see `Listing.shards`.

        Parameters
        ----------
        of_root
            Gets the files at the dataset's root, before the first subject.
        of_folders
            Gets the prefixes of all folders at the root, before the first subject.

        Raises
        ------
        Problem
            See `dataset`.
        """
        from opsctl.core.dataset.discovery import may_matter

        prefix = location.key_prefix

        def keep(key: str) -> bool:
            return may_matter(key[len(prefix) :], pipeline=pipeline)

        with translated(f"listing {location.uri}"):
            objects, folders = self._listing.level(location.bucket, prefix, keep=keep)
            if not objects and not folders and not any(self.below(location)):
                raise self._no_such_dataset(location)
            of_root(objects)
            of_folders(folders)
            subjects = [folder for folder in folders if folder[len(prefix) :].startswith("sub-")]
            yield from self._listing.shards(location.bucket, subjects, keep=keep, of_shard=of_shard)

    def whole_dataset(
        self,
        location: Location,
        *,
        of_root: Callable[[list[S3Object], list[str]], object],
        of_shard: Callable[[Iterator[S3Object]], T],
        on_change: Callable[[datetime], None],
    ) -> Iterator[T]:
        """The same of every object at the root and below `sub-*`, whether discovery needs it or not.

        Parameters
        ----------
        of_root
            Gets the files at the dataset's root, and the names of the folders there.
        on_change
            Called with the last change of the objects of each page of the listing, in several threads.
        """
        start = len(location.key_prefix)
        with translated(f"listing {location.uri}"):
            objects, folders = self._listing.level(location.bucket, location.key_prefix, on_change=on_change)
            of_root(objects, [folder[start:-1] for folder in folders])
            subjects = [folder for folder in folders if folder.startswith("sub-", start)]
            yield from self._listing.shards(
                location.bucket, subjects, keep=bool, of_shard=of_shard, on_change=on_change
            )

    def below(self, location: Location) -> Iterator[S3Object]:
        """Every object below a prefix, page by page: who needs a few of a million takes no more memory than these."""
        with translated(f"listing {location.uri}"):
            yield from self._listing.below(location.bucket, location.key_prefix)

    def beginning_with(self, bucket: str, prefix: str) -> Iterator[S3Object]:
        """Every object whose key begins with a prefix, which may end in the middle of a name."""
        with translated(f"listing s3://{bucket}/{prefix}"):
            yield from self._listing.below(bucket, prefix)

    def outputs(self, location: Location, *, keep: Callable[[str], bool] = bool) -> dict[str, S3Object]:
        """Every object of a derivative dataset, by key.

        Parameters
        ----------
        keep
            Whether to return a key below a subject; other keys take no memory.
        """
        prefix = location.key_prefix
        with translated(f"listing {location.uri}"):
            objects, folders = self._listing.level(location.bucket, prefix)
            subjects = [folder for folder in folders if folder[len(prefix) :].startswith("sub-")]
            objects += self._listing.folders(location.bucket, subjects, keep=keep)
        return {obj.key: obj for obj in objects}

    def output_digests(self, location: Location, scans: Set[str]) -> FolderDigests:
        """The digest of each scan's folder of a derivative dataset; see `FolderDigests`."""
        from opsctl.core.runs.files_digest import FolderDigests

        prefix = location.key_prefix
        digests = FolderDigests(prefix, scans)
        with translated(f"listing {location.uri}"):
            _, folders = self._listing.level(location.bucket, prefix)
            subjects = [folder for folder in folders if folder[len(prefix) :].startswith("sub-")]
            for _ in self._listing.entry_shards(location.bucket, subjects, keep=bool, of_shard=digests.add):
                pass
        return digests

    def folders(self, location: Location) -> list[str]:
        """The names of the folders directly below a prefix."""
        if (early := self._early_folders.pop(location, None)) is not None:
            return early.wait()
        return self._folders(location)

    def _folders(self, location: Location) -> list[str]:
        with translated(f"listing {location.uri}"):
            _, folders = self._listing.level(location.bucket, location.key_prefix)
        return [folder[len(location.key_prefix) : -1] for folder in folders]

    def begin_folders(self, location: Location) -> None:
        """Begin what `folders` will be asked for next."""
        self._early_folders[location] = EarlyReply(lambda: self._folders(location))

    def begin_body(self, bucket: str, key: str, *, at_most: int) -> None:
        """Begin what `get_body` will be asked for next."""
        self._early_bodies[bucket, key] = EarlyReply(lambda: self._body(bucket, key, at_most=at_most))

    def prefixes(self, bucket: str, beginning: str) -> list[str]:
        """The names of the folders at a bucket's root that begin with a text."""
        with translated(f"listing s3://{bucket}/{beginning}"):
            _, folders = self._listing.level(bucket, beginning)
        return [folder.rstrip("/") for folder in folders]

    def get_body(self, bucket: str, key: str, *, at_most: int = RECORD_BYTES) -> bytes | None:
        """A small object's bytes; None if there is none.

        Parameters
        ----------
        at_most
            The largest object that is taken, in bytes.

        Raises
        ------
        UnreadableRecord
            The object is larger.
        """
        if (early := self._early_bodies.pop((bucket, key), None)) is not None:
            return early.wait()
        return self._body(bucket, key, at_most=at_most)

    def _body(self, bucket: str, key: str, *, at_most: int) -> bytes | None:
        reply = self._get(bucket, key, at_most=at_most)
        return reply[0] if reply else None

    def get_bodies(
        self, bucket: str, keys: Sequence[str], *, at_most: int = RECORD_BYTES
    ) -> dict[str, bytes | UnreadableRecord]:
        """Many small objects' bytes at once, by key and in the keys' order; missing ones are left out.

        An object that is larger than `at_most` bytes has its error in place of its bytes: the others count.
        """
        bodies: dict[str, bytes | UnreadableRecord | None] = dict.fromkeys(keys)
        reads = self._reads if self.direct is None else self._direct_reads

        def read_body(key: str) -> None:
            body: bytes | None = None
            with reads:
                if self.direct is not None:
                    body = self.direct.get(bucket, key, at_most=at_most)
                try:
                    bodies[key] = self.get_body(bucket, key, at_most=at_most) if body is None else body
                except UnreadableRecord as error:
                    bodies[key] = error

        workers = Workers(read_body, keys, most_threads=_RECORD_THREADS if self.direct is None else _DIRECT_THREADS)
        try:
            workers.wait()
        finally:
            workers.stop()
        return {key: body for key, body in bodies.items() if body is not None}

    def get_body_with_age(self, bucket: str, key: str) -> tuple[bytes, float] | None:
        """A record's bytes and its age in seconds by S3's own clock; None if there is none."""
        body_and_reply = self._get(bucket, key, at_most=RECORD_BYTES)
        if body_and_reply is None:
            return None
        body, reply = body_and_reply
        now = parsedate_to_datetime(reply["ResponseMetadata"]["HTTPHeaders"]["date"])
        return body, (now - reply["LastModified"]).total_seconds()

    def _get(self, bucket: str, key: str, *, at_most: int) -> tuple[bytes, Any] | None:
        with translated(f"reading s3://{bucket}/{key}"):
            try:
                return read(self.client, at_most=at_most, Bucket=bucket, Key=key)
            except ClientError as error:
                if code_of(error) in _MISSING:
                    return None
                raise

    def put_json(self, bucket: str, key: str, value: Mapping[str, Any]) -> None:
        """Write one record."""
        with translated(f"writing s3://{bucket}/{key}"):
            self.client.put_object(Bucket=bucket, Key=key, Body=json.dumps(value, indent=1).encode(), ContentType=_JSON)

    def create_json(self, bucket: str, key: str, value: Mapping[str, Any]) -> bool:
        """Write a record unless there is one; returns whether it was written.

        False may also mean that this call wrote it: after a lost reply botocore repeats the call.
        """
        with translated(f"writing s3://{bucket}/{key}"):
            try:
                self.client.put_object(
                    Bucket=bucket,
                    Key=key,
                    Body=json.dumps(value, indent=1).encode(),
                    ContentType=_JSON,
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if code_of(error) in _CONDITION_FAILED:
                    return False
                raise
        return True

    def replace_body(self, bucket: str, key: str, body: bytes, *, etag: str) -> bool:
        """Write an object in place of the one with an etag, or of none where the etag is empty; whether it was written.

        Raises
        ------
        Problem
            When S3 refuses it for another reason than that there is another object now.
        """
        condition: dict[str, Any] = {"IfMatch": f'"{etag}"'} if etag else {"IfNoneMatch": "*"}
        with translated(f"writing s3://{bucket}/{key}"):
            try:
                self.client.put_object(Bucket=bucket, Key=key, Body=body, **condition)
            except ClientError as error:
                if code_of(error) in {*_CONDITION_FAILED, *_MISSING}:
                    return False
                raise
        return True

    def put_body(self, bucket: str, key: str, body: bytes) -> None:
        """Write one record's bytes."""
        with translated(f"writing s3://{bucket}/{key}"):
            self.client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=_JSON)

    @contextmanager
    def putting_bodies(self, bucket: str, bodies: Iterable[tuple[str, bytes]]) -> Iterator[Callable[[], None]]:
        """Write many JSON records in the background of the block; yields a function that waits until all are written.

        At the end of the block no further write is started, and none is under way.

        Parameters
        ----------
        bodies
            Keys and bytes, taken while they are sent: as many are held at once as are on their way.
        """
        workers: Workers[tuple[str, bytes]] | Puts
        if self.direct is None:
            workers = Workers(lambda item: self.put_body(bucket, *item), bodies, most_threads=_RECORD_THREADS)
        else:
            from opsctl.aws.s3.bulk.puts import Puts

            workers = Puts(
                self.direct,
                bucket,
                bodies,
                otherwise=lambda key, body: self.put_body(bucket, key, body),
                content_type=_JSON,
                at_once=_DIRECT_THREADS,
            )
        try:
            yield workers.wait
        finally:
            workers.stop()

    def upload(
        self,
        files: Mapping[str, Path],
        bucket: str,
        *,
        done: Callable[[str, int], None],
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> dict[str, Problem]:
        """Upload files in parallel; returns why some were refused, by key.

        Parameters
        ----------
        files
            Local paths by key.
        done
            Called with the key and the size in bytes of each uploaded file.
        on_bytes
            Called with each number of bytes that was sent; with a negative one where a file is sent again.

        Raises
        ------
        Problem
            When S3 would refuse every file.
        """
        from opsctl.aws.s3.file_upload import FileUpload

        return FileUpload(self.client, self.direct, bucket, done=done, on_bytes=on_bytes).run(files)

    def _no_such_dataset(self, location: Location) -> Problem:
        parent = Location(location.bucket, location.prefix.rpartition("/")[0])
        datasets = [name for name in self.folders(parent) if name != "opsctl"]
        from difflib import get_close_matches

        near = get_close_matches(location.name, datasets, n=5, cutoff=0.3) or datasets[:5]
        hint = f"There is: {', '.join(near)}." if near else "The bucket holds no dataset yet."
        return Problem(
            f"There is nothing at {location.uri}.",
            f"{hint} `opsctl upload DIR --name NAME` brings one there.",
            code=ErrorCode.DATASET_NOT_FOUND,
        )
