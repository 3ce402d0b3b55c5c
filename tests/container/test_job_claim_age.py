"""How old a claim is: by S3's clock alone, because two instances' clocks may differ."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import pytest
from m2g_job import claim, environment
from m2g_job.faults import HeldByAnotherJob
from m2g_job.log import Log
from m2g_job.result import Results
from m2g_job.s3 import S3, make_client
from support.job_world import BUCKET, RUN, World


def claims(job_id: str, *, clock_is_off_by: timedelta) -> claim.Claims:
    """The claims of a job on an instance whose clock S3's differs from."""
    client = make_client()

    def shift(parsed: dict[str, Any], **_: Any) -> None:
        headers = parsed["ResponseMetadata"]["HTTPHeaders"]
        headers["date"] = format_datetime(parsedate_to_datetime(headers["date"]) + clock_is_off_by)
        for entry in parsed.get("Contents", []):
            entry["LastModified"] += clock_is_off_by

    client.meta.events.register_last("after-call.s3.ListObjectsV2", shift)
    s3, log = S3(client), Log()
    job = environment.read({"OPSCTL_RUN_URI": f"s3://{BUCKET}/{RUN}", "AWS_BATCH_JOB_ID": job_id})
    return claim.Claims(s3, job, log, results=Results(s3, job, log), sleep=lambda _: None)


@pytest.mark.parametrize("clock_is_off_by", [timedelta(days=-1), timedelta(days=1)])
def test_a_wrong_clock_takes_no_claim_over(world: World, clock_is_off_by: timedelta) -> None:
    with claims("job-a", clock_is_off_by=timedelta(0)).take() as held:
        with pytest.raises(HeldByAnotherJob, match="job job-a"):
            claims("job-b", clock_is_off_by=clock_is_off_by).take(wait=False)
        held.check()
