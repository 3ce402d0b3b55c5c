"""The record of one attempt: that it started, what it is doing, that it still runs, and how it ended.

It is also written where the attempt may not write the scan's result. Batch forgets its jobs, and costs are counted by
attempts, so each attempt writes an object of its own. The scan does not depend on it: where it cannot be written the
log says so, and the job waits for S3 for a bounded time only.
"""

from __future__ import annotations

import hashlib
import threading
import time
from typing import Any, Callable

from m2g_job.environment import Environment
from m2g_job.faults import ConditionFailed, ConditionsUnsupported, Ending
from m2g_job.log import Log
from m2g_job.phases import Phase
from m2g_job.result import reason, timestamp
from m2g_job.s3 import S3

#: How long a job waits until the record of its start is written; after that it goes on, and the write continues.
_START_TIMEOUT_SECONDS = 5.0
#: How often a running attempt renews `seen_at`. An attempt that is lost with its instance ended at most so much later.
SEEN_SECONDS = 300.0
#: A new phase is written sooner, but the record not more often than this.
PHASE_SECONDS = 60.0
END_TIMEOUT_SECONDS = 20.0


def seconds_until_renewal(age_seconds: float, *, has_news: bool) -> float:
    """How long the record of a running attempt still stands; 0 or less where it is to be written now.

    Parameters
    ----------
    age_seconds
        Since it was written, or since that was tried.
    has_news
        Whether the attempt is in another phase by now.
    """
    return (PHASE_SECONDS if has_news else SEEN_SECONDS) - age_seconds


def record_uri(environment: Environment) -> str:
    """`attempts/<index>.<attempt>.<8 hex of the job id>.json`: two jobs of one scan never share a record."""
    token = hashlib.sha256(environment.job_id.encode("utf-8")).hexdigest()[:8]
    return environment.uri("attempts", f".{environment.attempt}.{token}.json")


class AttemptRecord:
    """The record of one attempt.

    Parameters
    ----------
    s3, environment, log
        The job's.
    log_stream
        Its CloudWatch stream, or "".
    clock
        In seconds, never set back.
    """

    def __init__(
        self,
        s3: S3,
        environment: Environment,
        log: Log,
        *,
        log_stream: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._s3 = s3
        self._environment = environment
        self._log = log
        self._log_stream = log_stream
        self._uri = record_uri(environment)
        self._clock = clock
        self._lock = threading.Lock()
        self._exit_code = 0
        self._start_tried = threading.Event()
        # Held for moments only, never during a request: m2g's output waits for whoever holds it.
        self._changed = threading.Condition()
        self._has_ended = False
        self._phase: Phase | None = None
        self._end_writer: threading.Thread | None = None
        self.started_at = timestamp()
        #: The scan's name, once it is known.
        self.scan = ""

    def write_start(self) -> None:
        """Write that the attempt runs, and renew this until `write_end` is called: see `seconds_until_renewal`.

        Neither the first write nor a renewal replaces a record of the attempt's end, however late S3 takes it.
        """
        # A thread, because no setting of the SDK bounds the whole time of a request; a daemon, so that it does not keep
        # the process alive.
        threading.Thread(target=self._write_seen, name="attempt", daemon=True).start()
        self._start_tried.wait(_START_TIMEOUT_SECONDS)

    def enter(self, phase: Phase | None) -> None:
        """Say what the attempt is doing from now on. It does not wait for S3: the record gets it when it is renewed."""
        with self._changed:
            self._phase = phase
            self._changed.notify_all()

    def write_end(self, ending: Ending, *, timeout_seconds: float) -> int:
        """Write how the attempt ended. Only the first call decides what the record says.

        Parameters
        ----------
        ending
            How the attempt ended.
        timeout_seconds
            How long to wait for S3.

        Returns
        -------
        int
            The exit code in the record.
        """
        with self._lock:
            self._stop_renewing()
            if self._end_writer is None:
                self._exit_code = ending.exit_code
                self._end_writer = threading.Thread(
                    target=self._write_record, args=(self._record(ending),), name="attempt's end", daemon=True
                )
                self._end_writer.start()
            recorded_exit_code, writer = self._exit_code, self._end_writer
        writer.join(timeout_seconds)
        if writer.is_alive():
            self._log.write(f"the attempt's record was not taken in {timeout_seconds:.0f} s")
        return recorded_exit_code

    def _write_record(self, record: dict[str, Any]) -> None:
        try:
            self._s3.write(self._uri, record)
        except Exception as error:
            self._log.write(f"the attempt's record could not be written: {error}")

    def _write_seen(self) -> None:
        etag: str | None = None
        has_logged = False
        while not self._has_ended:
            phase, tried_at = self._phase, self._clock()
            try:
                etag = self._renew(etag)
                if etag is None:
                    return
            except Exception as error:
                if not has_logged:
                    self._log.write(f"the attempt's record could not be written: {error}; this is tried again")
                has_logged = True
            finally:
                self._start_tried.set()
            self._wait_for_renewal(phase, tried_at)

    def _wait_for_renewal(self, phase: Phase | None, tried_at: float) -> None:
        """Wait until the record with this phase is to be renewed, or the attempt has ended."""
        with self._changed:
            while not self._has_ended:
                age_seconds = self._clock() - tried_at
                remaining = seconds_until_renewal(age_seconds, has_news=self._phase != phase)
                if remaining <= 0:
                    return
                self._changed.wait(remaining)

    def _stop_renewing(self) -> None:
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def _renew(self, etag: str | None) -> str | None:
        """Write that the attempt runs, over nothing or over this attempt's own last write.

        Parameters
        ----------
        etag
            Of the last write; None where there was none.

        Returns
        -------
        str or None
            The new etag; None where there is nothing more to renew.
        """
        try:
            return self._s3.write(self._uri, self._record(), if_none=etag is None, if_etag=etag)
        except ConditionFailed:
            # Either the end is written, or an earlier try of the SDK arrived and its reply was lost.
            document = self._s3.read(self._uri)
            if document is None:
                raise
            has_ended = (document.value or {}).get("stopped_at") is not None
            return None if has_ended else document.etag
        except ConditionsUnsupported:
            # A late renewal could replace the record of the end, so the start is all that is written.
            if etag is None:
                self._s3.write(self._uri, self._record())
            return None

    def _record(self, ending: Ending | None = None) -> dict[str, Any]:
        """The record now: of an attempt that has ended so, or, without `ending`, of one that runs."""
        now, phase = timestamp(), self._phase
        return {
            "schema_version": 1,
            "run_id": self._environment.run_id,
            "index": self._environment.index,
            "scan": self.scan,
            "job_id": self._environment.job_id,
            "attempt": self._environment.attempt,
            "started_at": self.started_at,
            "seen_at": now,
            "phase": phase.as_json() if phase else None,
            "stopped_at": now if ending else None,
            "exit_code": ending.exit_code if ending else None,
            **reason(ending or Ending(0)),
            "log_stream": self._log_stream,
        }
