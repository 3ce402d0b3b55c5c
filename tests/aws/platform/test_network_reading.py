"""An existing network as EC2 describes it: its routes, endpoints, ACLs and groups, and what may not be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from moto import mock_aws

from opsctl.aws.clients import Clients
from opsctl.aws.platform.network import read_network, read_subnets
from opsctl.core.diagnosis.queue_snapshot import NotVisible
from opsctl.core.platform.inventory import TAG
from opsctl.core.platform.network_facts import GroupRule, NetworkFacts

REGION = "us-east-1"
TYPES = ("r5.large", "r5.xlarge")


class Network:
    """A VPC with one subnet and a route table of its own for it."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients
        self.ec2: Any = clients.ec2
        self.vpc = self.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        reply = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.1.1.0/24", AvailabilityZone=f"{REGION}a")
        self.subnet = reply["Subnet"]["SubnetId"]
        self.table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.subnet)

    def facts(self) -> NetworkFacts:
        return read_network(
            self.clients, vpc_id=self.vpc, subnet_ids=[self.subnet], instance_types=TYPES, platform="m2g"
        )

    def tag(self, resource: str) -> None:
        self.ec2.create_tags(Resources=[resource], Tags=[{"Key": TAG, "Value": "m2g"}])

    def group(self, *permissions: dict[str, Any]) -> str:
        group_id: str = self.ec2.create_security_group(GroupName="g", Description="d", VpcId=self.vpc)["GroupId"]
        if permissions:
            self.ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=list(permissions))
        return group_id


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    with mock_aws():
        yield Network(Clients(region=REGION))


def test_a_bare_subnet_has_no_way_and_the_default_acl(network: Network) -> None:
    facts = network.facts()
    (subnet,) = facts.subnets  # type: ignore[misc]
    assert (subnet.vpc_id, subnet.zone, subnet.free_addresses) == (network.vpc, f"{REGION}a", 251)
    assert (subnet.subnet.way_out, subnet.subnet.other_network, subnet.subnet.services) == ("", "", frozenset())
    assert facts.acls[network.subnet].blocked("52.94.0.1") == ""  # type: ignore[index]
    assert f"{REGION}a" in facts.zones["r5.large"]  # type: ignore[index]
    assert facts.own_group_id == ""


def test_endpoints_are_read_with_what_decides(network: Network) -> None:
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.1.0.0/16"}]}
    http = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    group = network.group(https, http)
    for service, private_dns in (("logs", True), ("ecs", False)):
        network.ec2.create_vpc_endpoint(
            VpcId=network.vpc,
            VpcEndpointType="Interface",
            ServiceName=f"com.amazonaws.{REGION}.{service}",
            SubnetIds=[network.subnet],
            SecurityGroupIds=[group],
            PrivateDnsEnabled=private_dns,
        )
    network.ec2.create_vpc_endpoint(
        VpcId=network.vpc,
        VpcEndpointType="Gateway",
        ServiceName=f"com.amazonaws.{REGION}.s3",
        RouteTableIds=[network.table],
        PolicyDocument='{"Statement": [{"Effect": "Deny"}]}',
    )
    facts = network.facts()
    (subnet,) = facts.subnets  # type: ignore[misc]
    assert subnet.subnet.services == {"logs", "s3"}
    assert facts.endpoint_groups == {group: GroupRule(cidrs=("10.1.0.0/16",))}
    own_policies = {entry.service: entry.has_own_policy for entry in facts.endpoints}  # type: ignore[union-attr]
    assert own_policies["s3"] is True
    # `why` reads the same subnet in the same way.
    assert read_subnets(network.clients.ec2, [network.subnet]) == (subnet.subnet,)


def test_routes_to_the_internet_and_to_other_networks(network: Network) -> None:
    gateway = network.ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    network.ec2.create_route(RouteTableId=network.table, DestinationCidrBlock="10.0.0.0/8", TransitGatewayId=gateway)
    (subnet,) = network.facts().subnets  # type: ignore[misc]
    assert (subnet.subnet.way_out, subnet.subnet.other_network) == ("", gateway)
    internet = network.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    network.ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=network.vpc)
    network.ec2.create_route(RouteTableId=network.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=internet)
    (subnet,) = network.facts().subnets  # type: ignore[misc]
    assert (subnet.subnet.way_out, subnet.subnet.reaches_internet) == (internet, False)


def test_a_platforms_own_vpc_and_its_group_are_known_by_their_tag(network: Network) -> None:
    network.tag(network.vpc)
    group = network.group()
    network.tag(group)
    facts = network.facts()
    assert facts.vpc.platform == "m2g"  # type: ignore[union-attr]
    assert facts.own_group_id == group


def test_what_does_not_exist_is_none(network: Network) -> None:
    facts = read_network(
        network.clients,
        vpc_id="vpc-00000000",
        subnet_ids=["subnet-00000000"],
        instance_types=TYPES,
        platform="m2g",
    )
    assert (facts.vpc, facts.subnets) == (None, ())


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        ("DescribeVpcs", "vpc"),
        ("DescribeVpcAttribute", "vpc"),
        ("DescribeSubnets", "subnets"),
        ("DescribeRouteTables", "subnets"),
        ("DescribeVpcEndpoints", "endpoints"),
        ("DescribeNetworkAcls", "acls"),
        ("DescribeInstanceTypeOfferings", "zones"),
    ],
)
def test_what_is_not_permitted_is_not_visible(network: Network, operation: str, field: str) -> None:
    error = {"Error": {"Code": "UnauthorizedOperation", "Message": "not you"}}

    def refuse(**_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        reply = {**error, "ResponseMetadata": {"HTTPStatusCode": 403}}
        return AWSResponse("https://x", 403, {}, None), reply

    network.ec2.meta.events.register(f"before-call.ec2.{operation}", refuse)
    assert getattr(network.facts(), field) == NotVisible(f"ec2:{operation}", "is not permitted")
