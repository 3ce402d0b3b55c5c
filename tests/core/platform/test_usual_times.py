"""How long a slow resource usually takes."""

from __future__ import annotations

import pytest

from opsctl.core.platform.usual_times import usual_time


@pytest.mark.parametrize(
    ("address", "action", "expected"),
    [
        ('module.batch.aws_batch_job_queue.model["csd"]', "create", "30 s"),
        ('module.batch.aws_batch_job_queue.model["csd"]', "delete", "1 min"),
        ("module.vpc[0].aws_vpc.main", "create", "10 s"),
        ('module.vpc[0].aws_subnet.public["us-east-1a"]', "create", "10 s"),
        ("aws_s3_bucket_lifecycle_configuration.data[0]", "create", "1 min"),
        ("module.vpc[0].aws_vpc.main", "delete", ""),
        ("aws_ssm_parameter.record", "create", ""),
        ("job queue opsctl-local-csd", "delete", ""),
        ("module.vpc[0].aws_vpc.main", "update", ""),
    ],
)
def test_only_what_takes_long_has_a_usual_time(address: str, action: str, expected: str) -> None:
    assert usual_time(address, action) == expected
