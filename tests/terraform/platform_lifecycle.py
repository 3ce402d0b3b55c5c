"""Apply and destroy a platform once, and record what AWS describes at each step."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from describe import NAME, PREFIX, describe_bucket, describe_platform, remaining_resources
from support.local_aws import REGION, Aws
from support.real_terraform import Terraform

from opsctl.aws.batch.batch import Batch
from opsctl.aws.clients import Clients
from opsctl.aws.platform.inventory import Inventory
from opsctl.commands.platform.orphans import OrphanReport, find_orphans
from opsctl.local import control

BUCKET = f"{PREFIX}-123456789012-{REGION}"
STORAGE = {
    "data_bucket": BUCKET,
    "repository_arn": f"arn:aws:ecr:{REGION}:123456789012:repository/{PREFIX}",
    "repository_url": f"123456789012.dkr.ecr.{REGION}.amazonaws.com/{PREFIX}",
}
COMMON = [
    "-input=false",
    f"-var=name={NAME}",
    f"-var=region={REGION}",
    "-var=path_style=true",
    '-var=tags={"lab":"neuro"}',
]
LATER_CHANGES = {"disk": "-var=root_volume_gib=120", "tags": '-var=tags={"lab":"another"}', "image": "-var=image=m2g:2"}


@dataclass(frozen=True)
class Observations:
    """What AWS described after the apply, after changes and after the destroy.

    Attributes
    ----------
    second_plans
        Exit code of `plan -detailed-exitcode` after the apply, by root.
    warnings
        What these plans said where they had a warning.
    replaced_by
        Addresses of the resources that a change would replace, by key of `LATER_CHANGES`.
    aged_report, aged_actions
        What `up` finds where AWS has a newer image for csd's environment, and what the plan with it does to each
        resource that changes.
    environments_wait_for
        Addresses that the compute environments depend on.
    lab_bucket, lab_bucket_after
        An existing bucket before and after storage used it.
    """

    storage: dict[str, str]
    record: dict[str, Any]
    parameter: dict[str, Any]
    environments: dict[str, dict[str, Any]]
    queues: dict[str, dict[str, Any]]
    definitions: dict[str, dict[str, Any]]
    template: dict[str, Any]
    security_group: dict[str, Any]
    subnets: list[dict[str, Any]]
    endpoints: list[dict[str, Any]]
    managed_policies: dict[str, list[str]]
    log_groups: list[dict[str, Any]]
    repository: dict[str, Any]
    second_plans: dict[str, int]
    warnings: list[str]
    replaced_by: dict[str, set[str]]
    aged_report: OrphanReport
    aged_actions: dict[str, list[str]]
    environments_wait_for: set[str]
    bucket: dict[str, Any]
    bucket_after_down: dict[str, Any]
    remaining_after_down: dict[str, list[str]]
    storage_destroy: str
    lab_bucket: dict[str, Any]
    lab_bucket_after: dict[str, Any]
    lab_storage: dict[str, Any]
    lab_resources: list[str]


def planned(terraform: Terraform, *arguments: str) -> dict[str, list[str]]:
    """Plan a change of the platform and return what it would do to each resource, in Terraform's order."""
    terraform.run("platform", "plan", "-out=change.tfplan", *arguments)
    plan = json.loads(terraform.run("platform", "show", "-json", "change.tfplan").stdout)
    actions = {change["address"]: change["change"]["actions"] for change in plan["resource_changes"]}
    return {address: done for address, done in actions.items() if done not in (["no-op"], ["read"])}


def replaced(terraform: Terraform, *variables: str) -> set[str]:
    """Plan a change of the platform and return the addresses of the resources that it would replace."""
    return {address for address, actions in planned(terraform, *variables).items() if "delete" in actions}


def look_with_an_aged_environment(aws: Aws, monkeypatch: Any, state: dict[str, Any]) -> OrphanReport:
    """What `up` finds before its plan where AWS says UPDATE_AVAILABLE of csd's environment."""
    for name, value in aws.settings.items():
        monkeypatch.setenv(name, value)
    clients = Clients(region=REGION, endpoint_url=aws.endpoint, local_key=control.credentials(aws.home))

    def age(parsed: dict[str, Any], **_: Any) -> None:
        for environment in parsed["computeEnvironments"]:
            if environment["computeEnvironmentName"].startswith(f"{PREFIX}-csd-"):
                (configuration,) = environment["computeResources"]["ec2Configuration"]
                configuration["batchImageStatus"] = "UPDATE_AVAILABLE"

    clients.batch.meta.events.register("after-call.batch.DescribeComputeEnvironments", age)
    root: Any = SimpleNamespace(state=lambda: state, import_existing=lambda existing: None)
    batch = Batch(clients.batch, submit_client=clients.batch_once)
    return find_orphans(root, name=NAME, inventory=Inventory(clients), batch=batch)


