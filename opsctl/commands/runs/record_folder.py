"""The bodies of a folder of records: from this machine's cache, from summaries on S3, or each by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from threading import Lock
from typing import TypeVar

from opsctl.aws.s3.cache import Cache
from opsctl.aws.s3.early_reply import side_by_side
from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.decoded_record import ReadBody
from opsctl.core.dataset.scan import S3Object
from opsctl.core.errors import Problem
from opsctl.core.location import Location
from opsctl.core.record import UnreadableRecord
from opsctl.core.runs.record_summary import is_proved, proved_bodies, summary_key, summary_number, summary_of
from opsctl.core.size_limits import SUMMARY_BYTES

T = TypeVar("T")

#: So many bodies are in memory at once: a result with the files of 35 atlases has 30 kB.
_BODIES_AT_ONCE = 128
#: So many summaries, of 4 MB each with 45 atlases, are on the way or waited for at once.
_FETCHED_AHEAD = 3
#: So many bodies of a summary are decoded before another thread may decode.
_DECODED_AT_ONCE = 32
#: SQLite gives the interpreter away for each row, and an MD5 for each body; a thread that computes gives it back late.
_ONE_AT_A_TIME = Lock()
#: From so many records on that nobody has summarised, a summary is written for the next reader.
WORTH_A_SUMMARY = 100


class RecordFolder:
    """Reads the bodies of one folder of a run (`results`, `attempts`, `scans`).

    Parameters
    ----------
    objects
        The folder's listing, which decides what a summary proves.
    form
        The name of the form that the cache is asked for.
    known_summaries
        Returns the folder's summaries as somebody has listed them a moment ago; None: they are listed.
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
        known_summaries: Callable[[], Mapping[str, S3Object] | None] = lambda: None,
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
        self._listed_before = known_summaries
        self._known_summaries: Mapping[str, S3Object] | None = None
        self._is_listed = False

    def read(self, unread: Sequence[S3Object], decode: Callable[[ReadBody], T], *, cached: bool = True) -> Iterator[T]:
        """Decode the bodies of some of the objects, in no order; those that are gone meanwhile are left out.

        Parameters
        ----------
        decode
            Called with each body, one at a time.
        cached
            Whether to ask this machine's cache.
        """
        unread_keys = {obj.key for obj in unread}
        remaining: dict[int | None, dict[str, S3Object]] = {}
        for number, objects in self._by_number.items():
            chosen = [obj for obj in objects if obj.key in unread_keys]
            known: list[T] = []
            if cached and chosen:
                chosen, known = self._from_cache(chosen, decode)
            yield from known
            if chosen:
                remaining[number] = {obj.key: obj for obj in chosen}
        yield from self._from_summaries(remaining, decode)
        for each_number, missing in remaining.items():
            for read in self._read_each(each_number, list(missing.values())):
                yield decode(read)

    def _from_cache(
        self, objects: Sequence[S3Object], decode: Callable[[ReadBody], T]
    ) -> tuple[list[S3Object], list[T]]:
        """Those of the objects that the cache does not have, and what it has of the others, which is small."""
        with _ONE_AT_A_TIME:
            known = self._cache.get(self._folder.bucket, objects, form=self._form)
            decoded = [decode(ReadBody(obj, known[obj.key], "cache")) for obj in objects if obj.key in known]
        return [obj for obj in objects if obj.key not in known], decoded

    def _from_summaries(
        self, remaining: Mapping[int | None, dict[str, S3Object]], decode: Callable[[ReadBody], T]
    ) -> Iterator[T]:
        """Decode what summaries prove of the remaining objects, and remove it from these; see `read`.

        In one thread: two, which take turns for the interpreter, need as long and a sixth more processor time.
        """
        worthwhile = [
            number
            for number, missing in remaining.items()
            if number is not None
            and len(missing) >= min(self._worth, len(self._by_number[number]))
            and self._has_summary(number, count=len(missing))
        ]
        fetched = side_by_side(lambda number: (number, self._fetch(number)), worthwhile, at_once=_FETCHED_AHEAD)
        for number, summary in fetched:
            yield from _in_turns(
                decode(ReadBody(obj, body, "summary"))
                for obj, body in self._proved(number, summary)
                # A summary may name a record twice.
                if remaining[number].pop(obj.key, None) is not None
            )

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

    def _fetch(self, number: int) -> bytes | None:
        key = self._key(number)
        body = self._storage.get_bodies(self._folder.bucket, [key], at_most=SUMMARY_BYTES).get(key)
        return body if isinstance(body, bytes) else None

    def _proved(self, number: int, summary: bytes | None) -> Iterator[tuple[S3Object, bytes]]:
        """What the listing proves of a summary; no more where it is damaged, nothing where there is none."""
        if summary is None:
            return
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

    def _has_summary(self, number: int, *, count: int) -> bool:
        """Whether there is a summary of so many unread records; before many are read one by one, S3 is asked again."""
        if self._key(number) in self._summaries():
            return True
        if self._is_listed or count < self._worth:
            return False
        return self._key(number) in self._list_summaries()

    def _summaries(self) -> Mapping[str, S3Object]:
        """The summaries that exist, by key."""
        if self._known_summaries is None:
            self._known_summaries = self._listed_before()
        return self._list_summaries() if self._known_summaries is None else self._known_summaries

    def _list_summaries(self) -> Mapping[str, S3Object]:
        folder = Location(self._folder.bucket, self._key(0).rpartition("/")[0])
        self._known_summaries, self._is_listed = {obj.key: obj for obj in self._storage.below(folder)}, True
        return self._known_summaries

    def _key(self, number: int) -> str:
        run_prefix, _, name = self._folder.prefix.rpartition("/")
        return summary_key(run_prefix, name, number)


def _in_turns(decoded: Iterator[T]) -> Iterator[T]:
    """The same records, some at once, which are decoded while no other thread decodes."""
    while True:
        with _ONE_AT_A_TIME:
            some = list(islice(decoded, _DECODED_AT_ONCE))
        if not some:
            return
        yield from some
