"""All resources of a platform, and no others, are removed without Terraform, in an order that AWS accepts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError
from recovery_world import REGION, SUFFIX, TRUST, ClientOf, make, remaining_resources

from opsctl.aws.clients import Clients
from opsctl.aws.platform import inventory as inventory_module
from opsctl.aws.platform.inventory import Inventory
from opsctl.aws.platform.removal import Removal
from opsctl.core.errors import Problem
from opsctl.core.platform.inventory import Resource, ResourceKind


class Clock:
    """A clock that advances only during sleeps, in which a test can do something."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.meanwhile: dict[int, Any] = {}
        self.waits = 0

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.waits += 1
        self.meanwhile.pop(self.waits, lambda: None)()

    def now(self) -> float:
        return self.seconds


@contextmanager
def refused(client: Any, operation: str, code: str, message: str) -> Iterator[None]:
    """AWS refuses one operation while the block runs."""

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": message}}, operation)

    event = f"before-call.{client.meta.service_model.service_name}.{operation}"
    client.meta.events.register(event, refuse, unique_id=operation)
    try:
        yield
    finally:
        client.meta.events.unregister(event, unique_id=operation)


def removal(clients: Clients, name: str, clock: Clock, messages: list[str] | None = None, **more: Any) -> Removal:
    on_wait = (messages if messages is not None else []).append
    return Removal(clients, name, sleep=clock.sleep, now=clock.now, on_wait=on_wait, **more)


def test_all_of_a_platform_goes_and_its_neighbours_stay(clients: Clients, client: ClientOf) -> None:
    names = ("one", "one-x", "one-us-east-1")
    for name in names:
        make(client, name)
        client("ssm").put_parameter(Name=f"/opsctl/{name}/claim", Value="{}", Type="String")
    before = {name: remaining_resources(client, name) for name in names}
    resources = Inventory(clients).of("one")
    assert len(resources) == len(before["one"]) == 18
    assert {resource.kind for resource in resources} == set(ResourceKind) - {
        ResourceKind.INSTANCE,
        ResourceKind.VOLUME,
        ResourceKind.INTERFACE,
    }
    gone: list[Resource] = []
    clock = Clock()
    assert removal(clients, "one", clock, on_gone=gone.append).remove(resources) == ()
    # Queues and environments, each disabled, then deleted: what goes at once is not waited for.
    assert clock.seconds < 3
    assert sorted(resource.key for resource in gone) == sorted(resource.key for resource in resources)
    assert remaining_resources(client, "one") == []
    assert Inventory(clients).of("one") == ()
    assert {name: remaining_resources(client, name) for name in names[1:]} == {name: before[name] for name in names[1:]}
    # What is gone is gone: the same list once more says nothing.
    assert removal(clients, "one", Clock()).remove(resources) == ()


def test_what_has_our_name_and_not_our_tag_is_shown_and_stays(clients: Clients, client: ClientOf) -> None:
    make(client, "bare", tagged=False)
    named = {resource.name for resource in Inventory(clients).of("bare")}
    assert {"opsctl-bare-csd", f"opsctl-bare-csd-{SUFFIX}", "opsctl-bare-jobs"} <= named
    failures = removal(clients, "bare", Clock()).remove(Inventory(clients).of("bare"))
    assert {failure.resource.kind for failure in failures} == {
        *(
            ResourceKind.QUEUE,
            ResourceKind.ENVIRONMENT,
            ResourceKind.DEFINITION,
            ResourceKind.TEMPLATE,
            ResourceKind.ROLE,
            ResourceKind.PROFILE,
        ),
    }
    assert all("does not carry the platform's tag" in failure.reason for failure in failures)
    assert "opsctl-bare-csd" in remaining_resources(client, "bare")


def test_an_invalid_environment_gets_its_role_back_and_goes(clients: Clients, client: ClientOf) -> None:
    make(client, "sick")
    iam, role = client("iam"), f"opsctl-sick-{REGION}-service"
    iam.detach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/service-role/AWSBatchServiceRole")
    iam.delete_role(RoleName=role)
    resources = Inventory(clients).of("sick")
    environment = next(resource for resource in resources if resource.kind == ResourceKind.ENVIRONMENT)
    assert environment.is_invalid
    assert "does not exist" in environment.reason
    assert removal(clients, "sick", Clock()).remove(resources) == ()
    assert remaining_resources(client, "sick") == []


def test_what_is_in_use_is_waited_for(clients: Clients, client: ClientOf) -> None:
    """A network interface blocks its security group until it is deleted."""
    platform = make(client, "busy")
    ec2 = client("ec2")
    interface = ec2.create_network_interface(SubnetId=platform["subnet"], Groups=[platform["group"]])
    interface_id = interface["NetworkInterface"]["NetworkInterfaceId"]
    clock, messages = Clock(), []
    clock.meanwhile[6] = lambda: ec2.delete_network_interface(NetworkInterfaceId=interface_id)
    assert removal(clients, "busy", clock, messages).remove(Inventory(clients).of("busy")) == ()
    assert any(f"waiting for network interface {interface_id}" in message for message in messages)
    assert remaining_resources(client, "busy") == []


