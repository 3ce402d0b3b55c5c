"""The bodies of a folder of records: from this machine's cache, from summaries on S3, or each by itself."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from opsctl.aws.s3.cache import Cache
from opsctl.aws.s3.storage import Storage
from opsctl.core.dataset.scan import S3Object
from opsctl.core.errors import Problem
from opsctl.core.location import Location
from opsctl.core.record import UnreadableRecord
from opsctl.core.runs.record_summary import is_proved, proved_bodies, summary_key, summary_number, summary_of
from opsctl.core.size_limits import SUMMARY_BYTES

T = TypeVar("T")

#: So many bodies are in memory at once: a result with the files of 35 atlases has 30 kB.
_BODIES_AT_ONCE = 128
#: So many summaries, of 4 MB each with 45 atlases, are on the way or in work at once.
_SUMMARIES_AHEAD = 3
#: From so many records on that nobody has summarised, a summary is written for the next reader.
WORTH_A_SUMMARY = 100


@dataclass(frozen=True, kw_only=True)
class Form(Generic[T]):
    """How one kind of record is read, and what of it is stored on this machine.

    Attributes
    ----------
    name
        Of what is stored.
    decode
        Reads a body; its second argument is the record's address.
    is_small
        Whether bodies are stored as they are. Those that are neither small nor shortened are not stored.
    shorten, decode_short
        Write and read what is stored instead of the body.
    """

    decode: Callable[[bytes, str], T]
    is_small: bool = False
    name: str = ""
    shorten: Callable[[T], bytes] | None = None
    decode_short: Callable[[bytes, str], T] | None = None


@dataclass(frozen=True)
class ReadBody:
    """A body, or why it was not read.

    Attributes
    ----------
    source
        `cache`: as it is stored on this machine, which may be shortened. `summary`: proved by the listing. `object`:
        read by itself.
    """

    obj: S3Object
    body: bytes | UnreadableRecord
    source: str


class RecordFolder:
    """Reads the bodies of one folder of a run (`results`, `attempts`, `scans`).

    Parameters
    ----------
    objects
        The folder's listing, which decides what a summary proves.
    form
        The name of the form that the cache is asked for.
    worth_a_summary
        How many records must have been read one by one before a summary of them is written.
    """

    def __init__(
        self,
        storage: Storage,
        cache: Cache,
        folder: Location,
        objects: Sequence[S3Object],
        *,
        form: str,
        worth_a_summary: int = WORTH_A_SUMMARY,
    ) -> None:
        self._storage = storage
        self._cache = cache
        self._folder = folder
        self._form = form
        self._worth = worth_a_summary
        self._by_number: defaultdict[int | None, list[S3Object]] = defaultdict(list)
        for obj in objects:
            self._by_number[summary_number(obj.key.rpartition("/")[2])].append(obj)
        self._known_summaries: dict[str, S3Object] | None = None

    def bodies(self, unread: Sequence[S3Object], *, cached: bool = True) -> Iterator[ReadBody]:
        """The bodies of some of the objects, in no order; those that are gone meanwhile are left out.

        Parameters
        ----------
        cached
            Whether to ask this machine's cache.
        """
        unread_keys = {obj.key for obj in unread}
        remaining: dict[int | None, dict[str, S3Object]] = {}
        for number, objects in self._by_number.items():
            chosen = [obj for obj in objects if obj.key in unread_keys]
            known = self._cache.get(self._folder.bucket, chosen, form=self._form) if cached and chosen else {}
            for obj in chosen:
                if obj.key in known:
                    yield ReadBody(obj, known[obj.key], "cache")
            if len(known) < len(chosen):
                remaining[number] = {obj.key: obj for obj in chosen if obj.key not in known}
        worthwhile = [
            number
            for number, missing in remaining.items()
            if number is not None and len(missing) >= min(self._worth, len(self._by_number[number]))
        ]
        for number, summary in self._fetched(worthwhile):
            missing = remaining[number]
            for obj, body in self._proved(number, summary):
                if missing.pop(obj.key, None) is not None:
                    yield ReadBody(obj, body, "summary")
        for each_number, missing in remaining.items():
            yield from self._read_each(each_number, list(missing.values()))

    def _read_each(self, number: int | None, objects: Sequence[S3Object]) -> Iterator[ReadBody]:
        """Read objects one by one, and write a summary for the next reader where they are many."""
        is_worth_it = number is not None and len(objects) >= self._worth
        proved: dict[str, bytes] = {}
        for start in range(0, len(objects), _BODIES_AT_ONCE):
            chunk = objects[start : start + _BODIES_AT_ONCE]
            read = self._storage.get_bodies(self._folder.bucket, [obj.key for obj in chunk])
            for obj in chunk:
                body = read.get(obj.key)
                if body is None:
                    continue
                yield ReadBody(obj, body, "object")
                if is_worth_it and isinstance(body, bytes) and is_proved(obj, body):
                    proved[obj.key] = body
        if number is not None and len(proved) >= self._worth:
            self._write(number, proved)

    def _fetched(self, numbers: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """The summaries that exist, in the numbers' order; the next ones arrive while the caller works on one."""
        if not any(self._key(number) in self._summaries() for number in numbers):
            return
        with ThreadPoolExecutor(_SUMMARIES_AHEAD) as pool:
            coming = deque[tuple[int, Future[bytes | None]]]()
            unasked = deque(number for number in numbers if self._key(number) in self._summaries())
            while coming or unasked:
                while unasked and len(coming) < _SUMMARIES_AHEAD:
                    coming.append((unasked[0], pool.submit(self._fetch, unasked.popleft())))
                number, future = coming.popleft()
                if (summary := future.result()) is not None:
                    yield number, summary

    def _fetch(self, number: int) -> bytes | None:
        key = self._key(number)
        body = self._storage.get_bodies(self._folder.bucket, [key], at_most=SUMMARY_BYTES).get(key)
        return body if isinstance(body, bytes) else None

    def _proved(self, number: int, summary: bytes) -> Iterator[tuple[S3Object, bytes]]:
        """What the listing proves of a summary; no more where it is damaged."""
        with suppress(UnreadableRecord):
            source = f"s3://{self._folder.bucket}/{self._key(number)}"
            yield from proved_bodies(summary, source, self._by_number[number])

    def _write(self, number: int, read: Mapping[str, bytes]) -> None:
        """Write a summary of what was read and of what the present one proves, unless somebody else writes one."""
        known = self._summaries().get(self._key(number))
        summary = self._fetch(number) if known is not None else None
        bodies = {} if summary is None else {obj.key: body for obj, body in self._proved(number, summary)}
        bodies |= read
        # A person who only looks may have no permission to write, and a summary only saves time.
        with suppress(Problem):
            # What was deleted since it was read must not come back.
            first = f"{self._folder.key_prefix}{number:02d}"
            present = {obj.key for obj in self._storage.beginning_with(self._folder.bucket, first)}
            names = {key.rpartition("/")[2]: body for key, body in sorted(bodies.items()) if key in present}
            etag = known.etag if known is not None else ""
            self._storage.replace_body(self._folder.bucket, self._key(number), summary_of(names), etag=etag)

    def _summaries(self) -> Mapping[str, S3Object]:
        """The summaries that exist, by key."""
        if self._known_summaries is None:
            folder = Location(self._folder.bucket, self._key(0).rpartition("/")[0])
            self._known_summaries = {obj.key: obj for obj in self._storage.below(folder)}
        return self._known_summaries

    def _key(self, number: int) -> str:
        run_prefix, _, name = self._folder.prefix.rpartition("/")
        return summary_key(run_prefix, name, number)
