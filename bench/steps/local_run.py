"""What the local platform adds to the command of each scan: seconds, and processor time of the server and its jobs.

The plain way starts a Python for the job runner of each job, as a container does. Ours has imported it already.
"""

from __future__ import annotations

import gzip
import json
import os
import shlex
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.platform import platform_of
from bench.processor_time import children_seconds, tree_seconds
from bench.row import Row, ratio_row, time_call
from opsctl.assets import container_dir
from opsctl.aws.clients import Clients
from opsctl.core.platform.platform import Platform
from opsctl.core.platform.platform_name import LOCAL_NAME, LOCAL_REGION
from opsctl.home import Home
from opsctl.local import control
from opsctl.local.files import Files

#: The plain way too has fewer requests than the platform of November 2026 had, of whose overhead the goal is half: half
#: of 1.09 s of CPU is 0.7 of the 0.8 s that the plain way takes now.
_BAR = 0.7
#: Scans of ours and of the plain way, which takes longer.
_QUICK, _FULL = (200, 50), (1000, 100)
SLOTS = 2
_BUCKET, _GROUP = "data", "/opsctl/bench"
_VOLUMES = 8
_PUTS = 8

# Computes, and writes the connectome that is asked for: `m2g [OPTIONS] INPUT OUTPUT`, as the job runner calls it.
COMMAND = """
import os, sys
_, source, target, *options = sys.argv
subject, session = (options[options.index(f"--{{name}}_label") + 1] for name in ("participant", "session"))
total = 0
for number in range({steps}):
    total += number * number
atlas = options[options.index("--parcellation") + 1] + "2x2x2"
folder = os.path.join(target, f"sub-{{subject}}", f"ses-{{session}}", "connectomes_d", atlas)
os.makedirs(folder)
with open(os.path.join(folder, f"sub-{{subject}}_ses-{{session}}_dwi_{{atlas}}_connectome.csv"), "w") as file:
    file.write("1 2 3\\n")
"""
STEPS = 3_000_000
#: A command that ends at once: what is measured is everything else.
_SHORT_STEPS = 100_000
_READ_AND_WRITE = ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]


@dataclass(frozen=True)
class _Overhead:
    """What passes beside the command, a scan; `processor` is None where the system does not tell it (no /proc)."""

    wall: float
    processor: float | None


def measure(*, quick: bool) -> list[Row]:
    """Run short scans over the local platform in both ways, and their commands alone beside each."""
    scans, plain_scans = _QUICK if quick else _FULL
    own_python = ("env", f"PYTHONPATH={container_dir()}", sys.executable, "-m", "m2g_job")
    ours, plain = _overhead(scans), _overhead(plain_scans, entrypoint=own_python)
    note = (
        f"{scans:,} scans, {SLOTS} at once, from `opsctl run` to the last result, less their commands alone;"
        f" plain: a Python for each job, {plain_scans} scans"
    )
    rows = [ratio_row("overhead of a local scan", ours=[ours.wall], plain=[plain.wall], bar=_BAR, note=note)]
    if ours.processor is not None and plain.processor is not None:
        note = "user and system of the server and its jobs, the commands' own left out"
        name = "CPU of the overhead of a local scan"
        rows.append(ratio_row(name, ours=[ours.processor], plain=[plain.processor], bar=_BAR, note=note))
    return rows


