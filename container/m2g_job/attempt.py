"""The record of one attempt: that it began, and how it ended, also where no result may say so.

Batch forgets its jobs and money is counted by attempts, so each of them leaves an object of its own. Nothing of the
scan depends on it: a record that cannot be written is a line in the log, and S3 gets a bounded time to take it.
"""

from __future__ import annotations

import hashlib
import threading
from typing import Any, Callable

from m2g_job.environment import Environment
from m2g_job.faults import ConditionFailed, ConditionsUnsupported
from m2g_job.log import Log
from m2g_job.result import timestamp
from m2g_job.s3 import S3

#: How long a job waits for S3 to take the record: of its begin, which goes on meanwhile, and of its end.
_BEGIN_SECONDS = 5.0
END_SECONDS = 20.0


def name(environment: Environment) -> str:
    """`attempts/<index>.<attempt>.<8 hex>.json`: two jobs of one scan never share a record."""
    token = hashlib.sha256(environment.job_id.encode("utf-8")).hexdigest()[:8]
    return environment.uri("attempts", f".{environment.attempt}.{token}.json")


class Attempt:
    """One attempt's record.

    Parameters
    ----------
    s3, environment, log
        The job's.
    log_stream
        Its CloudWatch stream, or "".
    """

    def __init__(self, s3: S3, environment: Environment, log: Log, *, log_stream: str) -> None:
        self._s3 = s3
        self._environment = environment
        self._log = log
        self._log_stream = log_stream
        self._uri = name(environment)
        self._lock = threading.Lock()
        self._code: int | None = None
        self._ending: threading.Thread | None = None
        self.started_at = timestamp()
        #: The scan's name, once it is known.
        self.scan = ""

    def begin(self) -> None:
        """Write that the attempt runs; never over a record that stands, however late S3 takes it."""
        record = self._record()
        self._carry(lambda: self._write_first(record)).join(_BEGIN_SECONDS)

    def end(self, *, exit_code: int, cause: str, patience_seconds: float) -> int:
        """Write how the attempt ended; only the first call decides.

        Parameters
        ----------
        exit_code, cause
            The process's, and the words; "" for a success.
        patience_seconds
            How long to wait for S3.

        Returns
        -------
        int
            The exit code that stands in the record.
        """
        with self._lock:
            if self._ending is None:
                self._code = exit_code
                record = self._record(stopped_at=timestamp(), exit_code=exit_code, cause=cause)
                self._ending = self._carry(lambda: self._s3.write(self._uri, record))
            code, ending = self._code, self._ending
        ending.join(patience_seconds)
        if ending.is_alive():
            self._log.say(f"the attempt's record was not taken in {patience_seconds:.0f} s")
        return exit_code if code is None else code

    def _carry(self, write: Callable[[], None]) -> threading.Thread:
        # A thread, because no setting of the SDK bounds a request's whole time; a daemon, so that none holds the end.
        thread = threading.Thread(target=self._tolerant, args=(write,), name="attempt", daemon=True)
        thread.start()
        return thread

    def _tolerant(self, write: Callable[[], None]) -> None:
        try:
            write()
        except Exception as error:
            self._log.say(f"the attempt's record could not be written: {error}")

    def _write_first(self, record: dict[str, Any]) -> None:
        try:
            self._s3.write(self._uri, record, if_none=True)
        except ConditionFailed:
            pass  # an earlier try, whose reply was lost
        except ConditionsUnsupported:
            self._s3.write(self._uri, record)

    def _record(
        self, *, stopped_at: str | None = None, exit_code: int | None = None, cause: str = ""
    ) -> dict[str, Any]:
        return {
            "schema_version": 1,
            "run_id": self._environment.run_id,
            "index": self._environment.index,
            "scan": self.scan,
            "job_id": self._environment.job_id,
            "attempt": self._environment.attempt,
            "started_at": self.started_at,
            "stopped_at": stopped_at,
            "exit_code": exit_code,
            "cause": cause,
            "log_stream": self._log_stream,
        }
