"""One attempt at one scan, from the scan's JSON to its result."""

from __future__ import annotations

import os
import time
import traceback
from dataclasses import replace
from typing import Mapping, Sequence

from m2g_job import (
    abandoned,
    causes,
    derivative,
    failure_files,
    func_options,
    graph_warnings,
    m2g,
    m2g_failure,
    outputs,
    phases,
    provenance,
    reuse,
    staging,
    version,
)
from m2g_job import scan as scans
from m2g_job.attempt import END_TIMEOUT_SECONDS, AttemptRecord
from m2g_job.connectomes import Connectome
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
from m2g_job.peaks import Peaks
from m2g_job.publication import Publication
from m2g_job.result import ResultBuilder, Results, timestamp
from m2g_job.s3 import S3
from m2g_job.scan import Scan
from m2g_job.session_folder import SessionFolder, session_path
from m2g_job.stop import StopRequest
from m2g_job.version import M2gPackage

#: A job that still waits for S3 this long after the signal writes the attempt's record and exits.
FORCED_EXIT_SECONDS = 24.0
FORCED_EXIT_TIMEOUT_SECONDS = 4.0
#: Connectomes that a stopped m2g finished are kept until so long after the signal: what remains is for the result.
CONNECTOMES_GRACE_SECONDS = 20.0


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
        self._publication = Publication(
            s3, environment, log, stop=stop, results=self._results, result_builder=self._result_builder
        )
        self._package = M2gPackage()
        #: None until m2g starts: an earlier attempt may have left files in the output folder.
        self._folder: SessionFolder | None = None
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
        self._enter(phases.PULLING)
        with self._result_builder.phase("pull"):
            scan = self._result_builder.scan = self._pull(scan)
        if not derivative.is_preview(scan.image):
            self._package = version.find(scan.argv[0], m2g.child_environment(self._variables))
        self._attempt.enter(None)  # m2g's own phases follow
        with self._result_builder.phase("m2g"):
            connectomes = self._run_m2g(scan)
        self._publish(scan, connectomes)

    def _read_scan(self) -> Scan:
        uri = self._environment.uri("scans")
        try:
            document = self._s3.read(uri)
        except S3Refused as refused:
            raise WrongInput(f"the scan's JSON cannot be read: {refused}", refused.cause_code, **refused.facts)
        if document is None:
            raise WrongInput(f"there is no scan's JSON at {uri}", causes.SCAN_RECORD_INVALID, file=uri)
        return scans.parse(document.data, self._environment)

    def _enter(self, phase: str) -> None:
        self._attempt.enter(phases.Phase(phase, timestamp()))

    def _pull(self, scan: Scan) -> Scan:
        """Download and check the inputs; return the scan with the arguments that follow from them."""
        # An earlier attempt may have left files on the instance's disk.
        staging.empty(self._environment.input_dir)
        staging.empty(self._environment.output_dir)
        started = time.monotonic()
        size = staging.pull(self._s3, scan, self._environment.input_dir, stop=self._stop)
        header = staging.check(scan, self._environment.input_dir, stop=self._stop)
        self._log.write(
            f"pulled and checked {len(scan.inputs)} files, {size / 1e6:.1f} MB, in {time.monotonic() - started:.1f} s"
        )
        if scan.reuse is not None:
            size = reuse.stage(self._s3, scan.reuse, session_path(scan, self._environment), stop=self._stop)
            self._log.write(
                f"staged {len(scan.reuse.files)} files, {size / 1e6:.1f} MB, of {scan.reuse.run_id}: "
                "neither eddy correction nor registration is repeated"
            )
        arguments = func_options.arguments(scan, header, s3=self._s3, log=self._log)
        return replace(scan, argv=(*scan.argv, *arguments))

    def _run_m2g(self, scan: Scan) -> Sequence[Connectome]:
        self._stop.check()
        self._folder = SessionFolder(scan, self._environment)
        command = m2g.command(
            self._folder.names.arguments(scan.argv),
            input_dir=self._environment.input_dir,
            output_dir=self._environment.output_dir,
        )
        self._log.write(f"running: {' '.join(command)}")
        peaks = Peaks((self._environment.input_dir, self._environment.output_dir))
        try:
            ended = m2g.run(
                command,
                log=self._log,
                log_path=self._log_path,
                stop=self._stop,
                variables=self._variables,
                peaks=peaks,
                on_line=phases.PhaseReader(self._attempt.enter, atlas_count=len(scan.atlases)).read,
            )
        finally:
            self._folder.qa_pictures.move(self._log)
            self._result_builder.peak_memory_mib = peaks.memory_mib
            self._result_builder.peak_disk_mib = peaks.disk_mib
        self._log.write(
            f"m2g ended with exit code {ended.exit_code} after {ended.seconds:.1f} s, "
            f"peak memory {peaks.memory_mib} MiB, peak disk {peaks.disk_mib} MiB"
        )
        if ended.exit_code != 0:
            raise m2g_failure.fault(ended)
        try:
            connectomes = self._folder.verify_connectomes(check=self._stop.check).complete
        except ScanFailed as missing:
            known = m2g_failure.known_fault(ended)
            if known is None:
                raise
            raise ScanFailed(f"{missing}; {known}", known.cause_code, **known.facts)
        self._log.write(f"connectomes: {len(connectomes)}")
        return connectomes

    def _publish(self, scan: Scan, connectomes: Sequence[Connectome]) -> None:
        files = self._folder.outputs()
        provenance_file = provenance.output(
            scan,
            self._environment,
            package=self._package,
            started_at=self._result_builder.started_at,
            seconds=self._result_builder.seconds,
        )
        graphs = {connectome.path: connectome.graph for connectome in connectomes}
        self._result_builder.warnings = graph_warnings.warnings(
            connectomes, pipeline=scan.pipeline, skull_strip_picture=outputs.skull_strip_picture(files)
        )
        self._enter(phases.PUBLISHING)
        self._publication.succeed(scan, files, provenance_file, graphs=graphs, m2g_version=self._package.version)
        lost = graph_warnings.lost_regions(connectomes)
        if lost:
            self._log.write(lost)

    def _record_failure(self, fault: Fault) -> Ending:
        """Keep the logs and the finished connectomes, and write a failed result."""
        self._log.write(f"failed: {fault}")
        try:
            self._check_abandoned()
            self._upload_failure_files()
            self._publication.fail(fault)
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

    def _upload_failure_files(self) -> None:
        # What the scan had, where it failed while it was published, are no outputs of it.
        self._result_builder.files, self._result_builder.warnings = [], []
        if self._folder is not None:
            self._result_builder.files = failure_files.upload(
                self._s3,
                self._folder,
                self._environment.uri("failures", ""),
                attempt=f"attempt-{self._environment.attempt}",
                log=self._log,
                log_path=self._log_path,
                check=lambda: self._stop.check(grace_seconds=CONNECTOMES_GRACE_SECONDS),
            )
