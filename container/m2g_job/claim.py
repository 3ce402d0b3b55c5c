"""Who may publish a scan: submission is at-least-once, so two jobs may have computed the same scan.

A claim is the object `claims/<index>.<generation>.json`, made with `If-None-Match: *`: for each generation S3 lets one
job win. The highest generation holds. Its holder renews its own object while it pushes; who finds it old takes the next
generation. So no object is ever taken away from a job, and a job that lost sees a higher generation than its own.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Callable

from m2g_job.environment import Environment
from m2g_job.faults import AlreadyPublished, ConditionFailed, ConditionsUnsupported, Fault, Outrun, PassingFault
from m2g_job.log import Log
from m2g_job.result import Results, timestamp
from m2g_job.s3 import S3

STALE = timedelta(minutes=10)
RENEW_SECONDS = 60.0
#: A holder that could not renew for this long stops writing by itself, well before another may take over.
LEASE_SECONDS = 300.0
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 15.0
_CONFLICT_PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class _Top:
    """The highest generation that stands."""

    generation: int
    age: timedelta
    body: dict[str, Any]

    @property
    def holder(self) -> str:
        return f"job {self.body.get('job_id') or 'without an id'} (attempt {self.body.get('attempt')})"


class Claims:
    """The claims on one scan, seen by one job.

    Parameters
    ----------
    s3, environment, log
        The job's.
    results
        Where a published result would stand.
    wait
        Sleeps so many seconds; it may raise to end the wait (see `Stop.wait`).
    monotonic
        The clock of this job's own lease.
    """

    def __init__(
        self,
        s3: S3,
        environment: Environment,
        log: Log,
        *,
        results: Results,
        wait: Callable[[float], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._s3 = s3
        self._environment = environment
        self._log = log
        self._results = results
        self._wait = wait
        self._monotonic = monotonic
        self._token = uuid.uuid4().hex

    def take(self, *, patient: bool = True) -> Claim:
        """Become the one job that may publish.

        Parameters
        ----------
        patient
            Whether to wait while another job holds the claim. A job that was told to stop has no time for it.

        Returns
        -------
        Claim
            Held by this job; use it as a context manager.

        Raises
        ------
        AlreadyPublished
            A succeeded result stands.
        Outrun
            Another job holds the claim, and `patient` is false.
        """
        pause = 0.0
        while True:
            published = self._results.succeeded()
            if published:
                raise AlreadyPublished(published)
            top = self.top()
            if top and top.body.get("token") == self._token and top.body.get("state") == "held":
                # An earlier try of this loop, whose reply was lost.
                return self._won(top.generation)
            reason = self._reason_to_take(top)
            if reason:
                generation = top.generation + 1 if top else 1
                if top:
                    self._log.say(f"taking the claim over from {top.holder}: {reason}")
                try:
                    self.put(generation, "held", if_none=True)
                    return self._won(generation)
                except ConditionFailed:
                    time.sleep(_CONFLICT_PAUSE_SECONDS)
                    continue
                except ConditionsUnsupported:
                    self._log.say("this S3 has no conditional writes: two jobs of one scan could both publish")
                    return self._claim(None)
            if not patient:
                raise Outrun(f"{top.holder if top else 'another job'} is publishing this scan")
            if not pause:
                self._log.say(f"{top.holder if top else 'another job'} is publishing this scan: waiting for its result")
            pause = min(2 * pause or _FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
            self._wait(pause)

    def _reason_to_take(self, top: _Top | None) -> str:
        if top is None:
            return "nobody holds it"
        if top.body.get("state") == "released":
            return "it was given back"
        # Attempts of one job follow each other: the earlier one is dead.
        same_job = self._environment.job_id != "" and top.body.get("job_id") == self._environment.job_id
        if same_job and top.body.get("attempt", 0) < self._environment.attempt:
            return "it is this job's earlier attempt"
        if top.age > STALE:
            return f"not renewed for {top.age.total_seconds():.0f} s"
        return ""

    def _won(self, generation: int) -> Claim:
        # The holder before may have published between this job's two looks, at the result and at the claims. From here
        # on it cannot: whoever writes a result looks for a higher generation first.
        published = self._results.succeeded()
        if published:
            raise AlreadyPublished(published)
        return self._claim(generation)

    def _claim(self, generation: int | None) -> Claim:
        return Claim(self, generation, log=self._log, monotonic=self._monotonic)

    def top(self) -> _Top | None:
        """The highest generation, or None where there is none."""
        prefix = self._environment.uri("claims", ".")
        found = []
        for key, age in self._s3.ages(prefix):
            match = re.match(r"^.*/[0-9]{5,}\.([0-9]+)\.json$", key)
            if match:
                found.append((int(match.group(1)), age))
        if not found:
            return None
        generation, age = max(found)
        document = self._s3.read(f"{prefix}{generation}.json")
        return _Top(generation, age, (document.value if document else None) or {})

    def put(self, generation: int, state: str, *, if_none: bool = False) -> None:
        """Write this job's object of a generation."""
        body = {
            "schema_version": 1,
            "job_id": self._environment.job_id,
            "attempt": self._environment.attempt,
            "token": self._token,
            "time": timestamp(),
            "state": state,
        }
        self._s3.write(self._environment.uri("claims", f".{generation}.json"), body, if_none=if_none)


class Claim:
    """A claim that this job holds, renewed by a thread inside the `with` block and given back at its end.

    Parameters
    ----------
    generation
        None where S3 knows no conditional writes: then nothing is renewed and nothing is checked.
    """

    def __init__(
        self, claims: Claims, generation: int | None, *, log: Log, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._claims = claims
        self._generation = generation
        self._log = log
        self._monotonic = monotonic
        self._renewed_at = monotonic()
        self._lost = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="claim", daemon=True)

    def __enter__(self) -> Claim:
        if self._generation is not None:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: object) -> None:
        self._ended.set()
        if self._generation is None:
            return
        self._thread.join()
        if kind is not None and issubclass(kind, (PassingFault, Outrun)):
            return  # S3 does not answer, or the claim is another's: nothing to give back
        try:
            self._claims.put(self._generation, "released")
        except Fault as fault:
            self._log.say(f"the claim could not be given back: {fault}")

    def _renew(self) -> None:
        # A process that was stopped or starved past its lease must not wake up and renew: others may hold by now.
        while not self._ended.wait(RENEW_SECONDS) and not self._expired:
            asked_at = self._monotonic()
            try:
                self._claims.put(self._generation or 0, "held")
                self.check()
                self._renewed_at = asked_at
            except Outrun as lost:
                self._lost = str(lost)
                return
            except Fault as fault:
                self._log.say(f"the claim could not be renewed: {fault}")

    @property
    def _expired(self) -> bool:
        return self._generation is not None and self._monotonic() - self._renewed_at > LEASE_SECONDS

    def check_lease(self) -> None:
        """Raise where this job is known to hold the claim no longer; asks nobody.

        Raises
        ------
        Outrun
            The last renewal found another job's claim.
        PassingFault
            No renewal succeeded for long: others may have taken the claim.
        """
        if self._lost:
            raise Outrun(self._lost)
        if self._expired:
            raise PassingFault(f"the claim on this scan could not be renewed for {LEASE_SECONDS:.0f} s")

    def check(self) -> None:
        """Raise `Outrun` where another job has taken the claim over; asks S3."""
        self.check_lease()
        if self._generation is None:
            return
        top = self._claims.top()
        if top and top.generation > self._generation:
            raise Outrun(f"{top.holder} has taken over the publishing of this scan")