def use_an_existing_bucket(aws: Aws, terraform: Terraform) -> dict[str, Any]:
    """Apply storage with an existing bucket. It has its own state file."""
    aws.client("s3").create_bucket(Bucket="lab-data")
    aws.client("s3").put_object(Bucket="lab-data", Key="HNU1/dataset_description.json", Body=b"{}")
    before = describe_bucket(aws, "lab-data")
    variables = [
        "-input=false",
        "-var=name=lab",
        f"-var=region={REGION}",
        "-var=path_style=true",
        "-var=data_bucket=lab-data",
    ]
    terraform.run("storage", "apply", "-auto-approve", "-state=lab.tfstate", *variables)
    state = json.loads((terraform.tree / "storage" / "lab.tfstate").read_text())
    return {
        "lab_bucket": before,
        "lab_bucket_after": describe_bucket(aws, "lab-data"),
        "lab_storage": {name: output["value"] for name, output in state["outputs"].items()},
        "lab_resources": [resource["type"] for resource in state["resources"] if resource["mode"] == "managed"],
    }


def apply_and_destroy(aws: Aws, terraform: Terraform, monkeypatch: Any) -> Observations:
    """Apply storage and platform, destroy the platform, and return what AWS described at each step."""
    for root in ("storage", "platform"):
        terraform.init(root)

    variables = [
        *COMMON,
        *(f"-var={name}={value}" for name, value in STORAGE.items()),
        f"-var=image={STORAGE['repository_url']}:0.1.0",
        "-var=opsctl_version=0.1.0",
        '-var=source_buckets=["ndmg-data"]',
    ]
    # At the same time: each apply waits a minute for AWS to settle, and storage's names are known in advance.
    with ThreadPoolExecutor(2) as pool:
        applies = [
            pool.submit(terraform.run, root, "apply", "-auto-approve", *variables_of_root)
            for root, variables_of_root in (("storage", COMMON), ("platform", variables))
        ]
        for future in applies:
            future.result()
    aws.client("s3").put_object(Bucket=BUCKET, Key="HNU1/dataset_description.json", Body=b"{}")
    bucket = describe_bucket(aws, BUCKET)
    described = describe_platform(aws)
    storage = terraform.outputs("storage")
    record = terraform.outputs("platform")["record"]
    state = json.loads((terraform.tree / "platform" / "terraform.tfstate").read_text())
    plans = {
        root: terraform.run(root, "plan", "-detailed-exitcode", *variables_of_root, accept=(0, 2))
        for root, variables_of_root in (("storage", COMMON), ("platform", variables))
    }

    replaced_by = {name: replaced(terraform, *variables, change) for name, change in LATER_CHANGES.items()}
    aged_report = look_with_an_aged_environment(aws, monkeypatch, state)
    aged_actions = planned(terraform, *variables, *(f"-replace={address}" for address in aged_report.replace))

    terraform.run("platform", "destroy", "-auto-approve", *variables)
    return Observations(
        **described,
        storage=storage,
        record=record,
        second_plans={root: plan.returncode for root, plan in plans.items()},
        warnings=[f"{root}: {plan.stdout}" for root, plan in plans.items() if "Warning: " in plan.stdout],
        replaced_by=replaced_by,
        aged_report=aged_report,
        aged_actions=aged_actions,
        environments_wait_for={
            dependency
            for resource in state["resources"]
            if resource["type"] == "aws_batch_compute_environment"
            for instance in resource["instances"]
            for dependency in instance["dependencies"]
        },
        bucket=bucket,
        bucket_after_down=describe_bucket(aws, BUCKET),
        remaining_after_down=remaining_resources(aws),
        storage_destroy=terraform.run("storage", "destroy", "-auto-approve", *COMMON, accept=(1,)).stderr,
        **use_an_existing_bucket(aws, terraform),
    )
