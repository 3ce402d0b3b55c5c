"""One attempt at one scan, from the scan's JSON to its result."""

from __future__ import annotations

import os
import time
import traceback
from contextlib import contextmanager
from typing import Any, Iterator, Mapping, Sequence

from m2g_job import (
    abandoned,
    causes,
    connectomes,
    derivative,
    m2g,
    m2g_failure,
    memory,
    outputs,
    provenance,
    reuse,
    staging,
    version,
)
from m2g_job import scan as scans
from m2g_job.attempt import END_TIMEOUT_SECONDS, AttemptRecord
from m2g_job.claim import Claim, Claims
from m2g_job.environment import Environment, log_stream
from m2g_job.faults import (
    Abandoned,
    AlreadyPublished,
    Ending,
    Fault,
    HeldByAnotherJob,
    S3Refused,
    ScanFailed,
    Stopped,
    TransientFault,
    WrongInput,
    local_file_fault,
)
from m2g_job.log import Log
from m2g_job.result import ResultBuilder, Results
from m2g_job.s3 import S3
from m2g_job.scan import Scan
from m2g_job.stop import StopRequest

#: A push that is running when the signal comes may go on for this long: it completes an hour of work, and Batch waits
#: 30 s before it sends SIGKILL.
PUSH_GRACE_SECONDS = 15.0
#: A job that still waits for S3 this long after the signal writes the attempt's record and exits.
FORCED_EXIT_SECONDS = 24.0
FORCED_EXIT_TIMEOUT_SECONDS = 4.0


