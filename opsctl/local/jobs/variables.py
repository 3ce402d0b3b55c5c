"""The environment variables of an attempt: which of a job definition's and a submission's it gets, and Batch's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from opsctl.core.harmless import harmless
from opsctl.core.preview import MEMORY_VARIABLE
from opsctl.local.batch.job import Job, JobAttempt, now_ms

if TYPE_CHECKING:
    from opsctl.local.logs import JobLog

#: The variables that a job definition or a submission may set. A job is a process of the user's: any other variable
#: could load code into it, or lead it elsewhere (LD_PRELOAD, PYTHONPATH, PATH, HTTP_PROXY, AWS_ENDPOINT_URL_S3 …).
_ALLOWED = re.compile(r"OPSCTL_[A-Z0-9_]{1,100}")
#: Names, and characters of each, in the line about refused variables.
_SHOWN_NAMES, _SHOWN_CHARACTERS = 20, 40


def batch_variables(job: Job, attempt: JobAttempt) -> dict[str, str]:
    """Return the variables of the job definition and the submission that are opsctl's, and Batch's own."""
    requested = {name: value for name, value in _defined(job).items() if _ALLOWED.fullmatch(name)}
    queue = job.request.queue
    batch = {
        "AWS_BATCH_JOB_ID": job.job_id,
        "AWS_BATCH_JOB_ATTEMPT": str(attempt.number),
        "AWS_BATCH_JQ_NAME": queue.name,
        "AWS_BATCH_CE_NAME": queue.environments[0].name,
        "OPSCTL_LOG_STREAM": attempt.log_stream or "",
        "PYTHONUNBUFFERED": "1",
    }
    if job.index is not None and job.parent is not None:
        batch["AWS_BATCH_JOB_ARRAY_INDEX"] = str(job.index)
        batch["AWS_BATCH_JOB_ARRAY_SIZE"] = str(len(job.parent.children))
    return {**requested, **batch}


def log_refused_variables(job: Job, environment: Mapping[str, str], log: JobLog | None) -> None:
    """Write to the job's log which of its variables it does not get.

    Parameters
    ----------
    environment
        What it gets. A variable that it has anyway, with this value, is not refused.
    """
    defined = _defined(job)
    names = sorted(name for name, value in defined.items() if environment.get(name) != value)
    if names and log is not None:
        shown = ", ".join(harmless(name).replace("\n", " ")[:_SHOWN_CHARACTERS] for name in names[:_SHOWN_NAMES])
        more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
        log.write([(now_ms(), f"The local platform passes on only variables OPSCTL_…, not: {shown}{more}")])


def _defined(job: Job) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in job.request.container.get("environment") or ()}


def memory_variable(job: Job) -> dict[str, str]:
    """Return the variable that tells the preview the job's memory on AWS; a process has no limit of its own."""
    needs = job.request.container.get("resourceRequirements") or ()
    memory_mib = next((need["value"] for need in needs if need["type"] == "MEMORY"), None)
    return {} if memory_mib is None else {MEMORY_VARIABLE: memory_mib}
