"""Reads records of the data bucket: each is checked, and one that cannot be read counts as missing and is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, TypeVar

from opsctl.aws.s3.cache import Cache
from opsctl.aws.s3.early_reply import read_early
from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.decoded_record import DecodedRecord, Form, ReadBody, decoded_record
from opsctl.commands.runs.record_folder import RecordFolder
from opsctl.core.dataset.scan import S3Object
from opsctl.core.location import Location
from opsctl.core.record import UnreadableRecord
from opsctl.core.runs.record_summary import SUBMISSIONS_AND_SUMMARIES, SUMMARISED, summary_key
from opsctl.core.size_limits import RECORD_BYTES

T = TypeVar("T")

#: So many decoded records, of 1 kB each, are stored in this machine's cache at once: the disk is waited for each time.
_STORED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    """A record of an object that is as it was when it was read before; None where it could not be read."""

    obj: S3Object
    value: T | None


@dataclass(frozen=True, slots=True)
class _Read(Generic[T]):
    """A record that was read now, or why it cannot be read."""

    obj: S3Object
    value: T | UnreadableRecord


def no_contradiction(_: Any) -> str:
    """Nothing contradicts the record."""
    return ""


class CheckedRecords:
    """Reads records, one by one or a folder at a time.

    Its parameters are those of `opsctl.commands.runs.records.Records`.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        bucket: str,
        cache: Cache,
        on_unreadable: Callable[[UnreadableRecord], None],
        worth_a_summary: int,
    ) -> None:
        self._storage = storage
        self._bucket = bucket
        self._cache = cache
        self._on_unreadable = on_unreadable
        self._worth_a_summary = worth_a_summary
        # Polling a run of 10,000 scans reads each record only once: etags and values by key.
        self._values: dict[str, tuple[str, Any]] = {}
        self._unreadable: dict[str, UnreadableRecord] = {}
        # By the folder whose records they hold; each is used once, because others write summaries too.
        self._known_summaries: dict[str, dict[str, S3Object]] = {}

    def unreadable(self, prefix: str = "") -> list[UnreadableRecord]:
        """Why the records cannot be read that counted as missing so far, of those whose keys begin with a prefix."""
        uri = self._uri(prefix)
        return [problem for source, problem in sorted(self._unreadable.items()) if source.startswith(uri)]

    def forget(self, is_gone: Callable[[str], bool]) -> None:
        """Forget records that were read before, on this machine too; `is_gone` tells by the key."""
        self._values = {key: value for key, value in self._values.items() if not is_gone(key)}
        self._cache.forget(self._bucket, is_gone)

    def record(self, key: str, decode: Callable[[bytes, str], T], *, at_most: int = RECORD_BYTES) -> T | None:
        """One record, always read from S3; None where there is none, or none that can be read."""
        try:
            body: bytes | UnreadableRecord | None = self._storage.get_body(self._bucket, key, at_most=at_most)
        except UnreadableRecord as problem:
            body = problem
        if body is None:
            self._unreadable.pop(self._uri(key), None)
            return None
        return self.decoded(decode, body, key)

    def folder(
        self,
        prefix: str,
        form: Form[T],
        *,
        keep: bool = True,
        contradiction: Callable[[T], str] = no_contradiction,
    ) -> list[T]:
        """The records of a folder, in the order of their keys.

        Parameters
        ----------
        prefix
            The folder's, without a `/` at the end.
        keep
            Whether to keep the values, so that only new and changed objects are read the next time.
        contradiction
            Says what else that is known contradicts a record; empty where nothing does.
        """
        each = self.each(prefix, form, keep=keep)
        return self._values_of(each, contradiction)

    @contextmanager
    def reading(self, prefixes: Sequence[str], form: Form[T]) -> Iterator[Callable[[str, Callable[[T], str]], list[T]]]:
        """Read folders in the background of the block, one after the other, as they are at its beginning.

        Yields a function that waits until all are read, and returns the records of one of them as `folder` does; it is
        called with the folder's prefix and what contradicts its records. What cannot be read is reported by it.
        """
        elements = ((prefix, element) for prefix in prefixes for element in self._read(prefix, form, keep=True))
        with read_early(elements) as wait:

            def of_folder(prefix: str, contradiction: Callable[[T], str]) -> list[T]:
                read = (element for read_prefix, element in wait() if read_prefix == prefix)
                checked = self._checked(read, keep=True)
                return self._values_of(checked, contradiction)

            yield of_folder

    def _values_of(self, each: Iterable[tuple[S3Object, T | None]], contradiction: Callable[[T], str]) -> list[T]:
        values = {obj.key: value for obj, value in each}
        return [
            value for key in sorted(values) if (value := self.believed(values[key], key, contradiction)) is not None
        ]

    def each(self, prefix: str, form: Form[T], *, keep: bool) -> Iterator[tuple[S3Object, T | None]]:
        """The records of a folder, in no order; None in place of one that cannot be read."""
        yield from self._checked(self._read(prefix, form, keep=keep), keep=keep)

    def _checked(self, read: Iterable[_Kept[T] | _Read[T]], *, keep: bool) -> Iterator[tuple[S3Object, T | None]]:
        """Report what cannot be read, and keep the values."""
        for record in read:
            if isinstance(record, _Kept):
                yield record.obj, record.value
                continue
            value = self._readable(record.value, record.obj.key)
            if keep:
                self.remember(record.obj, value)
            yield record.obj, value

    def _read(self, prefix: str, form: Form[T], *, keep: bool) -> Iterator[_Kept[T] | _Read[T]]:
        """The records of a folder; any thread may do it, because what it finds is reported and kept by `_checked`."""
        location = Location(self._bucket, prefix)
        objects = self._listed(location)
        unread = []
        for obj in objects:
            etag, known = self._values.get(obj.key, ("", None)) if keep else ("", None)
            if etag == obj.etag:
                yield _Kept(obj, known)
            else:
                unread.append(obj)
        reader = RecordFolder(
            self._storage,
            self._cache,
            location,
            objects,
            form=form.name,
            known_summaries=lambda: self._known_summaries.pop(prefix, None),
            worth_a_summary=self._worth_a_summary,
        )

        def decode(read: ReadBody) -> DecodedRecord[T]:
            return decoded_record(read, form, self._uri(read.obj.key))

        def read_again() -> Iterator[DecodedRecord[T]]:
            yield from reader.read(unusable, decode, cached=False)

        stored: dict[S3Object, bytes] = {}
        unusable: list[S3Object] = []
        for record in chain(reader.read(unread, decode), read_again()):
            if record.is_cache_damaged:
                unusable.append(record.obj)
                continue
            if record.stored is not None:
                stored[record.obj] = record.stored
            if len(stored) >= _STORED_AT_ONCE:
                self._cache.keep(self._bucket, stored, form=form.name)
                stored = {}
            # Without what is stored: the caller may hold all of them.
            yield _Read(record.obj, record.value)
        self._cache.keep(self._bucket, stored, form=form.name)

    def _listed(self, location: Location) -> list[S3Object]:
        """The objects of a folder; a run's summaries are listed with its submissions, which are read first."""
        run_prefix, _, name = location.prefix.rpartition("/")
        if name != "submissions":
            return list(self._storage.below(location))
        objects = list(self._storage.beginning_with(self._bucket, f"{run_prefix}/{SUBMISSIONS_AND_SUMMARIES}"))
        for folder in SUMMARISED:
            first = summary_key(run_prefix, folder, 0).rpartition("/")[0] + "/"
            summaries = {obj.key: obj for obj in objects if obj.key.startswith(first)}
            self._known_summaries[f"{run_prefix}/{folder}"] = summaries
        return [obj for obj in objects if obj.key.startswith(location.key_prefix)]

    def remember(self, obj: S3Object, value: Any) -> None:
        """Keep what was read of an object, in place of reading it again while it is the same."""
        self._values[obj.key] = (obj.etag, value)

    def believed(self, value: T | None, key: str, contradiction: Callable[[T], str]) -> T | None:
        """A record, or None and a report where something else contradicts it."""
        detail = "" if value is None else contradiction(value)
        if detail:
            self.report(key, detail)
        return None if detail else value

    def decoded(self, decode: Callable[[bytes, str], T], body: bytes | UnreadableRecord, key: str) -> T | None:
        """A record, or None and a report where it cannot be read."""
        read: T | UnreadableRecord
        try:
            read = body if isinstance(body, UnreadableRecord) else decode(body, self._uri(key))
        except UnreadableRecord as problem:
            read = problem
        return self._readable(read, key)

    def _readable(self, read: T | UnreadableRecord, key: str) -> T | None:
        if isinstance(read, UnreadableRecord):
            self._report(read)
            return None
        self._unreadable.pop(self._uri(key), None)
        return read

    def report(self, key: str, detail: str) -> None:
        """Report a record that something else contradicts."""
        self._report(UnreadableRecord(self._uri(key), f"is not believed: {detail}.", "Restore or delete it."))

    def _report(self, problem: UnreadableRecord) -> None:
        is_known = problem.source in self._unreadable
        self._unreadable[problem.source] = problem
        if not is_known:
            self._on_unreadable(problem)

    def _uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"
