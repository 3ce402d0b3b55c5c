"""The platform that tests begin with: its record as `up` writes it."""

from __future__ import annotations

import dataclasses
from typing import Any

from opsctl.core.platform.platform import Platform

RECORD: dict[str, Any] = {
    "schema_version": 1,
    "name": "m2g",
    "region": "us-east-1",
    "account_id": "123456789012",
    "data_bucket": "data",
    "repository_url": "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g",
    "image": "repo:0.1.0",
    "m2g_image": "repo:0.1.0",
    "log_group": "/opsctl/m2g",
    "spot": False,
    "root_volume_gib": 100,
    "opsctl_version": "0.1.0",
    "models": {
        "csd": {
            "job_queue": "arn:queue-csd",
            "compute_environment": "arn:environment-csd",
            "job_definition": "arn:definition-csd:3",
            "instance_type": "r5.large",
            "vcpus": 2,
            "memory_mib": 15200,
            "max_vcpus": 512,
        },
        "csa": {
            "job_queue": "arn:queue-csa",
            "compute_environment": "arn:environment-csa",
            "job_definition": "arn:definition-csa:7",
            "instance_type": "r5.xlarge",
            "vcpus": 4,
            "memory_mib": 30400,
            "max_vcpus": 1024,
        },
    },
}


def platform(**changes: Any) -> Platform:
    """One on AWS; with an `endpoint_url`, one on this machine."""
    return dataclasses.replace(Platform.from_record(RECORD), **changes)