def test_a_wait_ends_and_the_rest_is_named_and_typed_again_it_goes_on(clients: Clients, client: ClientOf) -> None:
    make(client, "stuck")
    clock = Clock()
    with (
        refused(clients.ec2, "DeleteSecurityGroup", "DependencyViolation", "sg-1 has a dependent object"),
        refused(clients.ec2, "DeleteVpc", "DependencyViolation", "it has dependencies"),
    ):
        resources = Inventory(clients).of("stuck")
        failures = removal(clients, "stuck", clock, timeout_seconds=60).remove(resources)
    assert [(failure.resource.kind, failure.reason) for failure in failures] == [
        (ResourceKind.SECURITY_GROUP, "sg-1 has a dependent object"),
        (ResourceKind.VPC, "it has dependencies"),
    ]
    # One wait in vain is enough: what depends on it is not waited for as long.
    assert 60 <= clock.seconds < 100
    assert {resource.key for resource in Inventory(clients).of("stuck")} == {
        failure.resource.key for failure in failures
    }
    assert removal(clients, "stuck", Clock()).remove(Inventory(clients).of("stuck")) == ()
    assert remaining_resources(client, "stuck") == []


def test_a_volume_that_costs_money_goes_and_a_live_instance_is_ended(clients: Clients, client: ClientOf) -> None:
    make(client, "paid")
    ec2 = client("ec2")
    tags = [{"Key": "opsctl:platform", "Value": "paid"}]
    ec2.create_volume(
        AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=[{"ResourceType": "volume", "Tags": tags}]
    )
    instance_id = ec2.run_instances(
        ImageId=ec2.register_image(Name="batch", RootDeviceName="/dev/xvda")["ImageId"],
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )["Instances"][0]["InstanceId"]
    resources = Inventory(clients).of("paid")
    assert {ResourceKind.INSTANCE, ResourceKind.VOLUME} <= {resource.kind for resource in resources}
    assert removal(clients, "paid", Clock()).remove(resources) == ()
    state = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]["State"]["Name"]
    assert state == "terminated"
    assert Inventory(clients).of("paid") == ()


def test_an_internet_gateway_that_was_never_attached_is_found(clients: Clients, client: ClientOf) -> None:
    spec = [{"ResourceType": "internet-gateway", "Tags": [{"Key": "opsctl:platform", "Value": "lone"}]}]
    client("ec2").create_internet_gateway(TagSpecifications=spec)
    resources = Inventory(clients).of("lone")
    assert [resource.kind for resource in resources] == [ResourceKind.GATEWAY]
    assert removal(clients, "lone", Clock()).remove(resources) == ()
    assert Inventory(clients).of("lone") == ()


def test_whether_anything_of_any_platform_stands(clients: Clients, client: ClientOf) -> None:
    logs = client("logs")
    logs.create_log_group(logGroupName="/opsctl/only-lines")
    assert not Inventory(clients).is_empty()
    logs.delete_log_group(logGroupName="/opsctl/only-lines")


def test_lists_page(clients: Clients, client: ClientOf, monkeypatch: pytest.MonkeyPatch) -> None:
    make(client, "paged")
    for number in range(7):
        client("iam").create_role(RoleName=f"another-{number}", AssumeRolePolicyDocument=TRUST)
    resources = Inventory(clients).of("paged")
    monkeypatch.setattr(inventory_module, "_IAM_PAGE", 2)
    assert Inventory(clients).of("paged") == resources
    assert removal(clients, "paged", Clock()).remove(resources) == ()


def test_what_aws_forbids_is_told_and_does_not_stop_the_rest(clients: Clients, client: ClientOf) -> None:
    make(client, "kept")
    resources = Inventory(clients).of("kept")
    with refused(clients.ssm, "DeleteParameter", "AccessDeniedException", "not authorized"):
        failures = removal(clients, "kept", Clock()).remove(resources)
    assert [failure.resource.kind for failure in failures] == [ResourceKind.RECORD]
    assert remaining_resources(client, "kept") == ["/opsctl/kept/platform"]
    assert removal(clients, "kept", Clock()).remove(resources) == ()


def test_the_order_is_aws_order(client: ClientOf) -> None:
    """The local platform is as strict as AWS: environments under a queue, enabled ones, and those without a role."""
    platform = make(client, "strict")
    batch, iam = client("batch"), client("iam")
    with pytest.raises(ClientError, match="must be disabled"):
        batch.delete_compute_environment(computeEnvironment=platform["environment"])
    batch.update_compute_environment(computeEnvironment=platform["environment"], state="DISABLED")
    with pytest.raises(ClientError, match="found existing JobQueue relationship"):
        batch.delete_compute_environment(computeEnvironment=platform["environment"])
    batch.update_job_queue(jobQueue=platform["queue"], state="DISABLED")
    batch.delete_job_queue(jobQueue=platform["queue"])
    iam.detach_role_policy(
        RoleName=f"opsctl-strict-{REGION}-service",
        PolicyArn="arn:aws:iam::aws:policy/service-role/AWSBatchServiceRole",
    )
    iam.delete_role(RoleName=f"opsctl-strict-{REGION}-service")
    batch.delete_compute_environment(computeEnvironment=platform["environment"])
    environments = batch.describe_compute_environments(computeEnvironments=[platform["environment"]])[
        "computeEnvironments"
    ]
    assert [environment["status"] for environment in environments] == ["INVALID"]


def test_a_login_without_permission_says_so(clients: Clients) -> None:
    message = "not authorized to perform: iam:ListRoles"
    with refused(clients.iam, "ListRoles", "AccessDenied", message), pytest.raises(Problem, match="iam:ListRoles"):
        Inventory(clients).of("any")
