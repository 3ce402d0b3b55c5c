"""`python -m m2g_job`: the process inside a Batch job. Its exit codes are the job definition's to read."""

from __future__ import annotations

import os
import time

from m2g_job import environment, s3
from m2g_job.faults import Fault
from m2g_job.job import Job
from m2g_job.log import Log
from m2g_job.stop import Stop


def main() -> int:
    """Process the scan that the environment names; the exit code says how it went (see `faults`)."""
    started = time.monotonic()
    log = Log()
    stop = Stop()
    stop.listen()
    try:
        job = environment.read(os.environ)
    except Fault as fault:
        log.say(f"failed: {fault}")
        return fault.exit_code
    log.say(f"run {job.run_id}, index {job.index}, attempt {job.attempt}, job {job.job_id or '(none)'}")
    code = Job(job, os.environ, s3=s3.S3(s3.make_client()), log=log, stop=stop).run()
    log.say(f"exit code {code} after {time.monotonic() - started:.1f} s")
    return code


if __name__ == "__main__":
    # Not sys.exit, which would wait for threads that S3 keeps waiting; every line of the log is flushed already.
    os._exit(main())
