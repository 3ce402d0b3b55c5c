"""`python -m m2g_job`: the process inside a Batch job. The job definition's retry rules read its exit code."""

from __future__ import annotations

import os
import sys
import time

from m2g_job import environment, s3, selftest
from m2g_job.faults import Fault
from m2g_job.job import Job
from m2g_job.log import Log
from m2g_job.stop import StopRequest


def main() -> int:
    """Process the scan that the environment names, or test the platform; return the exit code (see `faults`)."""
    started = time.monotonic()
    log = Log()
    stop = StopRequest()
    stop.install_handlers()
    if selftest.is_requested(sys.argv[1:], os.environ):
        return selftest.run(os.environ, log=log, stop=stop)
    try:
        job = environment.read(os.environ)
    except Fault as fault:
        log.write(f"failed: {fault}")
        return fault.exit_code
    log.write(f"run {job.run_id}, index {job.index}, attempt {job.attempt}, job {job.job_id or '(none)'}")
    code = Job(job, os.environ, s3=s3.S3(s3.make_client()), log=log, stop=stop).run()
    log.write(f"exit code {code} after {time.monotonic() - started:.1f} s")
    return code


if __name__ == "__main__":
    # sys.exit would wait for threads whose requests S3 does not answer. Every line of the log is flushed already.
    os._exit(main())
