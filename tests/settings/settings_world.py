"""A lab with a platform on a server that answers like AWS, and the real program and Terraform to change it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.institute_account import Account
from support.local_key import session_of
from support.waiting import until

from opsctl.local import control

REGION = "us-east-1"
NAME = "lab"
BUCKET = f"opsctl-{NAME}-123456789012-{REGION}"
MODELS = ("csd", "csa")
_SECONDS = 600


@dataclass
class Lab:
    """One machine and one platform.

    Attributes
    ----------
    endpoint
        What opsctl and Terraform call: a proxy before the server, or the server.
    server
        The server itself.
    institute
        A network, a key and a boundary that are there already.
    """

    home: Path
    endpoint: str
    server: control.LocalServer
    institute: Account
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self.clients:
            session = session_of(self.server.home, region=REGION)
            self.clients[service] = session.client(service, endpoint_url=self.server.endpoint_url)
        return self.clients[service]

    def up(self, *arguments: str, code: int = 0) -> str:
        """Run `opsctl up`; returns its output. `@key` and the like stand for what is the institute's."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_", "OPSCTL_"))}
        mirror = {key: os.environ[key] for key in ("OPSCTL_PROVIDER_MIRROR",) if key in os.environ}
        own = {
            "OPSCTL_HOME": str(self.home),
            "OPSCTL_CONFIG": os.devnull,
            "COLUMNS": "200",
            "AWS_ENDPOINT_URL": self.endpoint,
            **self.server.credentials,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        done = subprocess.run(
            [sys.executable, "-m", "opsctl", "up", "--name", NAME, *map(self._named, arguments or ("--yes",))],
            env={**inherited, **mirror, **own},
            cwd=self.home.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == code, f"{arguments}\n{done.stdout}"
        return done.stdout

    def _named(self, word: str) -> str:
        institute = self.institute
        names = {
            "@vpc": institute.vpc,
            "@subnet-a": institute.subnets[0],
            "@subnet-b": institute.subnets[1],
            "@key": institute.key,
            "@boundary": institute.boundary,
        }
        return names.get(word, word)

    # What the platform says of itself.

    @property
    def record(self) -> dict[str, Any]:
        """The record that colleagues read."""
        return json.loads(self.client("ssm").get_parameter(Name=f"/opsctl/{NAME}/platform")["Parameter"]["Value"])

    @property
    def own_record(self) -> dict[str, Any]:
        """This machine's copy of it."""
        return json.loads((self.home / "platforms" / NAME / "record.json").read_text())

    # What AWS says, of the model csd where a model has its own.

    @property
    def definition(self) -> dict[str, Any]:
        return self.definition_of("csd")

    @property
    def queue(self) -> dict[str, Any]:
        return self.queue_of("csd")

    @property
    def environment(self) -> dict[str, Any]:
        return self.environment_of("csd")

    def definition_of(self, model: str) -> dict[str, Any]:
        arn = self.record["models"][model]["job_definition"]
        (definition,) = self.client("batch").describe_job_definitions(jobDefinitions=[arn])["jobDefinitions"]
        return definition

    def queue_of(self, model: str) -> dict[str, Any]:
        arn = self.record["models"][model]["job_queue"]
        (queue,) = self.client("batch").describe_job_queues(jobQueues=[arn])["jobQueues"]
        return queue

    def environment_of(self, model: str) -> dict[str, Any]:
        return self.environments_of(model)[0]

    def environments_of(self, model: str) -> list[dict[str, Any]]:
        """In the order of the queue."""
        arns = [entry["computeEnvironment"] for entry in self.queue_of(model)["computeEnvironmentOrder"]]
        batch = self.client("batch")
        return [
            batch.describe_compute_environments(computeEnvironments=[arn])["computeEnvironments"][0] for arn in arns
        ]

    @property
    def told(self) -> list[tuple[str, int]]:
        """Who is subscribed to which topic, and how many rules send to it."""
        sns, events = self.client("sns"), self.client("events")
        return [
            (
                subscription["Endpoint"],
                len(events.list_rule_names_by_target(TargetArn=subscription["TopicArn"])["RuleNames"]),
            )
            for subscription in sns.list_subscriptions()["Subscriptions"]
        ]

    @property
    def budgets(self) -> list[tuple[str, str]]:
        """Each budget and its amount."""
        reply = self.client("budgets").describe_budgets(AccountId="123456789012")
        return [(budget["BudgetName"], budget["BudgetLimit"]["Amount"]) for budget in reply["Budgets"]]

    def active_definitions(self) -> list[str]:
        return sorted(
            definition["jobDefinitionArn"]
            for definition in self.client("batch").describe_job_definitions(status="ACTIVE")["jobDefinitions"]
        )

    @property
    def limits(self) -> dict[str, int]:
        """Seconds by reason."""
        actions = self.queue["jobStateTimeLimitActions"]
        return {action["reason"]: action["maxTimeSeconds"] for action in actions}

    @property
    def disk(self) -> dict[str, Any]:
        """As the version of the launch template has it that the environment names."""
        template = self.environment["computeResources"]["launchTemplate"]
        (version,) = self.client("ec2").describe_launch_template_versions(
            LaunchTemplateId=template["launchTemplateId"], Versions=[template["version"]]
        )["LaunchTemplateVersions"]
        return version["LaunchTemplateData"]["BlockDeviceMappings"][0]["Ebs"]

    @property
    def network(self) -> dict[str, Any]:
        subnet = self.environment["computeResources"]["subnets"][0]
        vpc = self.client("ec2").describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]
        return self.client("ec2").describe_vpcs(VpcIds=[vpc])["Vpcs"][0]

    @property
    def log_group(self) -> dict[str, Any]:
        return self.client("logs").describe_log_groups(logGroupNamePrefix=f"/opsctl/{NAME}")["logGroups"][0]

    @property
    def job_policy(self) -> str:
        policy = self.client("iam").get_role_policy(RoleName=f"opsctl-{NAME}-{REGION}-job", PolicyName="data")
        return json.dumps(policy["PolicyDocument"])

    @property
    def boundary(self) -> str | None:
        role = self.client("iam").get_role(RoleName=f"opsctl-{NAME}-{REGION}-job")["Role"]
        return role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")

    @property
    def keys(self) -> dict[str, str | None]:
        """The KMS keys of disks, log lines and new objects."""
        rules = self.client("s3").get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
        return {
            "disk": self.disk.get("KmsKeyId"),
            "logs": self.log_group.get("kmsKeyId"),
            "bucket": rules[0]["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID"),
        }

    @property
    def lifecycle_rules(self) -> list[dict[str, Any]]:
        return self.client("s3").get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]

    # Whether `run` works.

    def submit(self, model: str) -> dict[str, Any]:
        """Submit a job as the record says, and wait for its end."""
        resources, batch = self.record["models"][model], self.client("batch")
        job = batch.submit_job(
            jobName=f"settings-{model}", jobQueue=resources["job_queue"], jobDefinition=resources["job_definition"]
        )

        def ended() -> dict[str, Any] | None:
            (detail,) = batch.describe_jobs(jobs=[job["jobId"]])["jobs"]
            return detail if detail["status"] in ("SUCCEEDED", "FAILED") else None

        return until(ended, f"the end of a job of {model}")

    def observe(self) -> Observation:
        """What is true of the platform now."""
        record = self.record
        return Observation(
            record=record,
            own_record=self.own_record,
            definitions={model: self.definition_of(model)["status"] for model in MODELS},
            queues={model: (self.queue_of(model)["status"], self.queue_of(model)["state"]) for model in MODELS},
            environments={
                environment["computeEnvironmentName"]: (environment["status"], environment["state"])
                for model in MODELS
                for environment in self.environments_of(model)
            },
            active_definitions=self.active_definitions(),
            jobs={model: self.submit(model)["status"] for model in MODELS},
        )


