"""`opsctl selftest` on a real local platform: the program, the job runner, and rights by the roles' policies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.local_servers import client, trust
from support.platform_record import BUCKET, register_platform
from support.repository import ROOT
from support.rights_world import document

from opsctl.home import Home
from opsctl.local import control

SCHEMA = json.loads((ROOT / "docs/selftest.schema.json").read_text())
#: What Terraform gives to jobs (terraform/modules/iam/job_role.tf).
JOB_POLICY = [
    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"},
    {
        "Effect": "Allow",
        "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
        "Resource": [f"arn:aws:s3:::{BUCKET}/*/derivatives/*", f"arn:aws:s3:::{BUCKET}/opsctl/*"],
    },
]


@dataclass
class LocalPlatform:
    """A server whose jobs run the job runner, and a home that knows it."""

    home: Path
    server: control.LocalServer

    def __post_init__(self) -> None:
        self.s3, self.iam = client(self.server, "s3"), client(self.server, "iam")
        self.batch = client(self.server, "batch")
        self.s3.create_bucket(Bucket=BUCKET)
        platform = register_platform(self.home, self.server, endpoint_url=self.server.endpoint_url)
        self.iam.create_role(RoleName="job", AssumeRolePolicyDocument=trust("ecs-tasks"))
        self.give("job", JOB_POLICY)
        models = {}
        for model, resources in platform.models.items():
            (definition,) = self.batch.describe_job_definitions(jobDefinitions=[resources.job_definition])[
                "jobDefinitions"
            ]
            properties = {
                **definition["containerProperties"],
                "jobRoleArn": self.iam.get_role(RoleName="job")["Role"]["Arn"],
            }
            registered = self.batch.register_job_definition(
                jobDefinitionName=definition["jobDefinitionName"], type="container", containerProperties=properties
            )
            models[model] = replace(resources, job_definition=registered["jobDefinitionArn"])
        repository = "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-local"
        Home(self.home).keep(replace(platform, models=models, repository_url=repository))

    def give(self, role: str, statements: Sequence[Mapping[str, Any]], *, name: str = "data") -> None:
        """Give a role a policy."""
        self.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document(statements))

    def selftest(self, *words: str) -> tuple[int, str, str]:
        """Type `opsctl selftest --json`."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OPSCTL_"))}
        done = subprocess.run(
            [sys.executable, "-m", "opsctl", "selftest", "--json", *words],
            env={**environment, "OPSCTL_HOME": str(self.home), "OPSCTL_CONFIG": os.devnull, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def left(self) -> list[str]:
        """All versions and delete markers in the bucket."""
        reply = self.s3.list_object_versions(Bucket=BUCKET)
        return [entry["Key"] for name in ("Versions", "DeleteMarkers") for entry in reply.get(name, ())]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    home = tmp_path_factory.mktemp("selftest")
    server = control.start(home, slots=2)
    try:
        yield LocalPlatform(home, server)
    finally:
        control.stop(home)


def verdicts(document: Mapping[str, Any], model: str) -> dict[str, str]:
    (found,) = [entry for entry in document["models"] if entry["model"] == model]
    return {row["check"]: row["verdict"] for row in found["rows"]}


def test_both_models_are_fine_and_nothing_is_left(local: LocalPlatform) -> None:
    code, out, err = local.selftest()
    document = json.loads(out)
    jsonschema.validate(document, SCHEMA)
    assert (code, document["ok"], document["preview"]) == (0, True, True), out + err
    for model in ("csd", "csa"):
        by_check = verdicts(document, model)
        unchecked = {check for check, verdict in by_check.items() if verdict == "not_checked"}
        assert unchecked == {"m2g", "programs", "atlases", "memory", "vcpus", "disk"}
        assert {verdict for check, verdict in by_check.items() if check not in unchecked} == {"fine"}
    assert local.left() == []


@pytest.mark.parametrize(
    ("role", "statement", "failed"),
    [
        ("job", {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}, {"raw_data"}),
        ("r", {"Effect": "Allow", "Action": "ecs:*", "Resource": "*"}, {"instance_ecs"}),
    ],
    ids=["raw data", "another cluster"],
)
def test_a_role_that_was_changed_fails_its_row(
    local: LocalPlatform, role: str, statement: Mapping[str, Any], failed: set[str]
) -> None:
    local.give(role, [statement], name="more")
    try:
        code, out, err = local.selftest("--model", "csd")
    finally:
        local.iam.delete_role_policy(RoleName=role, PolicyName="more")
    document = json.loads(out)
    assert {check for check, verdict in verdicts(document, "csd").items() if verdict == "failed"} == failed
    assert code == 1
    assert f"The self-test failed: {len(failed)} of" in err
    rows = [row for row in document["models"][0]["rows"] if row["verdict"] == "failed"]
    assert all("`opsctl up`" in row["remedy"] for row in rows)
    assert local.left() == []
