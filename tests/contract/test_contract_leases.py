"""A claim and a lease protect a place by times of two sides: the holder stops before another may take over."""

from __future__ import annotations

from typing import Any

import pytest
from m2g_job import claim
from m2g_job.s3 import make_client

from opsctl.aws.clients import Clients
from opsctl.commands.runs import submission_lease


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def longest_attempt_seconds(client: Any) -> float:
    """How long one attempt at a request may take until the SDK gives it up."""
    return float(client.meta.config.connect_timeout + client.meta.config.read_timeout)


def test_a_job_stops_writing_before_another_job_may_take_its_claim_over() -> None:
    # The lease is checked before each attempt at a PUT: the last one begins just before the lease ends.
    attempt_seconds = longest_attempt_seconds(make_client())
    assert claim.LEASE_SECONDS + attempt_seconds < claim.STALE_AFTER.total_seconds()
    assert claim.RENEW_SECONDS + attempt_seconds < claim.LEASE_SECONDS


def test_run_stops_submitting_before_another_run_may_take_its_lease_over() -> None:
    # A lease may be taken over when it is older than LEASE_SECONDS, not when it is as old.
    attempt_seconds = longest_attempt_seconds(Clients(endpoint_url="http://127.0.0.1:1").batch_once)
    assert submission_lease._TRUSTED_SECONDS + attempt_seconds <= submission_lease.LEASE_SECONDS
    assert submission_lease._RENEW_SECONDS < submission_lease._TRUSTED_SECONDS
