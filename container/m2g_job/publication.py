"""A scan's outputs and result on S3, written by at most one job: the one that holds the claim."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from m2g_job import abandoned, causes, derivative, outputs, record
from m2g_job.claim import Claim, Claims
from m2g_job.environment import Environment
from m2g_job.faults import Ending, Fault, HeldByAnotherJob, ScanFailed
from m2g_job.log import Log
from m2g_job.result import ResultBuilder, Results
from m2g_job.s3 import S3
from m2g_job.scan import Scan
from m2g_job.stop import StopRequest

#: A push that is running when the signal comes may go on for this long: it completes an hour of work, and Batch waits
#: 30 s before it sends SIGKILL.
PUSH_GRACE_SECONDS = 15.0


class Publication:
    """Writes this attempt's outputs and result where no other job has published.

    Parameters
    ----------
    s3, environment, log, stop
        The job's.
    results, result_builder
        Where the result stands, and what is known about this attempt.
    """

    def __init__(
        self,
        s3: S3,
        environment: Environment,
        log: Log,
        *,
        stop: StopRequest,
        results: Results,
        result_builder: ResultBuilder,
    ) -> None:
        self._s3 = s3
        self._environment = environment
        self._log = log
        self._stop = stop
        self._results = results
        self._result_builder = result_builder
        self._claims = Claims(s3, environment, log, results=results, sleep=stop.sleep)

    def succeed(
        self,
        scan: Scan,
        files: Sequence[outputs.Output],
        provenance_file: outputs.Output,
        *,
        graphs: Mapping[str, Mapping[str, Any]],
        m2g_version: str | None,
    ) -> None:
        """Upload the outputs, then write the result of a scan that succeeded.

        Parameters
        ----------
        graphs
            What each connectome's file holds, by the file's place on this disk.

        Raises
        ------
        Abandoned, AlreadyPublished, Fault
            Nothing more is written.
        ScanFailed
            opsctl could not read the result, because it would be too long.
        """
        # The provenance last: it never stands beside an incomplete set of outputs.
        everything = [*files, provenance_file]
        self._result_builder.files = outputs.listed(everything, outputs.longest_entries(everything), graphs)
        if len(record.encoded(self._result_builder.build(Ending(0)))) > record.LARGEST_RECORD:
            raise ScanFailed(f"m2g left {len(files):,} files, more than a result may list", causes.TOO_MANY_OUTPUTS)
        while True:
            try:
                result = self._push(scan, everything, graphs, m2g_version)
                break
            except HeldByAnotherJob as lost:
                # Try again: the other job publishes, or it dies and this job takes over the claim.
                self._log.write(f"stopped pushing: {lost}")
        pushed = result["outputs"]["files"]
        megabytes = sum(file["size_bytes"] for file in pushed) / 1e6
        self._log.write(
            f"done: pushed {len(pushed)} files, {megabytes:.1f} MB, in {result['seconds']['push']:.1f} s"
            f" to {scan.output}"
        )

    def _push(
        self,
        scan: Scan,
        files: Sequence[outputs.Output],
        graphs: Mapping[str, Mapping[str, Any]],
        m2g_version: str | None,
    ) -> dict[str, Any]:
        """Take the claim, upload the outputs, the last one after all others, and write the result; return it."""
        abandoned.check(self._s3, self._environment)
        with self._claims.take() as claim:
            # Again, because this job may have waited minutes for the claim.
            abandoned.check(self._s3, self._environment)
            with self._result_builder.phase("push"):
                derivative.write_description(self._s3, scan, m2g_version=m2g_version)
                pushed = []
                for batch in (files[:-1], files[-1:]):
                    pushed += outputs.push(self._s3, batch, scan.output, guard=lambda: self._guard(claim))
                verified = outputs.verify(self._s3, pushed, scan.output)
            self._result_builder.files = outputs.listed(files, verified, graphs)
            result = self._result_builder.build(Ending(0))
            self._results.write(result, check=lambda: self._may_write(claim))
        return result

    def fail(self, fault: Fault) -> None:
        """Write a failed result, under the claim, so that it never replaces a succeeded one.

        Raises
        ------
        Abandoned, AlreadyPublished, Fault, HeldByAnotherJob
            The result is not written.
        """
        with self._claims.take(wait=not self._stop.received) as claim:
            result = self._result_builder.build(fault.ending)
            self._results.write(result, check=lambda: self._may_write(claim))

    def _may_write(self, claim: Claim) -> None:
        abandoned.check(self._s3, self._environment)
        claim.check()

    def _guard(self, claim: Claim) -> None:
        self._stop.check(grace_seconds=PUSH_GRACE_SECONDS)
        claim.check_lease()
