"""`up`'s look at what is there already."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from opsctl.aws.batch.batch import ActiveJob
from opsctl.cli.platform.orphan_cleanup import OrphanCleanup
from opsctl.core.errors import Problem
from opsctl.core.platform.inventory import Resource, ResourceKind

SERVICES = ("batch", "batch_once", "ec2", "iam", "logs", "ssm", "s3", "ecr")


def test_environments_are_not_replaced_under_the_jobs_of_a_colleague(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing of the platform is remembered on this machine: its queues are found by AWS's word.
    queue = Resource(kind=ResourceKind.QUEUE, id="q", name="q", arn="arn:q")
    jobs = {"arn:q": [ActiveJob("id-1", "HNU1-csd", "RUNNING")]}
    monkeypatch.setattr("opsctl.aws.platform.inventory.Inventory.of", lambda self, name: (queue,))
    monkeypatch.setattr("opsctl.aws.batch.batch.Batch.active", lambda self, arn: jobs.get(arn, []))
    unused: Any = SimpleNamespace(screen=None, home=None, name="m2g", monthly_budget=None, **dict.fromkeys(SERVICES))
    wiring = OrphanCleanup(unused, unused, unused)
    with pytest.raises(Problem, match=r"1 scan is still active: HNU1-csd"):
        wiring.refuse_under_jobs()
    jobs.clear()
    wiring.refuse_under_jobs()
