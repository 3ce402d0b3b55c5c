"""Reads subnets, routes and endpoints: of a platform's subnets for `why`, of an existing network for `up --vpc-id`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from opsctl.aws.clients import Clients
from opsctl.aws.errors import code_of, translated
from opsctl.aws.refusals import DENIED
from opsctl.core.diagnosis.queue_snapshot import NotVisible
from opsctl.core.errors import Problem
from opsctl.core.platform.inventory import TAG
from opsctl.core.platform.network_facts import AclRule, GroupRule, NetworkAcl, NetworkFacts, PlacedSubnet, Vpc
from opsctl.core.platform.subnet import Endpoint, Subnet, reached_services

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

T = TypeVar("T")

#: Where a route may lead, by EC2's name of the target; of these the last three lead into other networks.
_TARGETS = ("GatewayId", "NatGatewayId", "NetworkInterfaceId", "InstanceId", "TransitGatewayId")
_OTHER_NETWORKS = ("TransitGatewayId", "VpcPeeringConnectionId", "CoreNetworkArn", "LocalGatewayId")
_HTTPS = 443


def read_subnets(ec2: EC2Client, subnet_ids: Sequence[str]) -> tuple[Subnet, ...]:
    """The subnets with their ways to AWS; endpoints are asked for only where a subnet has no way to the internet."""
    if not subnet_ids:
        return ()
    replies = ec2.describe_subnets(SubnetIds=list(subnet_ids))["Subnets"]
    vpc_ids = sorted({reply["VpcId"] for reply in replies})
    table_of = _route_tables(ec2, vpc_ids)
    subnets = [_subnet(reply, table_of(reply), ()) for reply in replies]
    if all(subnet.reaches_internet for subnet in subnets):
        return tuple(subnets)
    endpoints = read_endpoints(ec2, vpc_ids)
    return tuple(_subnet(reply, table_of(reply), endpoints) for reply in replies)


def read_endpoints(ec2: EC2Client, vpc_ids: Sequence[str]) -> tuple[Endpoint, ...]:
    """The gateway and interface endpoints of some VPCs."""
    pages = ec2.get_paginator("describe_vpc_endpoints").paginate(Filters=[{"Name": "vpc-id", "Values": list(vpc_ids)}])
    return tuple(
        _endpoint(reply, ec2.meta.region_name)
        for page in pages
        for reply in page["VpcEndpoints"]
        if reply["VpcEndpointType"] in ("Gateway", "Interface")
    )


def read_network(
    clients: Clients, *, vpc_id: str, subnet_ids: Sequence[str], instance_types: Sequence[str], platform: str
) -> NetworkFacts:
    """Ask EC2 for everything that decides whether a platform can work in a network; nothing is changed.

    Parameters
    ----------
    instance_types
        The types whose zones are asked for.
    platform
        The platform's name, by whose tag its own security group is known.
    """
    calls = _Calls(clients.ec2, vpc_id, list(subnet_ids))
    with ThreadPoolExecutor(8) as pool:

        def start(action: str, call: Callable[[], T]) -> Callable[[], T | NotVisible]:
            return pool.submit(_ask, action, call).result

        vpc = start("ec2:DescribeVpcs", calls.vpc)
        endpoints = start("ec2:DescribeVpcEndpoints", lambda: read_endpoints(clients.ec2, [vpc_id]))
        acls = start("ec2:DescribeNetworkAcls", calls.acls)
        zones = start("ec2:DescribeInstanceTypeOfferings", lambda: calls.zones(instance_types))
        group = start("ec2:DescribeSecurityGroups", lambda: calls.own_group(platform))
        visible = endpoints()
        seen = () if isinstance(visible, NotVisible) else visible
        subnets = start("ec2:DescribeSubnets", lambda: calls.subnets(seen))
        group_ids = sorted({group_id for endpoint in seen for group_id in endpoint.group_ids})
        groups = start("ec2:DescribeSecurityGroups", lambda: calls.groups(group_ids))
        own_group = group()
        return NetworkFacts(
            region=clients.region or "",
            vpc_id=vpc_id,
            subnet_ids=tuple(subnet_ids),
            vpc=vpc(),
            subnets=subnets(),
            endpoints=visible,
            acls=acls(),
            endpoint_groups=groups(),
            zones=zones(),
            own_group_id="" if isinstance(own_group, NotVisible) else own_group,
        )


def _ask(action: str, call: Callable[[], T]) -> T | NotVisible:
    try:
        with translated("looking at the network"):
            return call()
    except Problem as problem:
        error = problem.__cause__
        if isinstance(error, ClientError) and code_of(error) in DENIED:
            return NotVisible(f"{action.partition(':')[0]}:{error.operation_name}", "is not permitted")
        return NotVisible(action, f"failed ({problem.what.rstrip('.')})")


class _Calls:
    """Calls of EC2 whose replies become values of `NetworkFacts`; errors pass to the caller."""

    def __init__(self, ec2: EC2Client, vpc_id: str, subnet_ids: list[str]) -> None:
        self._ec2 = ec2
        self._vpc_id = vpc_id
        self._subnet_ids = subnet_ids

    def vpc(self) -> Vpc | None:
        """The VPC; None if there is none."""
        # A filter, because an id that does not exist would be an error.
        for reply in self._ec2.describe_vpcs(Filters=[{"Name": "vpc-id", "Values": [self._vpc_id]}])["Vpcs"]:
            tags = {tag["Key"]: tag["Value"] for tag in reply.get("Tags", ())}
            return Vpc(
                vpc_id=self._vpc_id,
                cidr=reply["CidrBlock"],
                platform=tags.get(TAG, ""),
                has_dns=self._attribute("enableDnsSupport", "EnableDnsSupport"),
                has_dns_names=self._attribute("enableDnsHostnames", "EnableDnsHostnames"),
            )
        return None

    def _attribute(self, name: Any, key: str) -> bool:
        reply: Any = self._ec2.describe_vpc_attribute(VpcId=self._vpc_id, Attribute=name)
        return bool(reply[key]["Value"])

    def subnets(self, endpoints: Sequence[Endpoint]) -> tuple[PlacedSubnet, ...]:
        """The subnets that exist."""
        filters: Any = [{"Name": "subnet-id", "Values": self._subnet_ids}]
        replies = self._ec2.describe_subnets(Filters=filters)["Subnets"]
        table_of = _route_tables(self._ec2, sorted({reply["VpcId"] for reply in replies}))
        return tuple(
            PlacedSubnet(
                subnet=_subnet(reply, table_of(reply), endpoints),
                vpc_id=reply["VpcId"],
                zone=reply["AvailabilityZone"],
                cidr=reply["CidrBlock"],
                free_addresses=reply["AvailableIpAddressCount"],
            )
            for reply in replies
        )

    def acls(self) -> dict[str, NetworkAcl]:
        """The network ACL of each subnet; one without an association of its own has the VPC's default one."""
        reply = self._ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [self._vpc_id]}])
        by_subnet: dict[str, NetworkAcl] = {}
        default: NetworkAcl | None = None
        for acl in reply["NetworkAcls"]:
            read = NetworkAcl(acl_id=acl["NetworkAclId"], rules=tuple(_acl_rules(acl["Entries"])))
            default = read if acl.get("IsDefault") else default
            by_subnet |= {association["SubnetId"]: read for association in acl.get("Associations", ())}
        fallback = dict.fromkeys(self._subnet_ids, default) if default else {}
        return {**fallback, **{key: value for key, value in by_subnet.items() if key in self._subnet_ids}}

    def zones(self, instance_types: Sequence[str]) -> dict[str, frozenset[str]]:
        """By instance type: the zones that offer it."""
        pages = self._ec2.get_paginator("describe_instance_type_offerings").paginate(
            LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": list(instance_types)}]
        )
        zones: dict[str, set[str]] = {kind: set() for kind in instance_types}
        for page in pages:
            for offering in page["InstanceTypeOfferings"]:
                zones.setdefault(offering["InstanceType"], set()).add(offering["Location"])
        return {kind: frozenset(names) for kind, names in zones.items()}

    def groups(self, group_ids: Sequence[str]) -> dict[str, GroupRule]:
        """Whom each security group admits to port 443."""
        if not group_ids:
            return {}
        replies = self._ec2.describe_security_groups(GroupIds=list(group_ids))["SecurityGroups"]
        return {reply["GroupId"]: _group_rule(reply["IpPermissions"]) for reply in replies}

    def own_group(self, platform: str) -> str:
        """The id of the platform's security group in the VPC; empty before its first `up`."""
        filters: Any = [
            {"Name": "vpc-id", "Values": [self._vpc_id]},
            {"Name": f"tag:{TAG}", "Values": [platform]},
        ]
        groups = self._ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
        return groups[0]["GroupId"] if groups else ""


