"""One attempt at one scan, from its JSON to its result."""

from __future__ import annotations

import os
import time
import traceback
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Mapping, Sequence

from m2g_job import connectomes, derivative, m2g, outputs, staging
from m2g_job import scan as scans
from m2g_job.claim import Claim, Claims
from m2g_job.environment import Environment, log_stream
from m2g_job.faults import AlreadyPublished, Fault, Outrun, PassingFault, S3Refused, ScanFailed, Stopped, WrongInput
from m2g_job.log import Log
from m2g_job.result import Report, Results
from m2g_job.s3 import S3
from m2g_job.scan import Scan
from m2g_job.stop import Stop

#: A push that is under way when the signal comes goes on for so long: it ends an hour's work, and Batch waits 30 s.
_PUSH_GRACE_SECONDS = 20.0


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
        self._report = Report(environment, log_stream=log_stream(variables))
        self._results = Results(s3, environment, log)
        self._claims = Claims(s3, environment, log, results=self._results, wait=stop.wait)
        self._m2g_ran = False
        self._log_path = os.path.join(environment.output_dir, "m2g.log")

    def run(self) -> int:
        """Process the scan; whatever happens, the result on S3 says it.

        Returns
        -------
        int
            The process's exit code: 0 done here or by another job, 1, 2, 75 or 143 (see `faults`).
        """
        try:
            self._succeed()
            return 0
        except AlreadyPublished as end:
            return self._leave_to(end)
        except PassingFault as fault:
            self._log.say(f"a passing fault, to be tried again: {fault}")
            return fault.exit_code
        except Fault as fault:
            return self._fail(fault)
        except OSError as error:
            return self._fail(ScanFailed(f"the job's own files cannot be written: {error}"))
        except Exception as error:
            # A bug of the runner's: the traceback belongs into the log, a sentence into the result.
            self._log.say(traceback.format_exc())
            return self._fail(ScanFailed(f"opsctl's job runner failed: {type(error).__name__}: {error}"))

    def _leave_to(self, end: AlreadyPublished) -> int:
        self._log.say(
            "done: job {} (attempt {}) has published this scan's result; this job writes nothing".format(
                end.result.get("job_id") or "without an id", end.result.get("attempt")
            )
        )
        return 0

    def _succeed(self) -> None:
        published = self._results.succeeded()
        scan = self._report.scan = self._read_scan()
        if published and published.get("key") == scan.key:
            raise AlreadyPublished(published)
        if published:
            raise WrongInput(f"a succeeded result with another key stands at {self._results.uri}")
        self._log.say(f"scan {scan.name}, pipeline {scan.pipeline}, image {scan.image}")
        with self._phase("pull"):
            self._pull(scan)
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
            "pulled and checked {} files, {:.1f} MB, in {:.1f} s".format(
                len(scan.inputs), size / 1e6, time.monotonic() - started
            )
        )

    def _session_dir(self, scan: Scan) -> str:
        return os.path.join(self._environment.output_dir, f"sub-{scan.subject}", f"ses-{scan.session_label}")

    def _run_m2g(self, scan: Scan) -> List[str]:
        self._stop.check()
        self._m2g_ran = True
        words = m2g.command(scan.argv, input_dir=self._environment.input_dir, output_dir=self._environment.output_dir)
        self._log.say(f"running: {' '.join(words)}")
        try:
            outcome = m2g.run(words, log=self._log, log_path=self._log_path, stop=self._stop, variables=self._variables)
        finally:
            self._report.peak_memory_mib = m2g.peak_memory_mib()
        self._log.say(
            "m2g ended with exit code {} after {:.1f} s, peak memory {} MiB".format(
                outcome.exit_code, outcome.seconds, outcome.peak_memory_mib
            )
        )
        if outcome.exit_code != 0:
            raise ScanFailed(m2g.cause(outcome))
        found = connectomes.verify(self._session_dir(scan), scan.pipeline, scan.parcellation)
        self._log.say(f"connectomes: {len(found)}")
        return found

    def _collected(self, scan: Scan) -> List[outputs.Output]:
        return outputs.collect(self._session_dir(scan), made_up_session=scan.session is None)

    def _publish(self, scan: Scan, products: Sequence[str]) -> None:
        files = self._collected(scan)
        self._report.connectomes = [f"{scan.output}/{output.key}" for output in files if output.path in products]
        while True:
            try:
                result = self._push(scan, files)
                break
            except Outrun as lost:
                # Back in the queue: the other job publishes, or dies and leaves the claim to this one again.
                self._log.say(f"stopped pushing: {lost}")
        self._log.say(
            "done: pushed {} files, {:.1f} MB, in {:.1f} s to {}".format(
                result["outputs"]["count"], result["outputs"]["bytes"] / 1e6, result["seconds"]["push"], scan.output
            )
        )

    def _push(self, scan: Scan, files: List[outputs.Output]) -> Dict[str, Any]:
        with self._claims.take() as claim:
            with self._phase("push"):
                derivative.describe(self._s3, scan)
                pushed = outputs.push(self._s3, files, scan.output, guard=lambda: self._guard(claim))
                self._report.files = outputs.verify(self._s3, pushed)
            result = self._report.result(exit_code=0)
            self._results.write(result, check=claim.check)
        return result

    def _guard(self, claim: Claim) -> None:
        self._stop.check(grace_seconds=_PUSH_GRACE_SECONDS)
        claim.check_lease()

    def _fail(self, fault: Fault) -> int:
        """Keep what shows why, then say it in the result: on the same road as a success, so that it never hides one."""
        self._log.say(f"failed: {fault}")
        try:
            self._keep_logs()
            with self._claims.take(patient=not self._stop.wanted) as claim:
                self._results.write(self._report.result(exit_code=fault.exit_code, cause=str(fault)), check=claim.check)
        except AlreadyPublished as end:
            if self._report.scan and end.result.get("key") == self._report.scan.key:
                return self._leave_to(end)
            self._log.say("no result is written: a succeeded one stands")
        except (Outrun, Stopped) as end:
            self._log.say(f"no result is written: {end}")
        except Fault as unwritten:
            # The scan's own fault decides: a retry would pay for the same failure again, only to write it down.
            self._log.say(f"the failed result could not be written: {unwritten}")
        return fault.exit_code

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
