"""What is kept of a failed scan: m2g's log, its QA, and the connectomes that it finished."""

from __future__ import annotations

import os
from typing import Any, Callable

from m2g_job import outputs
from m2g_job.faults import Fault
from m2g_job.log import Log
from m2g_job.outputs import Output
from m2g_job.s3 import S3
from m2g_job.session_folder import SessionFolder


def upload(
    s3: S3, folder: SessionFolder, uri: str, *, attempt: str, log: Log, log_path: str, check: Callable[[], None]
) -> list[dict[str, Any]]:
    """Upload them; what cannot be kept costs a line of the log.

    Parameters
    ----------
    uri
        Of the run's folder for this scan's failures, without a slash at the end.
    attempt
        The name of this attempt's folder in it.
    log_path
        m2g's log; it may be missing.
    check
        Called while connectomes are read and uploaded; a `Fault` that it raises ends this.

    Returns
    -------
    list of dict
        The finished connectomes as the result lists them in `files`.
    """
    kept: list[dict[str, Any]] = []
    try:
        files = folder.outputs()
        logs = outputs.qa(files)
        if os.path.isfile(log_path):
            logs.append(Output(log_path, "m2g.log"))
        outputs.push(s3, logs, f"{uri}/{attempt}", guard=lambda: None)
        log.write(f"{len(logs)} files of logs and QA are at {uri}/{attempt}")
        # An empty file may be one that m2g was about to write.
        complete = [entry for entry in folder.find_connectomes(check=check).complete if entry.size.highest_node]
        keys = {output.path: output.key for output in files}
        pushed = outputs.push(
            s3, [Output(entry.path, f"{attempt}/{keys[entry.path]}") for entry in complete], uri, guard=check
        )
        kept = [{**file, "etag": file["etag"] or "", "graph": entry.graph} for file, entry in zip(pushed, complete)]
        if kept:
            log.write(f"{len(kept)} finished connectomes are at {uri}/{attempt}")
    except (Fault, OSError) as fault:
        log.write(f"the files of the failed scan could not all be kept: {fault}")
    return kept