class Job:
    """One attempt.

    Parameters
    ----------
    environment, variables
        The job's environment variables, parsed and raw.
    s3, log, stop
        S3, the job's log, and the request to stop.
    """

    def __init__(
        self, environment: Environment, variables: Mapping[str, str], *, s3: S3, log: Log, stop: StopRequest
    ) -> None:
        self._environment = environment
        self._variables = variables
        self._s3 = s3
        self._log = log
        self._stop = stop
        stream = log_stream(variables)
        self._result_builder = ResultBuilder(environment, log_stream=stream)
        self._attempt = AttemptRecord(s3, environment, log, log_stream=stream)
        self._results = Results(s3, environment, log)
        self._claims = Claims(s3, environment, log, results=self._results, sleep=stop.sleep)
        self._m2g_ran = False
        self._m2g_version: str | None = None
        self._log_path = os.path.join(environment.output_dir, "m2g.log")

    def run(self) -> int:
        """Process the scan; always write the attempt's record, and the result where this job may.

        Returns
        -------
        int
            The process's exit code: 0 done here or by another job, 1, 2, 75 or 143 (see `faults`).
        """
        self._stop.call_after(FORCED_EXIT_SECONDS, self._force_exit)
        self._attempt.write_start()
        try:
            ending = self._process()
        except Exception as error:
            # A bug in the code that handles a failure.
            ending = self._bug(error).ending
        timeout_seconds = FORCED_EXIT_TIMEOUT_SECONDS if self._stop.received else END_TIMEOUT_SECONDS
        return self._attempt.write_end(ending, timeout_seconds=timeout_seconds)

    def _force_exit(self) -> None:
        """Write the attempt's record and exit, wherever the job hangs: Batch's SIGKILL would leave no cause."""
        code = self._attempt.write_end(self._stop.fault.ending, timeout_seconds=FORCED_EXIT_TIMEOUT_SECONDS)
        self._log.write(
            f"still not through {FORCED_EXIT_SECONDS:.0f} s after the signal: ending here, exit code {code}"
        )
        os._exit(code)

    def _process(self) -> Ending:
        """Process the scan; return how the attempt ends."""
        try:
            self._run_scan()
            return Ending(0)
        except AlreadyPublished as published:
            return self._already_published(published)
        except Abandoned as abandonment:
            return self._abandoned(abandonment)
        except TransientFault as fault:
            self._log.write(f"a passing fault, to be tried again: {fault}")
            return fault.ending
        except Fault as fault:
            return self._record_failure(fault)
        except OSError as error:
            return self._record_failure(local_file_fault(error))
        except Exception as error:
            return self._record_failure(self._bug(error))

    def _bug(self, error: Exception) -> ScanFailed:
        # The traceback goes into the log, the sentence into the result.
        self._log.write(traceback.format_exc())
        kind = type(error).__name__
        return ScanFailed(f"opsctl's job runner failed: {kind}: {error}", causes.RUNNER_BUG, error=kind)

    def _already_published(self, published: AlreadyPublished) -> Ending:
        self._log.write(f"done: {published}")
        return published.ending

    def _abandoned(self, abandonment: Abandoned) -> Ending:
        self._log.write(f"nothing is written: {abandonment}")
        return abandonment.ending

    def _check_abandoned(self) -> None:
        abandoned.check(self._s3, self._environment)

    def _run_scan(self) -> None:
        """Pull the inputs, run m2g, and publish its outputs; raise where any of these fails."""
        self._check_abandoned()
        published = self._results.succeeded()
        scan = self._result_builder.scan = self._read_scan()
        self._attempt.scan = scan.name
        if published and published.get("key") == scan.key:
            raise AlreadyPublished(published)
        if published:
            raise WrongInput(
                f"a succeeded result with another key stands at {self._results.uri}",
                causes.OTHER_RESULT_EXISTS,
                file=self._results.uri,
            )
        self._log.write(f"scan {scan.name}, pipeline {scan.pipeline}, image {scan.image}")
        with self._phase("pull"):
            self._pull(scan)
        if not derivative.is_preview(scan.image):
            self._m2g_version = version.find(scan.argv[0], m2g.child_environment(self._variables))
        with self._phase("m2g"):
            connectome_paths = self._run_m2g(scan)
        self._publish(scan, connectome_paths)

    def _read_scan(self) -> Scan:
        uri = self._environment.uri("scans")
        try:
            document = self._s3.read(uri)
        except S3Refused as refused:
            raise WrongInput(f"the scan's JSON cannot be read: {refused}", refused.cause_code, **refused.facts)
        if document is None:
            raise WrongInput(f"there is no scan's JSON at {uri}", causes.SCAN_RECORD_INVALID, file=uri)
        return scans.parse(document.data, self._environment)

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self._result_builder.seconds[name] += time.monotonic() - started

    def _pull(self, scan: Scan) -> None:
        # An earlier attempt may have left files on the instance's disk.
        staging.empty(self._environment.input_dir)
        staging.empty(self._environment.output_dir)
        started = time.monotonic()
        size = staging.pull(self._s3, scan, self._environment.input_dir, stop=self._stop)
        staging.check(scan, self._environment.input_dir, stop=self._stop)
        self._log.write(
            f"pulled and checked {len(scan.inputs)} files, {size / 1e6:.1f} MB, in {time.monotonic() - started:.1f} s"
        )
        if scan.reuse is not None:
            size = reuse.stage(self._s3, scan.reuse, self._session_dir(scan), stop=self._stop)
            self._log.write(
                f"staged {len(scan.reuse.files)} files, {size / 1e6:.1f} MB, of {scan.reuse.run_id}: "
                "neither eddy correction nor registration is repeated"
            )

    def _session_dir(self, scan: Scan) -> str:
        return os.path.join(self._environment.output_dir, f"sub-{scan.subject}", f"ses-{scan.session_label}")

    def _run_m2g(self, scan: Scan) -> list[str]:
        self._stop.check()
        self._m2g_ran = True
        command = m2g.command(scan.argv, input_dir=self._environment.input_dir, output_dir=self._environment.output_dir)
        self._log.write(f"running: {' '.join(command)}")
        try:
            ended = m2g.run(command, log=self._log, log_path=self._log_path, stop=self._stop, variables=self._variables)
        finally:
            self._result_builder.peak_memory_mib = memory.peak_mib()
        self._log.write(
            f"m2g ended with exit code {ended.exit_code} after {ended.seconds:.1f} s, "
            f"peak memory {ended.peak_memory_mib} MiB"
        )
        if ended.exit_code != 0:
            raise m2g_failure.fault(ended)
        try:
            paths = connectomes.verify(self._session_dir(scan), scan.pipeline, scan.parcellation)
        except ScanFailed as missing:
            shortage = m2g_failure.shortage(ended)
            if shortage is None:
                raise
            raise ScanFailed(f"{missing}; {shortage}", shortage.cause_code, **shortage.facts)
        self._log.write(f"connectomes: {len(paths)}")
        return paths

    def _collect_outputs(self, scan: Scan) -> list[outputs.Output]:
        return outputs.collect(self._session_dir(scan), made_up_session=scan.session is None)

    def _publish(self, scan: Scan, connectome_paths: Sequence[str]) -> None:
        files = self._collect_outputs(scan)
        provenance_file = provenance.output(
            scan,
            self._environment,
            m2g_version=self._m2g_version,
            started_at=self._result_builder.started_at,
            seconds=self._result_builder.seconds,
        )
        self._result_builder.connectomes = [
            f"{scan.output}/{output.key}" for output in files if output.path in connectome_paths
        ]
        while True:
            try:
                result = self._push(scan, files, provenance_file)
                break
            except HeldByAnotherJob as lost:
                # Try again: the other job publishes, or it dies and this job takes over the claim.
                self._log.write(f"stopped pushing: {lost}")
        self._log.write(
            "done: pushed {} files, {:.1f} MB, in {:.1f} s to {}".format(
                result["outputs"]["count"], result["outputs"]["bytes"] / 1e6, result["seconds"]["push"], scan.output
            )
        )

    def _push(self, scan: Scan, files: list[outputs.Output], provenance_file: outputs.Output) -> dict[str, Any]:
        """Take the claim, upload the outputs, and write the result; return the result."""
        self._check_abandoned()
        with self._claims.take() as claim:
            # Again, because this job may have waited minutes for the claim.
            self._check_abandoned()
            with self._phase("push"):
                derivative.write_description(self._s3, scan, m2g_version=self._m2g_version)
                # The provenance last: it never stands beside an incomplete set of outputs.
                pushed = []
                for batch in (files, [provenance_file]):
                    pushed += outputs.push(self._s3, batch, scan.output, guard=lambda: self._guard(claim))
                self._result_builder.files = outputs.verify(self._s3, pushed, scan.output)
            result = self._result_builder.build(Ending(0))
            self._results.write(result, check=lambda: self._may_write(claim))
        return result

    def _may_write(self, claim: Claim) -> None:
        self._check_abandoned()
        claim.check()

    def _guard(self, claim: Claim) -> None:
        self._stop.check(grace_seconds=PUSH_GRACE_SECONDS)
        claim.check_lease()

    def _record_failure(self, fault: Fault) -> Ending:
        """Upload the logs and write a failed result, under the claim, so that it never replaces a succeeded one."""
        self._log.write(f"failed: {fault}")
        try:
            self._check_abandoned()
            self._upload_logs()
            with self._claims.take(wait=not self._stop.received) as claim:
                result = self._result_builder.build(fault.ending)
                self._results.write(result, check=lambda: self._may_write(claim))
        except Abandoned as abandonment:
            return self._abandoned(abandonment)
        except AlreadyPublished as published:
            if self._result_builder.scan and published.result.get("key") == self._result_builder.scan.key:
                return self._already_published(published)
            self._log.write("no result is written: a succeeded one stands")
        except (HeldByAnotherJob, Stopped) as reason:
            self._log.write(f"no result is written: {reason}")
        except Fault as write_fault:
            # The scan's own fault decides the exit code: a retry would pay for the same failure again.
            self._log.write(f"the failed result could not be written: {write_fault}")
        return fault.ending

    def _upload_logs(self) -> None:
        scan = self._result_builder.scan
        if scan is None or not self._m2g_ran:
            return  # the files in the output folder are an earlier attempt's
        uri = self._environment.uri("failures", f"/attempt-{self._environment.attempt}")
        try:
            files = outputs.qa(self._collect_outputs(scan))
            if os.path.isfile(self._log_path):
                files.append(outputs.Output(self._log_path, "m2g.log"))
            outputs.push(self._s3, files, uri, guard=lambda: None)
        except (Fault, OSError) as fault:
            self._log.write(f"the logs could not all be kept: {fault}")
            return
        self._log.write(f"{len(files)} files of logs and QA are at {uri}")
