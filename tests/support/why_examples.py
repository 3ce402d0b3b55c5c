"""A platform without a fault, a scan that waits on it, and its run."""

from __future__ import annotations

import dataclasses
from typing import Any

from opsctl.core.diagnosis.finding import Wait
from opsctl.core.diagnosis.queue_snapshot import (
    ComputeEnvironment,
    Image,
    InstanceType,
    Queue,
    QueuedJob,
    QueueSnapshot,
    Quota,
    SecurityGroup,
)
from opsctl.core.platform.subnet import Subnet
from opsctl.core.runs.manifest import Run

QUEUE = Queue(name="opsctl-m2g-csd", state="ENABLED", status="VALID")
ENVIRONMENT = ComputeEnvironment(name="env", state="ENABLED", status="VALID", max_vcpus=512, desired_vcpus=0)
HEALTHY = QueueSnapshot(
    vcpus=2,
    memory_mib=15200,
    is_spot=False,
    is_local=False,
    queue=QUEUE,
    environments=(ENVIRONMENT,),
    line=(QueuedJob(job_id="mine", created_at_ms=5, waiting=3, running=0),),
    quota=Quota("L-1216C47A", 640),
    vcpus_in_use=10,
    subnets=(Subnet("subnet-1", True, "igw-1"),),
    security_groups=(SecurityGroup("sg-1", True),),
    image=Image("repo:1", True),
    instance_type=InstanceType("r5.large", 2, 16384),
    has_log_group=True,
)
WAIT = Wait(status="RUNNABLE", seconds=120, job_id="mine")


def run(**changes: Any) -> Run:
    base = Run(
        run_id="HNU1-20261122-120000-ab12",
        dataset="s3://data/HNU1",
        output="s3://data/HNU1/derivatives/m2g-csd-native",
        m2g={},
        model="csd",
        image="repo:0.1.0",
        platform="m2g",
        region="us-east-1",
        scans=("sub-01",),
        created_at="2026-11-22T12:00:00Z",
        created_by="ada",
        command_line=("opsctl", "run", "HNU1"),
        opsctl_version="0.1.0",
        keys=("k",),
        sizes=(1,),
        resources="csd",
        attempt_timeout_seconds=21_600,
    )
    return dataclasses.replace(base, **changes)
