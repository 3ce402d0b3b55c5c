"""One attempt at one scan, from its JSON to its result."""

from __future__ import annotations

import errno
import os
import time
import traceback
from contextlib import contextmanager
from typing import Any, Iterator, Mapping, Sequence

from m2g_job import abandoned, connectomes, derivative, m2g, memory, outputs, provenance, staging, version
from m2g_job import scan as scans
from m2g_job.attempt import END_SECONDS, Attempt
from m2g_job.claim import Claim, Claims
from m2g_job.environment import Environment, log_stream
from m2g_job.faults import (
    Abandoned,
    AlreadyPublished,
    Fault,
    Outrun,
    PassingFault,
    S3Refused,
    ScanFailed,
    Stopped,
    WrongInput,
)
from m2g_job.log import Log
from m2g_job.result import Report, Results
from m2g_job.s3 import S3
from m2g_job.scan import Scan
from m2g_job.stop import Stop

#: A push that is under way when the signal comes goes on for so long: it ends an hour's work, and Batch waits 30 s.
_PUSH_GRACE_SECONDS = 15.0
#: So long after the signal a job that S3 still keeps waiting says what it knows in its attempt's record, and ends.
_LAST_WORD_SECONDS = 24.0
_LAST_WORD_PATIENCE_SECONDS = 4.0