@dataclass(frozen=True)
class Observation:
    """One moment of a platform.

    Attributes
    ----------
    record, own_record
        The record in SSM, and this machine's copy of it.
    definitions, queues, environments
        AWS's status (and state) of what the record names.
    active_definitions
        Every job definition that is not deregistered.
    jobs
        How a job of each model ended.
    """

    record: dict[str, Any]
    own_record: dict[str, Any]
    definitions: dict[str, str]
    queues: dict[str, tuple[str, str]]
    environments: dict[str, tuple[str, str]]
    active_definitions: list[str]
    jobs: dict[str, str]

    @property
    def flaws(self) -> list[str]:
        """What keeps `run` from working, or is left over; empty if all is well."""
        fine = {"ACTIVE", ("VALID", "ENABLED"), "SUCCEEDED"}
        states = {
            **{f"definition {name}": state for name, state in self.definitions.items()},
            **{f"queue {name}": state for name, state in self.queues.items()},
            **{f"environment {name}": state for name, state in self.environments.items()},
            **{f"job {name}": state for name, state in self.jobs.items()},
        }
        flaws = [f"{name}: {state}" for name, state in states.items() if state not in fine]
        recorded = sorted(model["job_definition"] for model in self.record["models"].values())
        if self.active_definitions != recorded:
            flaws.append(f"ACTIVE are {self.active_definitions}, recorded {recorded}")
        differing = {
            f"{name}.{key}"
            for name, model in self.record["models"].items()
            for key, value in model.items()
            if self.own_record["models"][name][key] != value
        }
        if differing:
            flaws.append(f"this machine's record differs from SSM's in {sorted(differing)}")
        return flaws
