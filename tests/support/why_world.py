"""A run on a real local server whose jobs are shell scripts and that can inject faults, for `why`."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opsctl.aws.batch.batch import Batch
from opsctl.aws.batch.queue_snapshot import take_snapshot
from opsctl.aws.clients import Clients
from opsctl.aws.s3.storage import Storage
from opsctl.commands.diagnosis.why import why
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.diagnosis.why import Answer
from opsctl.core.platform.platform import ModelResources, Platform
from opsctl.core.runs.manifest import Run, timestamp
from opsctl.core.runs.submission import submissions_of, submit_request
from opsctl.home import Home
from support import faulty_server
from support.local_servers import JOB_POLICY, trust
from support.record_examples import outputs_of, outputs_of_failed

GROUP = "/opsctl/local"


class World:
    """One server, a queue whose jobs run one at a time, and the platform's record in a home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._start()
        self.clients.s3.create_bucket(Bucket="data")
        self.clients.logs.create_log_group(logGroupName=GROUP)
        self.subnet_id, environment = self._environment()
        queue = self.clients.batch.create_job_queue(
            jobQueueName="opsctl-local-csd",
            state="ENABLED",
            priority=1,
            computeEnvironmentOrder=[{"order": 1, "computeEnvironment": environment}],
        )["jobQueueArn"]
        self.resources = ModelResources(
            job_queue=queue,
            compute_environment=environment,
            job_definition="",
            instance_type="r5.large",
            vcpus=2,
            memory_mib=15200,
            max_vcpus=512,
        )
        self._number = 0

    def restart(self) -> None:
        """Start another server in the same home, after the first has ended: it has the objects and no jobs."""
        self._start()

    def _start(self) -> None:
        self.server = faulty_server.start(
            self.home, faults={}, slots=1, entrypoint=("/bin/sh", "-c"), stop_grace_seconds=1.0
        )
        self.clients = Clients(endpoint_url=self.server.endpoint_url, local_key=self.server.credentials)
        self.batch = Batch(self.clients.batch, submit_client=self.clients.batch_once)
        self.storage = Storage(self.clients.s3)
        self.records = Records(self.storage, data_bucket="data")

    def _environment(self) -> tuple[str, str]:
        ec2, iam = self.clients.ec2, self.clients.iam
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        self.public(subnet, yes=True)
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]
        ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        group = ec2.create_security_group(GroupName="jobs", Description="jobs", VpcId=vpc)["GroupId"]
        role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust("batch", "ec2"))["Role"]["Arn"]
        self.job_role = iam.create_role(RoleName="jobs", AssumeRolePolicyDocument=trust("ecs-tasks"))["Role"]["Arn"]
        iam.put_role_policy(RoleName="jobs", PolicyName="data", PolicyDocument=json.dumps(JOB_POLICY))
        iam.create_instance_profile(InstanceProfileName="p")
        iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
        environment = self.clients.batch.create_compute_environment(
            computeEnvironmentName="env",
            type="MANAGED",
            state="ENABLED",
            serviceRole=role,
            computeResources={
                "type": "EC2",
                "minvCpus": 0,
                "maxvCpus": 512,
                "instanceTypes": ["r5.large"],
                "instanceRole": "p",
                "subnets": [subnet],
                "securityGroupIds": [group],
            },
        )
        return subnet, environment["computeEnvironmentArn"]

    def public(self, subnet: str, *, yes: bool) -> None:
        """Set whether the subnet assigns public addresses."""
        self.clients.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": yes})

    def faults(self, plan: dict[str, Any]) -> None:
        """Inject faults from now on."""
        assert faulty_server.request_faults(self.server.port, plan)[0] == 200

    def run(self, script: str, *, count: int, attempts: int = 1) -> Run:
        """Submit a run whose jobs are a script."""
        self._number += 1
        definition = self.clients.batch.register_job_definition(
            jobDefinitionName="d",
            type="container",
            retryStrategy={"attempts": attempts},
            containerProperties={
                "image": "image",
                "jobRoleArn": self.job_role,
                "command": [script],
                "resourceRequirements": [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "15200"}],
                "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": GROUP}},
            },
        )["jobDefinitionArn"]
        self.platform = Platform(
            name="local",
            region="us-east-1",
            account_id="123456789012",
            data_bucket="data",
            repository_url="u",
            image="image",
            m2g_image="image",
            log_group=GROUP,
            spot=False,
            root_volume_gib=100,
            opsctl_version="0.1.0",
            models=dict.fromkeys(("csd", "csa"), replace(self.resources, job_definition=definition)),
            endpoint_url=self.server.endpoint_url,
        )
        Home(self.home).keep(self.platform)
        run = Run(
            run_id=f"HNU1-20261122-{self._number:06d}-ab12",
            dataset="s3://data/HNU1",
            output="s3://data/HNU1/derivatives/m2g-csd-native",
            m2g={"pipeline": "dwi"},
            model="csd",
            image="image",
            platform="local",
            region="us-east-1",
            scans=tuple(f"sub-{number:02d}/ses-1" for number in range(count)),
            created_at=timestamp(datetime.now(UTC)),
            created_by="ada",
            command_line=("opsctl", "run", "HNU1", "--sp", "native"),
            opsctl_version="0.1.0",
            keys=tuple(f"k{number}" for number in range(count)),
            sizes=(count,),
            resources="csd",
            attempt_timeout_seconds=21_600,
        )
        self.storage.put_json("data", f"opsctl/runs/{run.run_id}/run.json", run.as_json())
        (submission,) = submissions_of(run, self.platform, at=run.created_at)
        job_id = self.batch.submit(submit_request(submission, run, self.platform))
        self.records.put_submission(run.run_id, submission.submitted(job_id, at=run.created_at))
        return run

    def put_result(self, run: Run, index: int, **changes: Any) -> None:
        """Write a result as the job runner would."""
        value = {
            "schema_version": 1,
            "run_id": run.run_id,
            "index": index,
            "scan": run.scans[index],
            "key": run.keys[index],
            "status": "succeeded",
            "cause": "",
            "cause_code": "",
            "facts": {},
            "exit_code": 0,
            "attempt": 1,
            "started_at": run.created_at,
            "stopped_at": run.created_at,
            "seconds": {},
            "peak_memory_mib": 812,
            "outputs": outputs_of_failed(index, run.run_id)
            if changes.get("status") == "failed"
            else outputs_of(run.scans[index], run.output),
            "log_stream": "",
            "job_id": "",
            **changes,
        }
        self.storage.put_json("data", f"opsctl/runs/{run.run_id}/results/{index:05d}.json", value)

    def reader(self, run: Run) -> SnapshotReader:
        return SnapshotReader(run, records=self.records, batch=self.batch, now=lambda: datetime.now(UTC))

    def statuses(self, run: Run) -> list[str]:
        """Batch's status of every scan's job."""
        return [job.status for _, job in sorted(self.reader(run).jobs().items())]

    def is_over(self, run: Run) -> bool:
        return set(self.statuses(run)) <= {"SUCCEEDED", "FAILED"}

    def why(self, run: Run, pattern: str | None = None, **changes: Any) -> Answer:
        """Run `why` in this process, with changes of what the snapshot shows."""
        return why(
            pattern,
            reader=self.reader(run),
            storage=self.storage,
            platform=self.platform,
            look=lambda: replace(take_snapshot(self.clients, self.platform, run), **changes),
        )
