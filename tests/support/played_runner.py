"""The job runner's own code on a played job: it writes what the runner writes, when the test says so."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Literal

from botocore.exceptions import ConnectTimeoutError
from m2g_job import attempt as attempt_module
from m2g_job import causes, environment, faults, m2g
from m2g_job import claim as claim_module
from m2g_job import result as result_module
from m2g_job.attempt import SEEN_SECONDS, AttemptRecord
from m2g_job.faults import Abandoned, WrongInput
from m2g_job.job import Job
from m2g_job.s3 import S3, bucket_and_key
from m2g_job.scan import Scan

from opsctl.core.runs.manifest import timestamp
from support.batch_history import PlayedAttempt, PlayedJob
from support.memory_s3 import MemoryS3
from support.record_examples import GRAPH
from support.unwatched_stop import UnwatchedStop

Ending = Literal["done", "m2g failed", "wrong input", "out of memory", "S3 silent", "stopped"]

#: How often a runner says that it is alive.
SIGN_OF_LIFE = timedelta(seconds=SEEN_SECONDS)
_CLOCKS = (attempt_module, claim_module, result_module)
_BODY = b"1,0\n0,1\n"


class _Record(AttemptRecord):
    """The record of an attempt, without a thread that renews it."""

    _etag: str | None = None

    def write_start(self) -> None:
        self._etag = self._renew(None)

    def say_alive(self) -> None:
        """Renew the record once."""
        self._etag = self._renew(self._etag)


class _SilentS3:
    """S3 that does not answer."""

    def get_object(self, **_: Any) -> None:
        raise ConnectTimeoutError(endpoint_url="https://s3")


class PlayedRunner(Job):
    """One attempt of the job runner, without m2g: its beginning and its end are two calls.

    Parameters
    ----------
    now
        The instance's clock.
    is_mute
        It reaches S3 only at its end, so that nothing tells of its beginning.
    """

    def __init__(
        self, s3: MemoryS3, job: PlayedJob, attempt: PlayedAttempt, *, now: Callable[[], datetime], is_mute: bool
    ) -> None:
        variables = {
            "OPSCTL_RUN_URI": job.run_uri,
            "OPSCTL_SCAN_OFFSET": str(job.offset),
            "AWS_BATCH_JOB_ARRAY_INDEX": str(job.index or 0),
            "AWS_BATCH_JOB_ATTEMPT": str(attempt.number),
            "AWS_BATCH_JOB_ID": job.job_id,
            "OPSCTL_LOG_STREAM": attempt.log_stream,
        }
        self._played_s3, self._now, self._is_mute = s3, now, is_mute
        self._ending: Ending = "done"
        no_log: Any = SimpleNamespace(write=lambda _line: None)
        with self._clock():
            super().__init__(environment.read(variables), variables, s3=S3(s3), log=no_log, stop=UnwatchedStop())
            self._attempt = self._record = _Record(self._s3, self._environment, no_log, log_stream=attempt.log_stream)

    def begin(self) -> bool:
        """Write the record of the start; returns False where the runner has nothing to do and ends at once."""
        with self._clock():
            if self._is_mute:
                return True
            self._attempt.write_start()
            try:
                self._check_abandoned()
            except Abandoned:
                return False
            return self._results.succeeded() is None

    def say_alive(self, moment: datetime) -> None:
        """Write the sign of life that the runner wrote last, at `moment` by its own clock."""
        with self._clock(moment):
            if not self._is_mute:
                self._record.say_alive()

    def end(self, ending: Ending) -> int:
        """Write the result and the end of the attempt; returns the exit code."""
        self._ending = ending
        if ending == "stopped":
            self._stop._handle(signal.SIGTERM, None)
        with self._clock():
            return self._attempt.write_end(self._process(), timeout_seconds=20.0)

    def _pull(self, scan: Scan) -> Scan:
        if self._ending == "S3 silent":
            S3(_SilentS3()).read(scan.inputs[0].uri)
        if self._ending == "wrong input":
            raise WrongInput(
                "bval and bvec differ in count: 64 and 65", causes.GRADIENT_COUNTS_DIFFER, bvals=64, bvecs=65
            )
        return scan

    def _run_m2g(self, scan: Scan) -> Any:
        return [] if self._ending == "done" else super()._run_m2g(scan)

    def _upload_failure_files(self) -> None:
        """Nothing: m2g wrote no files."""

    def _publish(self, scan: Scan, connectomes: Any) -> None:
        path = f"connectomes_d/Desikan/{scan.name.replace('/', '_')}_Desikan_connectome.csv"
        etag = self._played_s3.put_object(**bucket_and_key(f"{scan.output}/{path}"), Body=_BODY)["ETag"].strip('"')
        digest = hashlib.sha256(_BODY).hexdigest()
        self._result_builder.files = [
            {"path": path, "size_bytes": len(_BODY), "sha256": digest, "etag": etag, "graph": GRAPH}
        ]
        with self._publication._claims.take() as claim:
            result = self._result_builder.build(faults.Ending(0))
            self._results.write(result, check=lambda: self._publication._may_write(claim))

    @contextmanager
    def _clock(self, moment: datetime | None = None) -> Iterator[None]:
        """The runner's code asks this instance's clock, and m2g ends as the test says."""
        now = self._now() if moment is None else moment
        with ExitStack() as stack:
            for module in _CLOCKS:
                stack.callback(setattr, module, "timestamp", module.timestamp)
                module.timestamp = lambda: timestamp(now)
            stack.callback(setattr, m2g, "run", m2g.run)
            m2g.run = lambda *_, **__: _m2g_exit(self._ending)
            yield


def _m2g_exit(ending: Ending) -> m2g.M2gExit:
    if ending == "out of memory":
        return m2g.M2gExit(-signal.SIGKILL, 3000.0, 14_900, ())
    return m2g.M2gExit(1, 3000.0, 9_000, ("ValueError: no streamlines",))
