"""A scan's result: written once, after all outputs, and never over a succeeded one."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, Callable, Iterator

from m2g_job import causes, record, result_check
from m2g_job.environment import Environment
from m2g_job.faults import AlreadyPublished, ConditionFailed, ConditionsUnsupported, Ending, TransientFault
from m2g_job.log import Log
from m2g_job.s3 import S3, Document
from m2g_job.scan import Scan

_TRIES = 10
#: In characters: opsctl reads no more of a cause.
LONGEST_CAUSE = 2000


def timestamp() -> str:
    """The time now in UTC, in the format of results."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def reason(ending: Ending) -> dict[str, Any]:
    """Why an attempt ended, in the fields of results and attempts; long texts are cut."""
    return {
        "cause": ending.cause[:LONGEST_CAUSE],
        "cause_code": ending.cause_code,
        "facts": {
            name: value[:LONGEST_CAUSE] if isinstance(value, str) else value for name, value in ending.facts.items()
        },
    }


class ResultBuilder:
    """Collects what is known about this attempt and builds the result.

    Parameters
    ----------
    environment
        The job's.
    log_stream
        Its CloudWatch stream, or "".
    """

    def __init__(self, environment: Environment, *, log_stream: str) -> None:
        self._environment = environment
        self._log_stream = log_stream
        self.started_at = timestamp()
        self.scan: Scan | None = None
        self.seconds = {"pull": 0.0, "m2g": 0.0, "push": 0.0}
        self.peak_memory_mib = 0
        self.peak_disk_mib = 0
        #: The outputs of a scan that succeeded; the finished connectomes of one that failed.
        self.files: list[dict[str, Any]] = []
        self.warnings: list[dict[str, str]] = []

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the duration of a block to the seconds of a phase: `pull`, `m2g` or `push`."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] += time.monotonic() - started

    def build(self, ending: Ending) -> dict[str, Any]:
        """The result's JSON: `succeeded` with its outputs where the exit code is 0, otherwise `failed`."""
        scan, succeeded = self.scan, ending.exit_code == 0
        return {
            "schema_version": 1,
            "run_id": self._environment.run_id,
            "index": self._environment.index,
            "scan": scan.name if scan else "",
            "key": scan.key if scan else "",
            "status": "succeeded" if succeeded else "failed",
            **reason(ending),
            "exit_code": ending.exit_code,
            "attempt": self._environment.attempt,
            "started_at": self.started_at,
            "stopped_at": timestamp(),
            "seconds": {phase: round(seconds, 3) for phase, seconds in self.seconds.items()},
            "peak_memory_mib": self.peak_memory_mib,
            "peak_disk_mib": self.peak_disk_mib,
            "outputs": {
                # The files' paths begin there.
                "folder": scan.output if scan and succeeded else self._environment.uri("failures", ""),
                "files": self.files,
            },
            "warnings": self.warnings,
            "image": scan.image if scan else "",
            "job_id": self._environment.job_id,
            "log_stream": self._log_stream,
        }


class Results:
    """Reads and writes one scan's result on S3."""

    def __init__(self, s3: S3, environment: Environment, log: Log) -> None:
        self._s3 = s3
        self._log = log
        self.uri = environment.uri("results")

    def succeeded(self) -> dict[str, Any] | None:
        """The result on S3, or None where there is none or it did not succeed."""
        return self._succeeded(self._s3.read(self.uri))

    def _succeeded(self, document: Document | None) -> dict[str, Any] | None:
        """The result in an object; None where it did not succeed, or where opsctl could not read it."""
        value = document.value if document else None
        if not value or value.get("status") != "succeeded":
            return None
        try:
            result_check.check(value, self.uri)
        except record.Unreadable as error:
            self._log.write(f"the result at {self.uri} counts as none: {error}")
            return None
        return value

    def write(self, result: dict[str, Any], *, check: Callable[[], None]) -> None:
        """Write the result, over nothing or over a failed one that has not changed since it was read.

        Parameters
        ----------
        result
            From `ResultBuilder.build`.
        check
            Called just before each write; an exception that it raises stops the write (see `Claim.check`).

        Raises
        ------
        AlreadyPublished
            A succeeded result exists.
        TransientFault
            Other writers changed the object between every read and write.
        """
        for _ in range(_TRIES):
            document = self._s3.read(self.uri)
            if document and document.value == result:
                return  # an earlier write of this loop, whose reply was lost
            published = self._succeeded(document)
            if published:
                raise AlreadyPublished(published)
            check()
            try:
                self._s3.write(self.uri, result, if_none=document is None, if_etag=document.etag if document else None)
                return
            except ConditionFailed:
                continue
            except ConditionsUnsupported:
                self._log.write("this S3 has no conditional writes: the result is written without")
                self._s3.write(self.uri, result)
                return
        raise TransientFault(f"{self.uri} changes too often to be written", causes.S3_UNAVAILABLE, file=self.uri)
