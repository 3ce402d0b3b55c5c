"""The bodies of a folder of records: from this machine's cache, from summaries on S3, or each by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
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
        for number, objects in self._by_number.items():
            chosen = [obj for obj in objects if obj.key in unread_keys]
            known = self._cache.get(self._folder.bucket, chosen, form=self._form) if cached and chosen else {}
            for obj in chosen:
                if obj.key in known:
                    yield ReadBody(obj, known[obj.key], "cache")
            remaining = {obj.key: obj for obj in chosen if obj.key not in known}
            if number is not None and len(remaining) >= min(self._worth, len(objects)):
                for obj, body in self._summarised(number, objects):
                    if remaining.pop(obj.key, None) is not None:
                        yield ReadBody(obj, body, "summary")
            yield from self._read_each(number, list(remaining.values()))

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

    def _summarised(self, number: int, objects: Sequence[S3Object]) -> Iterator[tuple[S3Object, bytes]]:
        """What the listing proves of a summary; nothing where there is none, and no more where it is damaged."""
        summary = self._summaries().get(self._key(number))
        if summary is None:
            return
        body = self._storage.get_bodies(self._folder.bucket, [summary.key], at_most=SUMMARY_BYTES).get(summary.key)
        if isinstance(body, bytes):
            with suppress(UnreadableRecord):
                yield from proved_bodies(body, f"s3://{self._folder.bucket}/{summary.key}", objects)

    def _write(self, number: int, read: Mapping[str, bytes]) -> None:
        """Write a summary of what was read and of what the present one proves, unless somebody else writes one."""
        known = self._summaries().get(self._key(number))
        objects = self._by_number[number]
        bodies = {obj.key: body for obj, body in self._summarised(number, objects)} if known is not None else {}
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
