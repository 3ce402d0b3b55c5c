"""A job that begins as the job runner does and then runs until it is killed: `python begun_job.py`."""

from __future__ import annotations

import os
import signal
import sys

from m2g_job import environment
from m2g_job.attempt import AttemptRecord
from m2g_job.log import Log
from m2g_job.s3 import S3, make_client

if __name__ == "__main__":
    job = environment.read(os.environ)
    AttemptRecord(S3(make_client()), job, Log(), log_stream=environment.log_stream(os.environ)).write_start()
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    signal.pause()