def _overhead(scans: int, *, entrypoint: Sequence[str] | None = None) -> _Overhead:
    """Measure a run of so many scans on a new local platform."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        home = Path(folder) / "home"
        home.mkdir(mode=0o700)
        server = control.start(home, slots=SLOTS, entrypoint=entrypoint)
        try:
            write_command(Files(home).bin / "m2g", steps=str(_SHORT_STEPS))
            clients = Clients(endpoint_url=server.endpoint_url, local_key=server.credentials)
            Home(home).keep(local_platform(clients, server.endpoint_url))
            put_dataset(clients, scans)
            used_before = tree_seconds(server.pid)
            wall = time_call(lambda: _run(home))
            used = tree_seconds(server.pid)
            commands_before = children_seconds()
            alone = _alone_seconds(Path(folder), scans)
            commands = children_seconds() - commands_before
        finally:
            control.stop(home)
    processor = None if used is None or used_before is None else (used - used_before - commands) / scans
    return _Overhead((wall - alone) / scans, processor)


def _run(home: Path) -> None:
    """Run all scans of the dataset."""
    run_opsctl(home, "run", "HNU1", "--parcellation", "Desikan_", "--yes")
    run_opsctl(home, "status", "--wait")


def run_opsctl(home: Path, *arguments: str) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OPSCTL_"))}
    missing = str(home / "nothing")
    own = {"OPSCTL_HOME": str(home), "AWS_CONFIG_FILE": missing, "AWS_SHARED_CREDENTIALS_FILE": missing}
    done = subprocess.run(
        [sys.executable, "-m", "opsctl", *arguments],
        env={**inherited, **own},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"opsctl {shlex.join(arguments)} ended with {done.returncode}: {done.stderr}")


def _alone_seconds(folder: Path, scans: int) -> float:
    """Seconds of the commands of all scans without a platform, as many at once as it has slots."""
    program = folder / "home" / "local" / "bin" / "m2g"
    arguments = "--participant_label {} --session_label 1 --parcellation Desikan_"
    with tempfile.TemporaryDirectory(dir=folder) as target:
        line = f"exec {shlex.quote(str(program))} in {shlex.quote(target)} {arguments}"
        numbers = "\n".join(f"{number:04d}" for number in range(scans))
        call = ["xargs", "-P", str(SLOTS), "-I", "{}", "sh", "-c", line]
        return time_call(lambda: subprocess.run(call, input=numbers, text=True, check=True))


def write_command(program: Path, *, steps: str = str(STEPS)) -> None:
    """Replace the preview.

    Parameters
    ----------
    steps
        How many steps a scan computes: an expression of Python, which may use `subject`.
    """
    script = program.with_name("command.py")
    script.write_text(COMMAND.format(steps=steps))
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -S {shlex.quote(str(script))} "$@"\n')
    program.chmod(stat.S_IRWXU)


def put_dataset(clients: Clients, scans: int) -> None:
    image, t1w = _image((2, 2, 2, _VOLUMES)), _image((2, 2, 2))
    bval = ("0 " + "1000 " * (_VOLUMES - 1)).encode()
    rows = [[0.0] + [float(n % 3 == axis) for n in range(_VOLUMES - 1)] for axis in range(3)]
    bvec = "\n".join(" ".join(map(str, row)) for row in rows).encode()
    clients.s3.create_bucket(Bucket=_BUCKET)
    put = clients.s3.put_object
    put(Bucket=_BUCKET, Key="HNU1/dataset_description.json", Body=b'{"Name": "HNU1", "BIDSVersion": "1.9.0"}')
    files = {"anat/{stem}_T1w.nii.gz": t1w}
    files |= {
        f"dwi/{{stem}}_dwi{ending}": body for ending, body in ((".nii.gz", image), (".bval", bval), (".bvec", bvec))
    }

    def put_scan(number: int) -> None:
        for name, body in files.items():
            key = f"HNU1/sub-{number:04d}/ses-1/{name.format(stem=f'sub-{number:04d}_ses-1')}"
            put(Bucket=_BUCKET, Key=key, Body=body)

    with ThreadPoolExecutor(_PUTS) as pool:
        list(pool.map(put_scan, range(scans)))


def _image(shape: tuple[int, ...]) -> bytes:
    import nibabel
    import numpy as np

    return gzip.compress(nibabel.Nifti1Image(np.ones(shape, dtype=np.int16), np.eye(4)).to_bytes(), mtime=0)


def local_platform(clients: Clients, url: str) -> Platform:
    """Create what Terraform makes for the jobs, and describe it as `up` does."""
    role = clients.iam.create_role(RoleName="r", AssumeRolePolicyDocument=_trust("batch", "ec2"))["Role"]["Arn"]
    clients.iam.create_instance_profile(InstanceProfileName="p")
    clients.iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    job_role = clients.iam.create_role(RoleName="jobs", AssumeRolePolicyDocument=_trust("ecs-tasks"))["Role"]["Arn"]
    clients.iam.put_role_policy(
        RoleName="jobs",
        PolicyName="data",
        PolicyDocument=_policy({"Action": _READ_AND_WRITE, "Resource": "arn:aws:s3:::*"}),
    )
    clients.logs.create_log_group(logGroupName=_GROUP)
    environment = clients.batch.create_compute_environment(
        computeEnvironmentName="env",
        type="MANAGED",
        state="ENABLED",
        serviceRole=role,
        computeResources={
            "type": "EC2",
            "minvCpus": 0,
            "maxvCpus": 4,
            "instanceTypes": ["r5.large"],
            "instanceRole": "p",
            "subnets": [clients.ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
            "securityGroupIds": [clients.ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
        },
    )["computeEnvironmentArn"]
    queue = clients.batch.create_job_queue(
        jobQueueName="q",
        state="ENABLED",
        priority=1,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": environment}],
    )["jobQueueArn"]
    platform = replace(
        platform_of(url, data_bucket=_BUCKET),
        name=LOCAL_NAME,
        region=LOCAL_REGION,
        log_group=_GROUP,
        m2g_image="preview",
    )
    models = {
        model: replace(
            resources,
            job_queue=queue,
            compute_environment=environment,
            job_definition=_definition(clients, model, job_role),
        )
        for model, resources in platform.models.items()
    }
    return replace(platform, models=models)


def _definition(clients: Clients, model: str, role: str) -> str:
    return clients.batch.register_job_definition(
        jobDefinitionName=f"bench-{model}",
        type="container",
        containerProperties={
            "image": "preview",
            "jobRoleArn": role,
            "resourceRequirements": [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "15200"}],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": _GROUP, "awslogs-stream-prefix": model},
            },
        },
    )["jobDefinitionArn"]


def _trust(*services: str) -> str:
    principals = [f"{service}.amazonaws.com" for service in services]
    return _policy({"Action": "sts:AssumeRole", "Principal": {"Service": principals}})


def _policy(statement: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
