"""Real servers in their own folders, with /bin/sh in place of the job runner."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from opsctl.core.errors import Problem
from opsctl.core.platform.platform_name import LOCAL_REGION
from opsctl.local import control
from support import faulty_server
from support.repository import ROOT
from support.waiting import until

SHELL = ("/bin/sh", "-c")
GROUP = "/opsctl/test"
#: What the job role of Terraform may do (terraform/modules/iam/job_role.tf), in every bucket and folder.
JOB_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
            "Resource": "arn:aws:s3:::*",
        }
    ],
}


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not, once the last of its threads has ended and given its files back."""
    process = Path(f"/proc/{pid}")
    try:
        is_zombie = (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        return not is_zombie or len(list((process / "task").iterdir())) > 1
    except OSError:
        return False


def client(server: control.LocalServer, service: str) -> Any:
    """A client without retries, so that no error of the server is hidden."""
    return boto3.client(
        service,
        endpoint_url=server.endpoint_url,
        region_name=LOCAL_REGION,
        aws_access_key_id=server.credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=server.credentials["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=40, s3={"addressing_style": "path"}),
    )


def kill(server: control.LocalServer) -> None:
    """Kill the server with SIGKILL, and wait until it has ended."""
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not alive(server.pid))


def trust(*services: str) -> str:
    """A trust policy for services of AWS's."""
    principals = [f"{service}.amazonaws.com" for service in services]
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": principals}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Homes:
    """Creates OPSCTL_HOMEs, and ends every server in them."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def new(self) -> Path:
        """Create a folder."""
        return Path(tempfile.mkdtemp(dir=self._root))

    def start(
        self, home: Path | None = None, *, faults: dict[str, Any] | None = None, **options: Any
    ) -> tuple[Path, control.LocalServer]:
        """Start a server whose jobs are shell scripts, two at once, with a plan of faults if one is given."""
        home = home or self.new()
        options = {"slots": 2, "entrypoint": SHELL, "stop_grace_seconds": 1.0, **options}
        if faults is not None:
            return home, faulty_server.start(home, faults=faults, **options)
        return home, control.start(home, **options)

    def close(self) -> None:
        """Stop the servers that still run, by SIGKILL if a test has broken them."""
        for home in self._root.iterdir():
            running = control.find(home)
            try:
                control.stop(home, timeout_seconds=20)
            except Problem:
                if running is not None:
                    kill(running)
        shutil.rmtree(self._root)


class Platform:
    """A server with a compute environment, queues and a log group, as Terraform would create them."""

    def __init__(self, home: Path, server: control.LocalServer) -> None:
        self.home, self.server = home, server
        self.batch, self.logs = client(server, "batch"), client(server, "logs")
        iam, ec2 = client(server, "iam"), client(server, "ec2")
        role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust("batch", "ec2"))["Role"]["Arn"]
        iam.create_instance_profile(InstanceProfileName="p")
        iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
        resources = {
            "type": "EC2",
            "minvCpus": 0,
            "maxvCpus": 4,
            "instanceTypes": ["r5.large"],
            "instanceRole": "p",
            "subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
            "securityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
        }
        self.environment = self.batch.create_compute_environment(
            computeEnvironmentName="env", type="MANAGED", state="ENABLED", computeResources=resources, serviceRole=role
        )["computeEnvironmentArn"]
        self.job_role = iam.create_role(RoleName="jobs", AssumeRolePolicyDocument=trust("ecs-tasks"))["Role"]["Arn"]
        iam.put_role_policy(RoleName="jobs", PolicyName="data", PolicyDocument=json.dumps(JOB_POLICY))
        self.logs.create_log_group(logGroupName=GROUP)
        self.queue("q", priority=1)
        self._number = 0

    def queue(self, name: str, *, priority: int) -> None:
        """Create a queue."""
        self.batch.create_job_queue(
            jobQueueName=name,
            state="ENABLED",
            priority=priority,
            computeEnvironmentOrder=[{"order": 1, "computeEnvironment": self.environment}],
        )

    def define(self, script: str = "true", *, group: str = GROUP, role: str | None = "", **more: Any) -> str:
        """Register a job definition that runs a script with a job role: "" is this platform's, None is none."""
        role = self.job_role if role == "" else role
        self._number += 1
        return self.batch.register_job_definition(
            jobDefinitionName=f"d{self._number}",
            type="container",
            containerProperties={
                **({"jobRoleArn": role} if role else {}),
                "image": "image",
                "command": [script],
                "resourceRequirements": [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "1000"}],
                "environment": [{"name": "OPSCTL_GREETING", "value": "defined"}],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {"awslogs-group": group, "awslogs-stream-prefix": "csa"},
                },
            },
            **more,
        )["jobDefinitionArn"]

    def submit(self, script: str, *, size: int | None = None, queue: str = "q", **more: Any) -> str:
        """Submit a script, as an array if it has a size; returns the job's id."""
        definition = self.define(
            script, **{name: more.pop(name) for name in ("retryStrategy", "group") if name in more}
        )
        array = {"arrayProperties": {"size": size}} if size else {}
        return self.batch.submit_job(jobName="job", jobQueue=queue, jobDefinition=definition, **array, **more)["jobId"]

    def job(self, job_id: str) -> dict[str, Any]:
        """Describe one job."""
        (job,) = self.batch.describe_jobs(jobs=[job_id])["jobs"]
        return job

    def wait(self, job_id: str, *statuses: str, seconds: float = 30.0) -> dict[str, Any]:
        """Wait until the job is in one of the states (SUCCEEDED or FAILED by default)."""
        expected = statuses or ("SUCCEEDED", "FAILED")
        return until(lambda: (job := self.job(job_id))["status"] in expected and job, seconds=seconds)

    def lines(self, job_id: str) -> list[str]:
        """A job's log lines so far."""
        stream = self.job(job_id)["container"].get("logStreamName")
        if stream is None:
            return []
        events = self.logs.filter_log_events(logGroupName=GROUP, logStreamNames=[stream])["events"]
        return [event["message"] for event in events]


