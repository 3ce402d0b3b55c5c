"""`status`: the results' word joined with Batch's."""

from __future__ import annotations

from opsctl.aws.batch import Batch
from opsctl.commands.records import Records
from opsctl.core.status import RunStatus, join


def status(run_id: str | None, *, records: Records, batch: Batch) -> RunStatus:
    """Where a run stands; None: the latest run.

    Batch is asked before the results are read: a job that ends in between has then written its result.
    """
    run = records.run(run_id)
    jobs = batch.jobs(records.submissions(run.run_id))
    return join(run, results=records.results(run.run_id), jobs=jobs)