def _route_tables(ec2: EC2Client, vpc_ids: Sequence[str]) -> Callable[[Any], Any]:
    """A function from DescribeSubnets' reply to its route table; without one of its own, the VPC's main one."""
    by_subnet: dict[str, Any] = {}
    by_vpc: dict[str, Any] = {}
    if vpc_ids:
        reply = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": list(vpc_ids)}])
        for table in reply["RouteTables"]:
            for association in table.get("Associations", ()):
                if association.get("Main"):
                    by_vpc[table["VpcId"]] = table
                elif "SubnetId" in association:
                    by_subnet[association["SubnetId"]] = table
    return lambda subnet: by_subnet.get(subnet["SubnetId"]) or by_vpc.get(subnet["VpcId"]) or {}


def _subnet(reply: Any, table: Any, endpoints: Iterable[Endpoint]) -> Subnet:
    active = [route for route in table.get("Routes", ()) if route.get("State", "active") == "active"]
    defaults = [route for route in active if route.get("DestinationCidrBlock") == "0.0.0.0/0"]
    others = [route for route in active if route not in defaults]
    return Subnet(
        reply["SubnetId"],
        bool(reply.get("MapPublicIpOnLaunch")),
        _target(defaults, (*_TARGETS, *_OTHER_NETWORKS)),
        services=reached_services(endpoints, table.get("RouteTableId", "")),
        # A virtual private gateway leads into the institute's own network.
        other_network=_target(others, _OTHER_NETWORKS) or _target(others, ("GatewayId",), beginning="vgw-"),
    )


