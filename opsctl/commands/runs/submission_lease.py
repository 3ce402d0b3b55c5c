"""A lease on an output location, so that only one process submits to it at a time.

Batch accepts every SubmitJob, so two people who run the same dataset at once would both pay. A lease is an S3 object
`opsctl/outputs/HASH/lease.N.json`, which S3 lets only one process create. The one with the highest N counts, and its
holder renews it. A lease ends when it is released, when its process has died (on the same machine a lock file tells),
or when it has not been renewed for a minute.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from opsctl.aws.s3.clock import seconds_since_boot
from opsctl.aws.s3.storage import Storage
from opsctl.core.errors import ErrorCode, Problem, UsageProblem
from opsctl.core.location import OUTPUTS_PREFIX, Location, parse_uri
from opsctl.core.record import UnreadableRecord
from opsctl.core.runs.lease_record import LeaseRecord
from opsctl.home import Home

#: A lease that was not renewed for this long has expired. Longer than `_TRUSTED_SECONDS` and one SubmitJob together.
LEASE_SECONDS = 60.0
_RENEW_SECONDS = 10.0
#: How long after a renewal the holder may still submit.
_TRUSTED_SECONDS = 30.0
_POLL_SECONDS = 2.0
#: Nobody counts so far: whoever did would write an object that no other process looks at.
_LAST_GENERATION = 999_999_999


@dataclass(frozen=True)
class _LeaseObject:
    """The newest lease object, as S3 has it.

    Attributes
    ----------
    record
        None where it cannot be read: such a lease ends by its age.
    """

    generation: int
    record: LeaseRecord | None
    age_seconds: float


class SubmissionLease:
    """The lease on one output location.

    Parameters
    ----------
    home
        opsctl's folder on this machine: whether a holder of the same home is alive is known at once.
    output
        The derivatives folder.
    who
        The holder's name for others to read: `ada@lab-mac`.
    on_wait
        Called with a message each time that somebody else holds the lease.
    """

    def __init__(
        self,
        storage: Storage,
        home: Home,
        output: Location,
        *,
        data_bucket: str,
        who: str,
        on_wait: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = seconds_since_boot,
    ) -> None:
        self._storage = storage
        self._home = home
        self._bucket = data_bucket
        self._output = output
        self._folder = f"{OUTPUTS_PREFIX}{hashlib.sha256(output.uri.encode()).hexdigest()[:16]}"
        self._who = who
        self._on_wait = on_wait
        self._sleep = sleep
        self._monotonic = monotonic
        self._token = uuid.uuid4().hex
        self._generation = 0
        self._renewed_at = 0.0
        self._checked_at = 0.0
        self._released = threading.Event()

    @contextmanager
    def acquire(self) -> Iterator[None]:
        """Wait for the lease, hold and renew it inside the block, then release it.

        Raises
        ------
        Problem
            When S3 refuses.
        """
        with self._home.alive(self._token):
            while not self._try_acquire():
                self._sleep(_POLL_SECONDS)
            renewal = threading.Thread(target=self._renew, name="lease", daemon=True)
            renewal.start()
            try:
                yield
            finally:
                self._released.set()
                renewal.join()
                # A lease that could not be released expires.
                with suppress(Problem):
                    self._put("released")

    def ensure_held(self) -> None:
        """Ensure that this process still holds the lease; called before each submission.

        Raises
        ------
        Problem
            When another process holds it, or it could not be renewed in time.
        """
        self._checked_at = self._monotonic()
        if self._highest_generation() > self._generation:
            # The listing decides: whoever wrote the newer object may have submitted, whether or not it can be read.
            lease = self._newest()
            raise Problem(
                f"{_holder(lease) if lease is not None else 'Somebody else'} has taken over the submission.",
                "`opsctl status` shows what became of the scans.",
                code=ErrorCode.CONCURRENT_CHANGE,
            )
        if self._monotonic() - self._renewed_at > _TRUSTED_SECONDS:
            raise Problem(
                "The lease on the output was not renewed for half a minute (did S3 not answer, or was this machine"
                " suspended?): nothing more is submitted.",
                "Type it again.",
                code=ErrorCode.AWS_UNREACHABLE,
            )

    def ensure_unused_for(self, seconds: float) -> None:
        """Ensure that nobody holds this lease, nor has held it during the last so many seconds.

        A deletion holds the lease on its dataset's folder. A `run` asks for it when it holds the lease on its output,
        and a deletion looks for such leases (`leased_outputs`) when it holds the dataset's: one of them sees the other.

        Raises
        ------
        Problem
            Where somebody deletes data of the dataset, or has deleted some since the run was planned.
        """
        lease = self._newest()
        if lease is not None and (not self._has_ended(lease) or lease.age_seconds < seconds):
            raise Problem(
                f"{_holder(lease)} deletes data of {self._output.uri}, or has just done so.",
                "Type it again when the deletion has ended.",
                code=ErrorCode.DATA_IN_USE,
            )

    def was_taken_over(self) -> bool:
        """Whether another process has taken the lease since `ensure_held`; asked after a submission.

        A process may be stopped between the check and its call, for as long as a laptop is closed.
        """
        # At the check the last renewal was trusted, so until this time nobody could take the lease over.
        if self._monotonic() - self._checked_at < LEASE_SECONDS - _TRUSTED_SECONDS:
            return False
        return self._highest_generation() > self._generation

    def _try_acquire(self) -> bool:
        lease = self._newest()
        if lease is not None and lease.record is not None and lease.record.token == self._token:
            # An earlier call created it, but its reply was lost, perhaps long ago: the lease counts from this renewal.
            self._generation = lease.generation
            self._renewed_at = self._monotonic()
            self._put("held")
            return True
        if lease is not None and not self._has_ended(lease):
            self._on_wait(f"{_holder(lease)} is submitting to the same place (last sign {lease.age_seconds:.0f} s ago)")
            return False
        if lease is not None and lease.generation >= _LAST_GENERATION:
            raise Problem(
                f"s3://{self._bucket}/{self._key(lease.generation)} is no lease that opsctl counted up to.",
                "Delete it, and type the command again.",
                code=ErrorCode.RECORD_UNREADABLE,
            )
        self._renewed_at = self._monotonic()
        self._generation = lease.generation + 1 if lease else 1
        # Where this is false another process was faster, or the reply was lost: the next try finds out.
        return self._storage.create_json(self._bucket, self._key(self._generation), self._body("held"))

    def _has_ended(self, lease: _LeaseObject) -> bool:
        record = lease.record
        if lease.age_seconds > LEASE_SECONDS or (record is not None and record.state == "released"):
            return True
        return record is not None and record.home == self._home.identity and not self._home.is_alive(record.token)

    def _highest_generation(self) -> int:
        """The highest N of the lease objects, 0 where there is none."""
        objects = self._storage.below(Location(self._bucket, self._folder))
        matches = (re.search(r"/lease\.([0-9]{5,9})\.json\Z", obj.key) for obj in objects)
        return max((int(match[1]) for match in matches if match), default=0)

    def _newest(self) -> _LeaseObject | None:
        generation = self._highest_generation()
        key = self._key(generation)
        read = self._storage.get_body_with_age(self._bucket, key) if generation else None
        if read is None:
            return None
        body, age_seconds = read
        record = None
        # Whoever wrote it, it must not keep others from submitting for ever.
        with suppress(UnreadableRecord):
            record = LeaseRecord.decode(body, f"s3://{self._bucket}/{key}")
        return _LeaseObject(generation, record, age_seconds)

    def _renew(self) -> None:
        while not self._released.wait(_RENEW_SECONDS):
            requested_at = self._monotonic()
            # A failed renewal is not reported here: `ensure_held` refuses once the last one is too old.
            with suppress(Problem):
                self._put("held")
                self._renewed_at = requested_at

    def _put(self, state: str) -> None:
        self._storage.put_json(self._bucket, self._key(self._generation), self._body(state))

    def _body(self, state: str) -> dict[str, Any]:
        return {
            "schema_version": 1,
            "state": state,
            "token": self._token,
            "home": self._home.identity,
            "who": self._who,
            "output": self._output.uri,
        }

    def _key(self, generation: int) -> str:
        return f"{self._folder}/lease.{generation:05d}.json"


def leased_outputs(storage: Storage, dataset: Location, *, data_bucket: str) -> set[str]:
    """The URIs of the output folders of a dataset that have ever had a lease, those too that do not exist yet."""
    inside = f"{dataset.uri}/derivatives/"
    keys = [obj.key for obj in storage.below(Location(data_bucket, OUTPUTS_PREFIX.rstrip("/")))]
    newest = {key.rpartition("/")[0]: key for key in sorted(keys)}
    outputs = set()
    for key, body in storage.get_bodies(data_bucket, list(newest.values())).items():
        # A holder that is alive renews its lease with a valid body: one that cannot be read holds nothing.
        with suppress(UnreadableRecord, UsageProblem):
            if isinstance(body, bytes):
                outputs.add(parse_uri(LeaseRecord.decode(body, f"s3://{data_bucket}/{key}").output).uri)
    return {uri for uri in outputs if uri.startswith(inside)}


def _holder(lease: _LeaseObject) -> str:
    return (lease.record.who if lease.record is not None else "") or "somebody else"
