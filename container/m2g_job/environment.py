"""The job's environment variables, parsed once."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Mapping

from m2g_job import causes, link_local, record
from m2g_job.faults import WrongInput


@dataclass(frozen=True)
class Environment:
    """One attempt of one job.

    Attributes
    ----------
    run_uri
        `s3://DATA/opsctl/runs/<run_id>`, without a slash at the end.
    offset
        The index of the submission's first scan: it names the submission.
    index
        The scan's index in the run: the array index plus the submission's offset.
    attempt
        From 1.
    job_id
        Batch's id (`…:7` for an array's child; the same for every attempt of a job); "" outside Batch.
    work_dir
        The folder that holds `input` and `output`.
    """

    run_uri: str
    run_id: str
    offset: int
    index: int
    attempt: int
    job_id: str
    work_dir: str

    @property
    def bucket(self) -> str:
        """The platform's data bucket."""
        return self.run_uri[len("s3://") :].split("/", 1)[0]

    @property
    def input_dir(self) -> str:
        """Where m2g reads; `/input` in the image."""
        return os.path.join(self.work_dir, "input")

    @property
    def output_dir(self) -> str:
        """Where m2g writes; `/output` in the image."""
        return os.path.join(self.work_dir, "output")

    def uri(self, folder: str, suffix: str = ".json") -> str:
        """An object of this scan in the run's folder: `scans`, `results`, `claims`, `attempts` or `failures`."""
        return f"{self.run_uri}/{folder}/{self.index:05d}{suffix}"


def _number(variables: Mapping[str, str], name: str, default: str) -> int:
    value = variables.get(name) or default
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise WrongInput(f"{name} is not a whole number: {value}", causes.SCAN_RECORD_INVALID)
    return int(value)


def read(variables: Mapping[str, str]) -> Environment:
    """Parse the job's environment variables.

    Raises
    ------
    WrongInput
        `OPSCTL_RUN_URI` is missing or is not a run's URI, or a number is not a whole number.
    """
    run_uri = variables.get("OPSCTL_RUN_URI", "").rstrip("/")
    match = re.fullmatch(r"s3://[^/]+/opsctl/runs/([^/]+)", run_uri)
    if not match:
        raise WrongInput(
            f"OPSCTL_RUN_URI is not a run's URI (s3://BUCKET/opsctl/runs/RUN_ID): {run_uri!r}",
            causes.SCAN_RECORD_INVALID,
        )
    offset = _number(variables, "OPSCTL_SCAN_OFFSET", "0")
    return Environment(
        run_uri=run_uri,
        run_id=match.group(1),
        offset=offset,
        index=offset + _number(variables, "AWS_BATCH_JOB_ARRAY_INDEX", "0"),
        attempt=_number(variables, "AWS_BATCH_JOB_ATTEMPT", "1"),
        job_id=variables.get("AWS_BATCH_JOB_ID", ""),
        work_dir=os.path.abspath(variables.get("OPSCTL_WORK_DIR") or "/"),
    )


def log_stream(variables: Mapping[str, str]) -> str:
    """The name of this job's CloudWatch stream, or "" where it is not known.

    On AWS the container agent's metadata has it. A result is valid without it, so every failure here gives "".
    """
    if variables.get("OPSCTL_LOG_STREAM"):
        return variables["OPSCTL_LOG_STREAM"]
    metadata_uri = variables.get("ECS_CONTAINER_METADATA_URI_V4")
    if not metadata_uri:
        return ""
    try:
        return str(record.parse(link_local.request(metadata_uri).encode())["LogOptions"]["awslogs-stream"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
