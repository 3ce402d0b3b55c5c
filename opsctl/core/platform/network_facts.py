"""What AWS shows of an existing network that a platform is to use (`up --vpc-id`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from opsctl.core.diagnosis.queue_snapshot import NotVisible
from opsctl.core.platform.subnet import Endpoint, Subnet

#: Network ACLs keep no state: replies come to a port that the instance has chosen. Linux chooses from these.
_REPLY_PORTS = (32768, 60999)
_TCP, _ALL_PROTOCOLS = "6", "-1"
#: The place of an address outside every private range; which of AWS's addresses answers is not known in advance.
_PUBLIC_ADDRESS = "52.94.0.1"


@dataclass(frozen=True, kw_only=True)
class Vpc:
    """A VPC.

    Attributes
    ----------
    platform
        The platform whose tag it carries, so that `down` of that platform removes it; empty for none.
    has_dns
        EC2's `enableDnsSupport`.
    has_dns_names
        EC2's `enableDnsHostnames`, without which no endpoint has private DNS.
    """

    vpc_id: str
    cidr: str
    platform: str = ""
    has_dns: bool = True
    has_dns_names: bool = True


@dataclass(frozen=True, kw_only=True)
class AclRule:
    """A rule of a network ACL; the one with the smallest number that matches decides."""

    number: int
    is_outbound: bool
    allows: bool
    protocol: str
    cidr: str
    first_port: int = 0
    last_port: int = 65535

    def matches(self, *, is_outbound: bool, address: str, port: int) -> bool:
        """Whether it decides on a TCP packet: `port` is the destination's."""
        return (
            self.is_outbound == is_outbound
            and self.protocol in (_TCP, _ALL_PROTOCOLS)
            and IPv4Address(address) in IPv4Network(self.cidr)
            and self.first_port <= port <= self.last_port
        )


@dataclass(frozen=True, kw_only=True)
class NetworkAcl:
    """The network ACL of a subnet, with its rules for IPv4."""

    acl_id: str
    rules: tuple[AclRule, ...]

    def blocked(self, address: str) -> str:
        """What of HTTPS to an address the ACL blocks; empty for nothing."""
        if not self._allows(is_outbound=True, address=address, port=443):
            return "HTTPS out"
        replies = all(self._allows(is_outbound=False, address=address, port=port) for port in _REPLY_PORTS)
        return "" if replies else f"the replies in (TCP, ports {_REPLY_PORTS[0]} to {_REPLY_PORTS[1]})"

    def _allows(self, *, is_outbound: bool, address: str, port: int) -> bool:
        for rule in sorted(self.rules, key=lambda rule: rule.number):
            if rule.matches(is_outbound=is_outbound, address=address, port=port):
                return rule.allows
        return False


@dataclass(frozen=True, kw_only=True)
class PlacedSubnet:
    """A subnet with its place in the network."""

    subnet: Subnet
    vpc_id: str
    zone: str
    cidr: str
    free_addresses: int

    @property
    def subnet_id(self) -> str:
        """The subnet's id."""
        return self.subnet.subnet_id

    @property
    def destinations(self) -> tuple[str, ...]:
        """An address of each kind that an instance calls: of an endpoint in the VPC, of S3 or of the internet."""
        inside = str(IPv4Network(self.cidr)[-2])
        gateway = self.subnet.reaches_internet or "s3" in self.subnet.services
        return (inside, _PUBLIC_ADDRESS) if gateway else (inside,)


@dataclass(frozen=True, kw_only=True)
class GroupRule:
    """Whom a security group admits to port 443: ranges of addresses, and other groups."""

    cidrs: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()
    has_prefix_list: bool = False

    def admits(self, cidr: str, group_id: str) -> bool:
        """Whether the whole range is admitted, or the platform's own group."""
        subnet = IPv4Network(cidr)
        return group_id in self.group_ids or any(subnet.subnet_of(IPv4Network(admitted)) for admitted in self.cidrs)


@dataclass(frozen=True, kw_only=True)
class NetworkFacts:
    """A network as it is asked for. A field is `NotVisible` where it could not be read.

    Attributes
    ----------
    subnet_ids
        As typed.
    vpc
        None where there is none of this id in the account and region.
    subnets
        Those of `subnet_ids` that exist.
    acls
        By subnet.
    endpoint_groups
        The security groups of the endpoints, by id.
    zones
        By instance type: the zones that offer it.
    own_group_id
        The platform's security group, once it exists.
    """

    region: str
    vpc_id: str
    subnet_ids: tuple[str, ...]
    vpc: Vpc | NotVisible | None
    subnets: tuple[PlacedSubnet, ...] | NotVisible
    endpoints: tuple[Endpoint, ...] | NotVisible
    acls: Mapping[str, NetworkAcl] | NotVisible
    endpoint_groups: Mapping[str, GroupRule] | NotVisible
    zones: Mapping[str, frozenset[str]] | NotVisible
    own_group_id: str = ""
