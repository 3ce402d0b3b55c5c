"""Claims on a scan: of several jobs that have computed one scan, only the one that holds its claim may publish.

Submission is at-least-once, so two jobs may compute the same scan. A claim is the object
`claims/<index>.<generation>.json`, written with `If-None-Match: *`: S3 lets one job create each generation. The job of
the highest generation holds the claim and renews its own object while it pushes. A job that finds the highest
generation stale creates the next one. No object is ever taken from a job: the former holder sees a generation that is
higher than its own.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Callable

from m2g_job import causes, record
from m2g_job.environment import Environment
from m2g_job.faults import (
    AlreadyPublished,
    ConditionFailed,
    ConditionsUnsupported,
    Fault,
    HeldByAnotherJob,
    TransientFault,
    WrongInput,
)
from m2g_job.log import Log
from m2g_job.result import Results, timestamp
from m2g_job.s3 import S3, Document

#: Another job may take over a claim that was not renewed for longer than this.
STALE_AFTER = timedelta(minutes=10)
RENEW_SECONDS = 60.0
#: A holder that could not renew for this long stops writing by itself, well before `STALE_AFTER`.
LEASE_SECONDS = 300.0
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 15.0
_CONFLICT_PAUSE_SECONDS = 0.2
_MOST_ATTEMPTS = 1000
#: No job counts so far: whichever did would write an object that no other job looks at.
_LAST_GENERATION = 999_999_999


@dataclass(frozen=True)
class _HighestClaim:
    """The claim object of the highest generation. Of one that cannot be read only the age counts."""

    generation: int
    age: timedelta
    job_id: str = ""
    attempt: int = 0
    token: str = ""
    state: str = ""

    @property
    def holder(self) -> str:
        return f"job {self.job_id or 'without an id'} (attempt {self.attempt or 'unknown'})"


def _parsed(generation: int, age: timedelta, document: Document | None) -> _HighestClaim:
    try:
        body = record.parse(document.data) if document else {}
        return _HighestClaim(
            generation,
            age,
            job_id=record.text(body["job_id"], record.JOB_ID, longest=128),
            attempt=record.whole(body["attempt"], 1, _MOST_ATTEMPTS),
            token=record.text(body["token"], record.NAME),
            state=record.choice(body["state"], "held", "released"),
        )
    except (record.Unreadable, KeyError):
        return _HighestClaim(generation, age)


class Claims:
    """The claims on one scan, as one job sees them.

    Parameters
    ----------
    s3, environment, log
        The job's.
    results
        Where a published result would be.
    sleep
        Sleeps so many seconds; it may raise to end the wait (see `StopRequest.sleep`).
    monotonic
        The clock of this job's own lease.

    Attributes
    ----------
    asked_at
        When this job last asked S3 for the claim that it holds, by `monotonic`. The lease counts from then: S3 dates
        the object at this moment or later, however late the reply comes.
    """

    def __init__(
        self,
        s3: S3,
        environment: Environment,
        log: Log,
        *,
        results: Results,
        sleep: Callable[[float], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._s3 = s3
        self._environment = environment
        self._log = log
        self._results = results
        self._sleep = sleep
        self._token = uuid.uuid4().hex
        self.monotonic = monotonic
        self.asked_at = monotonic()

    def take(self, *, wait: bool = True) -> Claim:
        """Become the one job that may publish.

        Parameters
        ----------
        wait
            Whether to wait while another job holds the claim. A job that was asked to stop has no time for it.

        Returns
        -------
        Claim
            Held by this job; use it as a context manager.

        Raises
        ------
        AlreadyPublished
            A succeeded result exists.
        HeldByAnotherJob
            Another job holds the claim, and `wait` is false.
        """
        pause = 0.0
        while True:
            published = self._results.succeeded()
            if published:
                raise AlreadyPublished(published)
            highest = self.highest()
            if highest and (highest.token, highest.state) == (self._token, "held"):
                # An earlier try of this loop, whose reply was lost.
                return self._confirm(highest.generation)
            reason = self._reason_to_take(highest)
            if reason:
                generation = highest.generation + 1 if highest else 1
                if generation > _LAST_GENERATION:
                    uri = self._environment.uri("claims", f".{_LAST_GENERATION}.json")
                    raise WrongInput(f"no job counted up to the claim {uri}: delete it", causes.SCAN_RECORD_INVALID)
                if highest:
                    self._log.write(f"taking the claim over from {highest.holder}: {reason}")
                self.asked_at = self.monotonic()
                try:
                    self.write(generation, "held", if_none=True)
                    return self._confirm(generation)
                except ConditionFailed:
                    time.sleep(_CONFLICT_PAUSE_SECONDS)
                    continue
                except ConditionsUnsupported:
                    self._log.write("this S3 has no conditional writes: two jobs of one scan could both publish")
                    return Claim(self, None, log=self._log)
            holder = highest.holder if highest else "another job"
            if not wait:
                raise HeldByAnotherJob(f"{holder} is publishing this scan")
            if not pause:
                self._log.write(f"{holder} is publishing this scan: waiting for its result")
            pause = min(2 * pause or _FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
            self._sleep(pause)

    def _reason_to_take(self, highest: _HighestClaim | None) -> str:
        """Why this job may create the next generation, for the log; "" where it may not."""
        if highest is None:
            return "nobody holds it"
        if highest.state == "released":
            return "it was given back"
        # Attempts of one job follow each other: the earlier one is dead.
        same_job = self._environment.job_id != "" and highest.job_id == self._environment.job_id
        if same_job and highest.attempt < self._environment.attempt:
            return "it is this job's earlier attempt"
        if highest.age > STALE_AFTER:
            return f"not renewed for {highest.age.total_seconds():.0f} s"
        return ""

    def _confirm(self, generation: int) -> Claim:
        # The former holder may have published after this job read the result and before it listed the claims. From here
        # on it cannot: a job looks for a higher generation before it writes a result.
        published = self._results.succeeded()
        if published:
            raise AlreadyPublished(published)
        return Claim(self, generation, log=self._log)

    def highest(self) -> _HighestClaim | None:
        """The claim of the highest generation, or None where there is none."""
        prefix = self._environment.uri("claims", ".")
        generations = []
        for key, age in self._s3.ages(prefix):
            match = re.fullmatch(r".*/[0-9]{5,}\.([0-9]{1,9})\.json", key)
            if match:
                generations.append((int(match.group(1)), age))
        if not generations:
            return None
        generation, age = max(generations)
        document = self._s3.read(f"{prefix}{generation}.json")
        return _parsed(generation, age, document)

    def write(self, generation: int, state: str, *, if_none: bool = False) -> None:
        """Write this job's object of a generation; `state` is `held` or `released`."""
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
    """A claim that this job holds: a thread renews it inside the `with` block, and it is released at the end.

    Parameters
    ----------
    generation
        None where S3 has no conditional writes: then the claim is neither renewed nor checked.
    """

    def __init__(self, claims: Claims, generation: int | None, *, log: Log) -> None:
        self._claims = claims
        self._generation = generation
        self._log = log
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
        if kind is not None and issubclass(kind, (TransientFault, HeldByAnotherJob)):
            return  # S3 does not answer, or another job holds the claim: there is nothing to release
        try:
            self._claims.write(self._generation, "released")
        except Fault as fault:
            self._log.write(f"the claim could not be given back: {fault}")

    def _renew(self) -> None:
        # A process that was suspended past its lease must not renew when it wakes up: another job may hold the claim.
        while not self._ended.wait(RENEW_SECONDS) and not self._expired:
            asked_at = self._claims.monotonic()
            try:
                self._claims.write(self._generation or 0, "held")
                self.check()
                self._claims.asked_at = asked_at
            except HeldByAnotherJob as lost:
                self._lost = str(lost)
                return
            except Fault as fault:
                self._log.write(f"the claim could not be renewed: {fault}")

    @property
    def _expired(self) -> bool:
        return self._generation is not None and self._claims.monotonic() - self._claims.asked_at > LEASE_SECONDS

    def check_lease(self) -> None:
        """Raise where this job is known to hold the claim no longer; sends no request.

        Raises
        ------
        HeldByAnotherJob
            The last renewal found another job's claim.
        TransientFault
            No renewal succeeded for `LEASE_SECONDS`: another job may have taken over the claim.
        """
        if self._lost:
            raise HeldByAnotherJob(self._lost)
        if self._expired:
            raise TransientFault(
                f"the claim on this scan could not be renewed for {LEASE_SECONDS:.0f} s", causes.S3_UNAVAILABLE
            )

    def check(self) -> None:
        """Do the same as `check_lease`, and list the claims on S3 for a higher generation."""
        self.check_lease()
        if self._generation is None:
            return
        highest = self._claims.highest()
        if highest and highest.generation > self._generation:
            raise HeldByAnotherJob(f"{highest.holder} has taken over the publishing of this scan")