class Job:
    """One attempt.

    Parameters
    ----------
    environment, variables
        What the job was told, parsed and raw.
    s3, log, stop
        S3, the log lines, the wish to stop.
    """

    def __init__(self, environment: Environment, variables: Mapping[str, str], *, s3: S3, log: Log, stop: Stop) -> None:
        self._environment = environment
        self._variables = variables
        self._s3 = s3
        self._log = log
        self._stop = stop
        stream = log_stream(variables)
        self._report = Report(environment, log_stream=stream)
        self._attempt = Attempt(s3, environment, log, log_stream=stream)
        self._results = Results(s3, environment, log)
        self._claims = Claims(s3, environment, log, results=self._results, wait=stop.wait)
        self._m2g_ran = False
        self._m2g_version: str | None = None
        self._log_path = os.path.join(environment.output_dir, "m2g.log")

    def run(self) -> int:
        """Process the scan; whatever happens, the attempt's record says it, and the result where one may.

        Returns
        -------
        int
            The process's exit code: 0 done here or by another job, 1, 2, 75 or 143 (see `faults`).
        """
        self._stop.after(_LAST_WORD_SECONDS, self._last_word)
        self._attempt.begin()
        try:
            code, cause = self._end()
        except Exception as error:
            # A bug on the very road that a failure takes.
            code, cause = ScanFailed.exit_code, self._bug(error)
        patience = _LAST_WORD_PATIENCE_SECONDS if self._stop.wanted else END_SECONDS
        return self._attempt.end(exit_code=code, cause=cause, patience_seconds=patience)

    def _last_word(self) -> None:
        """End a job whose time is over, wherever it hangs: Batch's SIGKILL would leave no word of why."""
        code = self._attempt.end(
            exit_code=Stopped.exit_code, cause=self._stop.cause, patience_seconds=_LAST_WORD_PATIENCE_SECONDS
        )
        self._log.say(f"still not through {_LAST_WORD_SECONDS:.0f} s after the signal: ending here, exit code {code}")
        os._exit(code)

    def _end(self) -> tuple[int, str]:
        """Process the scan; the exit code, and the cause in words ("" for a success of this job's own)."""
        try:
            self._succeed()
            return 0, ""
        except AlreadyPublished as end:
            return self._leave_to(end)
        except Abandoned as end:
            return self._abandon(end)
        except PassingFault as fault:
            self._log.say(f"a passing fault, to be tried again: {fault}")
            return fault.exit_code, str(fault)
        except Fault as fault:
            return self._fail(fault)
        except OSError as error:
            return self._fail(_of_its_own_files(error))
        except Exception as error:
            return self._fail(ScanFailed(self._bug(error)))

    def _bug(self, error: Exception) -> str:
        # The traceback belongs into the log, a sentence into the result.
        self._log.say(traceback.format_exc())
        return f"opsctl's job runner failed: {type(error).__name__}: {error}"

    def _leave_to(self, end: AlreadyPublished) -> tuple[int, str]:
        words = "job {} (attempt {}) has published this scan's result; this job writes nothing".format(
            end.result.get("job_id") or "without an id", end.result.get("attempt")
        )
        self._log.say(f"done: {words}")
        return 0, words

    def _abandon(self, end: Abandoned) -> tuple[int, str]:
        self._log.say(f"nothing is written: {end}")
        return WrongInput.exit_code, str(end)

    def _check_abandoned(self) -> None:
        abandoned.check(self._s3, self._environment)

    def _succeed(self) -> None:
        self._check_abandoned()
        published = self._results.succeeded()
        scan = self._report.scan = self._read_scan()
        self._attempt.scan = scan.name
        if published and published.get("key") == scan.key:
            raise AlreadyPublished(published)
        if published:
            raise WrongInput(f"a succeeded result with another key stands at {self._results.uri}")
        self._log.say(f"scan {scan.name}, pipeline {scan.pipeline}, image {scan.image}")
        with self._phase("pull"):
            self._pull(scan)
        if not derivative.is_preview(scan.image):
            self._m2g_version = version.find(scan.argv[0], m2g.child_environment(self._variables))
        with self._phase("m2g"):
            products = self._run_m2g(scan)
        self._publish(scan, products)

    def _read_scan(self) -> Scan:
        uri = self._environment.uri("scans")
        try:
            document = self._s3.read(uri)
        except S3Refused as refused:
            raise WrongInput(f"the scan's JSON cannot be read: {refused}")
        if document is None:
            raise WrongInput(f"there is no scan's JSON at {uri}")
        return scans.parse(document.data, self._environment)

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self._report.seconds[name] += time.monotonic() - started

    def _pull(self, scan: Scan) -> None:
        # A retried attempt may find what an earlier one left on a machine's disk.
        staging.empty(self._environment.input_dir)
        staging.empty(self._environment.output_dir)
        started = time.monotonic()
        size = staging.pull(self._s3, scan, self._environment.input_dir, stop=self._stop)
        staging.check(scan, self._environment.input_dir, stop=self._stop)
        self._log.say(
            f"pulled and checked {len(scan.inputs)} files, {size / 1e6:.1f} MB, in {time.monotonic() - started:.1f} s"
        )

    def _session_dir(self, scan: Scan) -> str:
        return os.path.join(self._environment.output_dir, f"sub-{scan.subject}", f"ses-{scan.session_label}")

    def _run_m2g(self, scan: Scan) -> list[str]:
        self._stop.check()
        self._m2g_ran = True
        words = m2g.command(scan.argv, input_dir=self._environment.input_dir, output_dir=self._environment.output_dir)
        self._log.say(f"running: {' '.join(words)}")
        try:
            outcome = m2g.run(words, log=self._log, log_path=self._log_path, stop=self._stop, variables=self._variables)
        finally:
            self._report.peak_memory_mib = memory.peak_mib()
        self._log.say(
            f"m2g ended with exit code {outcome.exit_code} after {outcome.seconds:.1f} s, "
            f"peak memory {outcome.peak_memory_mib} MiB"
        )
        if outcome.exit_code != 0:
            raise ScanFailed(m2g.cause(outcome))
        try:
            found = connectomes.verify(self._session_dir(scan), scan.pipeline, scan.parcellation)
        except ScanFailed as missing:
            short = m2g.shortage(outcome)
            raise ScanFailed(f"{missing}; {short}" if short else str(missing))
        self._log.say(f"connectomes: {len(found)}")
        return found

    def _collected(self, scan: Scan) -> list[outputs.Output]:
        return outputs.collect(self._session_dir(scan), made_up_session=scan.session is None)

    def _publish(self, scan: Scan, products: Sequence[str]) -> None:
        files = self._collected(scan)
        origin = provenance.output(
            scan,
            self._environment,
            m2g_version=self._m2g_version,
            started_at=self._report.started_at,
            seconds=self._report.seconds,
        )
        self._report.connectomes = [f"{scan.output}/{output.key}" for output in files if output.path in products]
        while True:
            try:
                result = self._push(scan, files, origin)
                break
            except Outrun as lost:
                # Back in the queue: the other job publishes, or dies and leaves the claim to this one again.
                self._log.say(f"stopped pushing: {lost}")
        self._log.say(
            "done: pushed {} files, {:.1f} MB, in {:.1f} s to {}".format(
                result["outputs"]["count"], result["outputs"]["bytes"] / 1e6, result["seconds"]["push"], scan.output
            )
        )

    def _push(self, scan: Scan, files: list[outputs.Output], origin: outputs.Output) -> dict[str, Any]:
        self._check_abandoned()
        with self._claims.take() as claim:
            # Once more: another job may have held the claim for minutes.
            self._check_abandoned()
            with self._phase("push"):
                derivative.describe(self._s3, scan, m2g_version=self._m2g_version)
                # The provenance last: beside outputs whose push broke off, none of this work stands.
                pushed = []
                for batch in (files, [origin]):
                    pushed += outputs.push(self._s3, batch, scan.output, guard=lambda: self._guard(claim))
                self._report.files = outputs.verify(self._s3, pushed, scan.output)
            result = self._report.result(exit_code=0)
            self._results.write(result, check=lambda: self._may_write(claim))
        return result

    def _may_write(self, claim: Claim) -> None:
        self._check_abandoned()
        claim.check()

    def _guard(self, claim: Claim) -> None:
        self._stop.check(grace_seconds=_PUSH_GRACE_SECONDS)
        claim.check_lease()

    def _fail(self, fault: Fault) -> tuple[int, str]:
        """Keep what shows why, then say it in the result: on the same road as a success, so that it never hides one."""
        self._log.say(f"failed: {fault}")
        try:
            self._check_abandoned()
            self._keep_logs()
            with self._claims.take(patient=not self._stop.wanted) as claim:
                result = self._report.result(exit_code=fault.exit_code, cause=str(fault))
                self._results.write(result, check=lambda: self._may_write(claim))
        except Abandoned as end:
            return self._abandon(end)
        except AlreadyPublished as end:
            if self._report.scan and end.result.get("key") == self._report.scan.key:
                return self._leave_to(end)
            self._log.say("no result is written: a succeeded one stands")
        except (Outrun, Stopped) as end:
            self._log.say(f"no result is written: {end}")
        except Fault as unwritten:
            # The scan's own fault decides: a retry would pay for the same failure again, only to write it down.
            self._log.say(f"the failed result could not be written: {unwritten}")
        return fault.exit_code, str(fault)

    def _keep_logs(self) -> None:
        scan = self._report.scan
        if scan is None or not self._m2g_ran:
            return  # what lies there is an earlier attempt's
        place = self._environment.uri("failures", f"/attempt-{self._environment.attempt}")
        try:
            kept = outputs.qa(self._collected(scan))
            if os.path.isfile(self._log_path):
                kept.append(outputs.Output(self._log_path, "m2g.log"))
            outputs.push(self._s3, kept, place, guard=lambda: None)
        except (Fault, OSError) as fault:
            self._log.say(f"the logs could not all be kept: {fault}")
            return
        self._log.say(f"{len(kept)} files of logs and QA are at {place}")


def _of_its_own_files(error: OSError) -> ScanFailed:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ScanFailed(f"the disk is full: {error}; give the platform a larger root volume")
    return ScanFailed(f"the job's own files cannot be written: {error}")
