"""The AWS that a self-test's job meets, as it must be; a test breaks one thing of it at a time.

An S3 that refuses what the job role may not do, STS, ECS, ECR and the instance's metadata service.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from m2g_job import selftest
from m2g_job.base_check import AFNI, FSL, STANDARD_BRAIN
from m2g_job.log import Log
from m2g_job.selftest_image import Image
from m2g_job.selftest_machine import Machine
from m2g_job.stop import StopRequest

from opsctl.core.selftest.result import SelftestResult
from support.job_s3 import LocalS3
from support.job_s3 import Request as S3Request
from support.scripted_http import Reply, Request, ScriptedServer
from support.unwatched_stop import UnwatchedStop

BUCKET, OTHER_BUCKET = "data", "lab-states"
SELFTEST_ID = "selftest-20261128-120000-ab12"
PREFIX = f"opsctl/selftest/{SELFTEST_ID}/csd"
RAW_KEY = f"opsctl-selftest-raw/{SELFTEST_ID}/sub-selftest/dwi/sub-selftest_dwi.txt"
ROLE = "arn:aws:iam::123456789012:role/lab/opsctl-m2g-job"
ATLAS = "Desikan_space-MNI152NLin6_res-2x2x2.nii.gz"
INSTANCE_KEY = "ASIAINSTANCE"
GIB = 1024**3
#: The whole table of a job on AWS.
CHECKS = (
    *("role", "s3_list", "s3_read", "s3_write", "s3_conditional_write", "raw_data", "other_buckets", "s3_acl"),
    *("s3_delete", "instance_ecs", "instance_s3", "instance_ecr", "m2g", "programs", "atlases", "memory", "vcpus"),
    *("disk", "clock"),
)


@dataclass
class SelftestWorld:
    """A platform on which every check is fine.

    Attributes
    ----------
    permitted
        What AWS permits although it must not: the ids of checks, and `foreign` for the other bucket.
    caller
        The ARN that STS answers.
    variables
        The job's environment variables.
    """

    s3: LocalS3
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    permitted: set[str] = field(default_factory=set)
    caller: str = "arn:aws:sts::123456789012:assumed-role/opsctl-m2g-job/job-a"
    memory_limit_mib: int = 15200
    disk_total_gib: float = 99.8
    disk_free_gib: float = 80
    processors: int = 2
    clock_offset_seconds: float = 0.0
    can_clone: bool = False
    has_metadata: bool = True
    variables: dict[str, str] = field(default_factory=dict)

    def start(self, aws: ScriptedServer) -> None:
        """Fill the bucket and the image."""
        for name, value in self.s3.credentials.items():
            if name != "AWS_ENDPOINT_URL":
                self.monkeypatch.setenv(name, value)
        for bucket in (BUCKET, OTHER_BUCKET):
            self.s3.client.create_bucket(Bucket=bucket)
        document = {"schema_version": 1, "selftest_id": SELFTEST_ID, "atlases": [ATLAS]}
        self.s3.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/input.json", Body=json.dumps(document).encode())
        self.s3.rules.append(self._refusal)
        self.bin = self.folder / "bin"
        for name in ("m2g", "which", "afni", *FSL, *AFNI):
            self.program(name)
        for path in (self.folder / "fsl" / STANDARD_BRAIN, self.labels / ATLAS):
            path.parent.mkdir(parents=True)
            path.touch()
        self.variables = {
            **{name: value for name, value in self.s3.credentials.items() if name != "AWS_ENDPOINT_URL"},
            "AWS_ENDPOINT_URL_S3": self.s3.url,
            **{f"AWS_ENDPOINT_URL_{service}": aws.url for service in ("STS", "ECS", "ECR")},
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": aws.url,
            "AWS_MAX_ATTEMPTS": "2",
            "AWS_BATCH_JOB_ID": "job-a",
            "AWS_BATCH_JOB_ATTEMPT": "1",
            "PATH": str(self.bin),
            "FSLDIR": str(self.folder / "fsl"),
            "HOME": str(self.folder),
            "OPSCTL_SELFTEST_URI": f"s3://{BUCKET}/{PREFIX}",
            "OPSCTL_SELFTEST_ROLE": ROLE,
            "OPSCTL_SELFTEST_RAW_URI": f"s3://{BUCKET}/{RAW_KEY}",
            "OPSCTL_SELFTEST_OTHER_BUCKET": OTHER_BUCKET,
            "OPSCTL_SELFTEST_REPOSITORY": "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g",
            "OPSCTL_SELFTEST_IMAGE": "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g@sha256:" + "ab" * 32,
            "OPSCTL_SELFTEST_MEMORY_MIB": "15200",
            "OPSCTL_SELFTEST_VCPUS": "2",
            "OPSCTL_SELFTEST_DISK_GIB": "100",
        }

    @property
    def labels(self) -> Path:
        return self.folder / "m2g_atlases" / "atlases" / "label" / "Human"

    def program(self, name: str, text: str = "#!/bin/sh\nexit 0\n") -> None:
        """Put a program into the image."""
        self.bin.mkdir(exist_ok=True)
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def run(self, stop: StopRequest | None = None) -> tuple[int, str]:
        """Run the job in this process; return its exit code and its log."""
        for name, value in self.variables.items():
            if name.startswith("AWS_"):
                self.monkeypatch.setenv(name, value)
        usage = SimpleNamespace(total=self.disk_total_gib * GIB, free=self.disk_free_gib * GIB)
        machine = partial(
            Machine,
            memory_limit_mib=lambda: self.memory_limit_mib,
            disk_usage=lambda _: usage,
            processors=lambda: self.processors,
        )
        if self.clock_offset_seconds:
            import time

            machine = partial(machine, now=lambda: time.time() + self.clock_offset_seconds)
        self.monkeypatch.setattr(selftest, "Machine", machine)
        image = partial(Image, atlases=str(self.folder / "m2g_atlases"), can_clone=lambda _: self.can_clone)
        self.monkeypatch.setattr(selftest, "Image", image)
        stream = io.BytesIO()
        code = selftest.run(self.variables, log=Log(stream), stop=stop or UnwatchedStop())
        return code, stream.getvalue().decode()

    def result(self) -> dict[str, Any]:
        """The self-test's result, which opsctl must be able to read, whatever the job saw."""
        body = self.s3.client.get_object(Bucket=BUCKET, Key=f"{PREFIX}/result.json")["Body"].read()
        SelftestResult.decode(body, f"s3://{BUCKET}/{PREFIX}/result.json")
        result: dict[str, Any] = json.loads(body)
        return result

    def rows(self) -> dict[str, tuple[str, str]]:
        """Verdict and detail of each check of the result."""
        return {row["check"]: (row["verdict"], row["detail"]) for row in self.result()["rows"]}

    def refuse(self, check: Any, status: int = 403, code: str = "AccessDenied") -> None:
        """Let S3 refuse requests, before what the platform's own policies say."""
        self.s3.rules.insert(0, lambda request: (status, code) if check(request) and request.headers else None)

    def _refusal(self, request: S3Request) -> tuple[int, str] | None:
        """What S3 refuses to the job's role, and to the instance's."""
        authorization = request.headers.get("authorization", "")
        if not authorization or "opsctl-" not in request.headers.get("user-agent", ""):
            return None  # the test's own client
        if INSTANCE_KEY in authorization:
            return None if "instance_s3" in self.permitted else (403, "AccessDenied")
        bucket = request.path.split("/")[1]
        check = ""
        if request.path == "/":
            check = "other_buckets"
        elif bucket == OTHER_BUCKET:
            check = "foreign"
        elif request.method == "DELETE":
            check = "s3_delete"
        elif request.method == "PUT" and request.query.startswith("acl"):
            check = "s3_acl"
        elif request.method == "PUT" and not request.key.startswith("opsctl/"):
            check = "raw_data"
        return (403, "AccessDenied") if check and check not in self.permitted else None

    def reply(self, request: Request) -> Reply | None:
        """STS, ECS, ECR and the metadata service."""
        target = request.headers.get("X-Amz-Target", "")
        if request.path.startswith("/latest/"):
            return self._metadata(request) if self.has_metadata else None
        if b"GetCallerIdentity" in request.body:
            return _xml(
                f"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{self.caller}</Arn>"
                "<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
            )
        if INSTANCE_KEY not in request.headers.get("Authorization", ""):
            return Reply(status=500)
        if target.endswith("DeregisterContainerInstance"):
            refused = "ClusterNotFoundException" if "instance_ecs" in self.permitted else "AccessDeniedException"
            return _json({"__type": refused, "message": "as told"}, status=400)
        if target.endswith("InitiateLayerUpload"):
            if "instance_ecr" in self.permitted:
                return _json({"uploadId": "u", "partSize": 10})
            return _json({"__type": "AccessDeniedException", "message": "as told"}, status=400)
        return Reply(status=500)

    def _metadata(self, request: Request) -> Reply:
        if request.method == "PUT":
            return Reply(body=b"a-token") if "X-aws-ec2-metadata-token-ttl-seconds" in request.headers else Reply(400)
        if request.headers.get("X-aws-ec2-metadata-token") != "a-token":
            return Reply(status=401)
        roles = "/latest/meta-data/iam/security-credentials/"
        if request.path == roles:
            return Reply(body=b"opsctl-m2g-instance")
        if request.path == f"{roles}opsctl-m2g-instance":
            return _json({"AccessKeyId": INSTANCE_KEY, "SecretAccessKey": "secret", "Token": "token"})
        return Reply(status=404)


def _json(value: dict[str, Any], *, status: int = 200) -> Reply:
    return Reply(status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(value).encode())


def _xml(text: str) -> Reply:
    return Reply(200, {"Content-Type": "text/xml"}, text.encode())
