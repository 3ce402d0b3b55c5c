"""A server with roles and buckets, and clients that have the credentials of a running job."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.utils import InstanceMetadataFetcher

from support.local_servers import Platform, client, trust, waiting_for
from support.waiting import until

ACCOUNT = "123456789012"
BUCKET = "data"
OTHER_BUCKET = "another"
#: What Terraform gives to jobs (terraform/modules/iam/job_role.tf), for the bucket of these tests.
JOB_POLICY = [
    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"},
    {
        "Effect": "Allow",
        "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
        "Resource": [f"arn:aws:s3:::{BUCKET}/*/derivatives/*", f"arn:aws:s3:::{BUCKET}/opsctl/*"],
    },
]


def document(statements: Sequence[Mapping[str, Any]]) -> str:
    """A policy of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class JobKeys:
    """The environment of a running job, and clients with its credentials."""

    def __init__(self, variables: Mapping[str, str], job_id: str, gate: Path) -> None:
        self.variables = variables
        self.job_id = job_id
        self._gate = gate

    def client(self, service: str, *, signature_version: str | None = None, **credentials: str) -> Any:
        """A client with the job's credentials, or others."""
        return boto3.client(
            service,
            endpoint_url=self.variables["AWS_ENDPOINT_URL"],
            region_name=self.variables["AWS_REGION"],
            config=Config(
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
                signature_version=signature_version,
            ),
            **credentials
            or {
                "aws_access_key_id": self.variables["AWS_ACCESS_KEY_ID"],
                "aws_secret_access_key": self.variables["AWS_SECRET_ACCESS_KEY"],
                "aws_session_token": self.variables["AWS_SESSION_TOKEN"],
            },
        )

    def instance_client(self, service: str) -> Any:
        """A client with the credentials of the job's instance, from its metadata."""
        endpoint = {"ec2_metadata_service_endpoint": self.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"]}
        found = InstanceMetadataFetcher(config=endpoint, env={}).retrieve_iam_role_credentials()
        return self.client(
            service,
            aws_access_key_id=found["access_key"],
            aws_secret_access_key=found["secret_key"],
            aws_session_token=found["token"],
        )

    def end(self) -> None:
        """Let the job end."""
        self._gate.touch()


class RightsWorld:
    """A platform with a role for jobs, two buckets, and one object in each."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.platform = platform
        self.s3, self.iam = client(platform.server, "s3"), client(platform.server, "iam")
        self._folder = folder
        for bucket in (BUCKET, OTHER_BUCKET):
            self.s3.create_bucket(Bucket=bucket)
            self.s3.put_object(Bucket=bucket, Key="HNU1/scan.nii.gz", Body=b"scan")
        self.job_role = self.role("job", JOB_POLICY)

    def role(
        self, name: str, statements: Sequence[Mapping[str, Any]], *, trusts: str = "ecs-tasks", **more: Any
    ) -> str:
        """Create a role with one inline policy."""
        document_of_trust = trust(trusts)
        arn: str = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document_of_trust, **more)["Role"][
            "Arn"
        ]
        self.iam.put_role_policy(RoleName=name, PolicyName="data", PolicyDocument=document(statements))
        return arn

    def run(self, role: str | None, script: str) -> str:
        """Submit a script with a job role; returns the job's id."""
        definition = self.platform.define(script, role=role)
        submitted = self.platform.batch.submit_job(jobName="job", jobQueue="q", jobDefinition=definition)
        return str(submitted["jobId"])

    def start(self, role: str | None) -> JobKeys:
        """Start a job that runs until it is ended; returns its keys."""
        name = os.urandom(4).hex()
        told, gate = self._folder / f"{name}.env", self._folder / f"{name}.gate"
        job_id = self.run(role, f"env -0 > {told}.part && mv {told}.part {told}; {waiting_for(gate)}")
        until(lambda: told.exists() or self.platform.job(job_id)["status"] == "FAILED")
        entries = told.read_text().split("\0")
        return JobKeys(dict(entry.split("=", 1) for entry in entries if entry), job_id, gate)
