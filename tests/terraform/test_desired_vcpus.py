"""Batch moves the number of vCPUs with the load, and Terraform never moves it back: that would end running scans."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from support.local_aws import Aws
from support.real_terraform import Terraform

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

NEEDS_AWS = True

ENVIRONMENT = "-target=module.batch.aws_batch_compute_environment.model"
#: Only the compute environment of the platform, without the network and the roles, whose apply takes minutes.
ROOT = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}

variable "place" { type = map(string) }

variable "max_vcpus" { type = number }

module "batch" {
  source = "../modules/batch"

  prefix                   = "opsctl-m2g"
  log_group_name           = "/opsctl/m2g"
  tags                     = {}
  image                    = "example.org/m2g:1"
  spot                     = false
  spot_fallback            = false
  no_capacity_wait_seconds = 86400
  misfit_wait_seconds      = 1800
  attempts                 = 3
  attempt_timeout_seconds  = 21600
  kms_key_arn              = null
  root_volume_gib          = 100
  key_pair                 = null
  log_retention_days       = 30
  subnet_ids               = [var.place.subnet]
  security_group_id        = var.place.security_group
  service_role_arn         = var.place.role
  instance_profile_arn     = var.place.profile
  job_role_arn             = var.place.role

  models = { csd = { instance_type = "r5.large", vcpus = 2, memory_mib = 15200, max_vcpus = var.max_vcpus } }
}
"""


@dataclass
class BusyBatch:
    """A Batch in front of the server's, whose environments run as many vCPUs as it says, which moto never has.

    Attributes
    ----------
    updates
        The `computeResources` of each UpdateComputeEnvironment.
    """

    endpoint: str
    desired_vcpus: int = 0
    updates: list[dict[str, int]] = field(default_factory=list)

    def reply(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if path.endswith("/updatecomputeenvironment"):
            self.updates.append(json.loads(body).get("computeResources", {}))
        connection = http.client.HTTPConnection(self.endpoint.removeprefix("http://"))
        connection.request("POST", path, body, headers)
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        if path.endswith("/describecomputeenvironments"):
            described = json.loads(data)
            for environment in described["computeEnvironments"]:
                environment["computeResources"]["desiredvCpus"] = self.desired_vcpus
            data = json.dumps(described).encode()
        return reply.status, data


@dataclass(frozen=True)
class Environment:
    """An applied compute environment, and the Batch that runs it."""

    terraform: Terraform
    batch: BusyBatch
    place: str

    def run(self, verb: str, *arguments: str, max_vcpus: int = 512) -> int:
        variables = (f"-var=place={self.place}", f"-var=max_vcpus={max_vcpus}", "-input=false", ENVIRONMENT)
        return self.terraform.run("only", verb, *arguments, *variables, accept=(0, 2)).returncode


@pytest.fixture(scope="module")
def environment(aws: Aws, terraform: Terraform) -> Iterator[Environment]:
    batch = BusyBatch(aws.endpoint)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            # The server takes only requests for its own host and port.
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            status, data = batch.reply(self.path, body, headers)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    iam, ec2 = aws.client("iam"), aws.client("ec2")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    profile = iam.create_instance_profile(InstanceProfileName="p")["InstanceProfile"]["Arn"]
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    place = {
        "role": role,
        "profile": profile,
        "subnet": ec2.describe_subnets()["Subnets"][0]["SubnetId"],
        "security_group": ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"],
    }
    (terraform.tree / "only").mkdir()
    (terraform.tree / "only" / "main.tf").write_text(ROOT)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        settings = {**terraform.settings, "AWS_ENDPOINT_URL_BATCH": f"http://127.0.0.1:{server.server_port}"}
        applied = Environment(Terraform(terraform.tree, settings), batch, json.dumps(place))
        applied.terraform.init("only")
        applied.run("apply", "-auto-approve")
        batch.desired_vcpus = 64
        yield applied
        applied.terraform.providers.close()
        server.shutdown()
        thread.join()


@pytest.fixture(params=["as it is", "with a number"])
def written(environment: Environment, request: pytest.FixtureRequest) -> Iterator[None]:
    """The source as it is, and with a number that somebody wrote: the provider computes it where it is left out."""
    file = environment.terraform.tree / "modules" / "batch" / "compute_environment.tf"
    source = file.read_text()
    if request.param == "with a number":
        changed = source.replace("    min_vcpus = 0\n", "    min_vcpus = 0\n    desired_vcpus = 0\n")
        assert changed != source
        file.write_text(changed)
    yield
    file.write_text(source)


@pytest.mark.usefixtures("written")
def test_a_plan_while_scans_run_shows_no_change(environment: Environment) -> None:
    assert environment.run("plan", "-detailed-exitcode") == 0


@pytest.mark.usefixtures("written")
def test_another_maximum_is_all_that_batch_is_told(environment: Environment) -> None:
    environment.batch.updates.clear()
    environment.run("apply", "-auto-approve", max_vcpus=600)
    assert environment.batch.updates == [{"maxvCpus": 600}]
    environment.run("apply", "-auto-approve")