def _target(routes: Iterable[Any], names: Iterable[str], *, beginning: str = "") -> str:
    targets = (str(route[name]) for route in routes for name in names if route.get(name))
    return next((target for target in targets if target.startswith(beginning)), "")


def _endpoint(reply: Any, region: str) -> Endpoint:
    dns = reply.get("DnsOptions") or {}
    # S3's interface endpoint may serve only requests from outside the VPC.
    only_inbound = dns.get("PrivateDnsOnlyForInboundResolverEndpoint") is True
    return Endpoint(
        endpoint_id=reply["VpcEndpointId"],
        service=reply["ServiceName"].partition(f".{region}.")[2],
        kind=reply["VpcEndpointType"],
        is_available=str(reply.get("State", "available")).lower() == "available",
        route_table_ids=tuple(reply.get("RouteTableIds", ())),
        has_private_dns=bool(reply.get("PrivateDnsEnabled")) and not only_inbound,
        group_ids=tuple(group["GroupId"] for group in reply.get("Groups", ())),
        has_own_policy=not _allows_everything(reply.get("PolicyDocument")),
    )


def _allows_everything(document: Any) -> bool:
    """Whether an endpoint's policy is AWS's default."""
    text = "".join(str(document or "").split())
    is_open = all(part in text for part in ('"Effect":"Allow"', '"Principal":"*"', '"Action":"*"', '"Resource":"*"'))
    return not text or (is_open and "Deny" not in text and "Condition" not in text)


def _acl_rules(entries: Iterable[Any]) -> Iterable[AclRule]:
    for entry in entries:
        if "CidrBlock" not in entry:
            continue
        ports = entry.get("PortRange") or {}
        yield AclRule(
            number=entry["RuleNumber"],
            is_outbound=entry["Egress"],
            allows=entry["RuleAction"] == "allow",
            protocol=str(entry["Protocol"]),
            cidr=entry["CidrBlock"],
            first_port=ports.get("From", 0),
            last_port=ports.get("To", 65535),
        )


def _group_rule(permissions: Iterable[Any]) -> GroupRule:
    https = [
        permission
        for permission in permissions
        if permission["IpProtocol"] == "-1"
        or (permission["IpProtocol"] == "tcp" and permission["FromPort"] <= _HTTPS <= permission["ToPort"])
    ]
    return GroupRule(
        cidrs=tuple(entry["CidrIp"] for permission in https for entry in permission.get("IpRanges", ())),
        group_ids=tuple(pair["GroupId"] for permission in https for pair in permission.get("UserIdGroupPairs", ())),
        has_prefix_list=any(permission.get("PrefixListIds") for permission in https),
    )