class Bucket:
    """A bucket on a server of its own that can be restarted."""

    def __init__(self, homes: Homes) -> None:
        self._homes = homes
        self.home, self.server = homes.start()
        self.s3 = client(self.server, "s3")
        self.name = "data"
        self.s3.create_bucket(Bucket=self.name)

    def put(self, key: str, body: bytes = b"x", **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.s3.put_object(Bucket=self.name, Key=key, Body=body, **more)
        return answer

    def head(self, key: str, **more: Any) -> dict[str, Any]:
        answer = self.s3.head_object(Bucket=self.name, Key=key, ChecksumMode="ENABLED", **more)
        return {name: fact for name, fact in answer.items() if name != "ResponseMetadata"}

    def body(self, key: str, **more: Any) -> bytes:
        read: bytes = self.s3.get_object(Bucket=self.name, Key=key, **more)["Body"].read()
        return read

    def keys(self, **more: Any) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, **more)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def restart(self, *, hard: bool = False) -> None:
        if hard:
            kill(self.server)
        else:
            control.stop(self.server)
        _, self.server = self._homes.start(self.home)
        self.s3 = client(self.server, "s3")

    def blobs(self) -> list[Path]:
        return list((self.home / "local" / "objects" / "blobs").glob("??/*"))

    def empty(self) -> None:
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name):
            if names := [{"Key": entry["Key"]} for entry in page.get("Contents", [])]:
                self.s3.delete_objects(Bucket=self.name, Delete={"Objects": names})


def retry_strategy() -> dict[str, Any]:
    """The job definition's retry strategy, read from its Terraform source and the default of `attempts`."""
    text = (ROOT / "terraform/modules/batch/job_definition.tf").read_text()
    names = {"action": "action", "on_status_reason": "onStatusReason", "on_reason": "onReason"}
    names["on_exit_code"] = "onExitCode"
    blocks = re.findall(r"evaluate_on_exit \{(.*?)\}", text, re.DOTALL)
    rules = [{names[name]: value for name, value in re.findall(r'(\w+)\s*=\s*"(.*?)"', block)} for block in blocks]
    variables = (ROOT / "terraform/platform/variables.tf").read_text()
    (attempts,) = re.findall(r'variable "attempts" \{.*?default\s*=\s*(\d+)', variables, re.DOTALL)
    return {"attempts": int(attempts), "evaluateOnExit": rules}


def waiting_for(path: Path) -> str:
    """A shell command that waits until a path exists."""
    return f"while [ ! -e '{path}' ]; do sleep 0.02; done"


def record(home: Path) -> dict[str, Any]:
    """Read server.json."""
    facts: dict[str, Any] = json.loads(control.Files(home).record.read_text())
    return facts
