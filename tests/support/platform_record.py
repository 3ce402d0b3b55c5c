"""The record of a local platform that a test created without Terraform, so that opsctl itself can use it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from opsctl import __version__
from opsctl.core.platform.platform import ModelResources, Platform
from opsctl.core.platform.platform_name import LOCAL_NAME, LOCAL_REGION
from opsctl.local import control
from support.local_servers import GROUP
from support.local_servers import Platform as Parts

BUCKET = "opsctl-data"


def register_platform(
    home: Path, server: control.LocalServer, *, endpoint_url: str, spot: bool = False, **definition: Any
) -> Platform:
    """Create the queue and a job definition a model, and describe them as `opsctl up` does.

    Parameters
    ----------
    endpoint_url
        Where opsctl is to find the platform: the server, or a proxy before it.
    definition
        Further settings of the job definitions, such as `retryStrategy`.
    """
    parts = Parts(home, server)
    queue = parts.batch.describe_job_queues(jobQueues=["q"])["jobQueues"][0]["jobQueueArn"]
    models = {}
    for model in ("csd", "csa"):
        properties: dict[str, Any] = {
            "image": "opsctl-preview",
            "jobRoleArn": parts.job_role,
            "resourceRequirements": [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "15200"}],
            "environment": [{"name": "AWS_DEFAULT_REGION", "value": LOCAL_REGION}],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": GROUP, "awslogs-stream-prefix": model},
            },
        }
        registered = parts.batch.register_job_definition(
            jobDefinitionName=f"opsctl-local-{model}", type="container", containerProperties=properties, **definition
        )
        models[model] = ModelResources(
            job_queue=queue,
            compute_environment=parts.environment,
            job_definition=registered["jobDefinitionArn"],
            instance_type="r5.large",
            vcpus=2,
            memory_mib=15_200,
            max_vcpus=512,
        )
    return Platform(
        name=LOCAL_NAME,
        region=LOCAL_REGION,
        account_id="123456789012",
        data_bucket=BUCKET,
        repository_url="",
        image="opsctl-preview",
        m2g_image="opsctl-preview",
        log_group=GROUP,
        spot=spot,
        root_volume_gib=100,
        opsctl_version=__version__,
        models=models,
        endpoint_url=endpoint_url,
    )


def write_m2g(folder: Path, *command: str) -> str:
    """Write an executable `m2g` that runs `command`; returns the PATH setting that finds it."""
    folder.mkdir()
    program = folder / "m2g"
    program.write_text(f'#!/bin/sh\nexec {" ".join(map(shlex.quote, command))} "$@"\n')
    program.chmod(0o755)
    return f"PATH={folder}:/usr/bin:/bin"
