"""The record of one attempt: that it started and how it ended, also where it may not write the scan's result.

Batch forgets its jobs, and costs are counted by attempts, so each attempt writes an object of its own. The scan does
not depend on it: where it cannot be written the log says so, and the job waits for S3 for a bounded time only.
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

#: How long a job waits until the record of its start is written; after that it goes on, and the write continues.
_START_TIMEOUT_SECONDS = 5.0
END_TIMEOUT_SECONDS = 20.0


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
    """

    def __init__(self, s3: S3, environment: Environment, log: Log, *, log_stream: str) -> None:
        self._s3 = s3
        self._environment = environment
        self._log = log
        self._log_stream = log_stream
        self._uri = record_uri(environment)
        self._lock = threading.Lock()
        self._exit_code = 0
        self._end_writer: threading.Thread | None = None
        self.started_at = timestamp()
        #: The scan's name, once it is known.
        self.scan = ""

    def write_start(self) -> None:
        """Write that the attempt runs, but never over an existing record, however late S3 takes it."""
        record = self._record()
        self._start_writer(lambda: self._create(record)).join(_START_TIMEOUT_SECONDS)

    def write_end(self, *, exit_code: int, cause: str, timeout_seconds: float) -> int:
        """Write how the attempt ended. Only the first call decides what the record says.

        Parameters
        ----------
        exit_code, cause
            The process's exit code, and why it failed; "" for a success.
        timeout_seconds
            How long to wait for S3.

        Returns
        -------
        int
            The exit code in the record.
        """
        with self._lock:
            if self._end_writer is None:
                self._exit_code = exit_code
                record = self._record(stopped_at=timestamp(), exit_code=exit_code, cause=cause)
                self._end_writer = self._start_writer(lambda: self._s3.write(self._uri, record))
            recorded_exit_code, writer = self._exit_code, self._end_writer
        writer.join(timeout_seconds)
        if writer.is_alive():
            self._log.write(f"the attempt's record was not taken in {timeout_seconds:.0f} s")
        return recorded_exit_code

    def _start_writer(self, write: Callable[[], None]) -> threading.Thread:
        # A thread, because no setting of the SDK bounds the whole time of a request; a daemon, so that it does not keep
        # the process alive.
        thread = threading.Thread(target=self._log_errors, args=(write,), name="attempt", daemon=True)
        thread.start()
        return thread

    def _log_errors(self, write: Callable[[], None]) -> None:
        try:
            write()
        except Exception as error:
            self._log.write(f"the attempt's record could not be written: {error}")

    def _create(self, record: dict[str, Any]) -> None:
        try:
            self._s3.write(self._uri, record, if_none=True)
        except ConditionFailed:
            pass  # an earlier try of the SDK, whose reply was lost
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
