"""A subnet in which instances start, and what of AWS they reach from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

#: The services that an instance and its jobs call, as endpoints name them, and what for. Credentials come from ECS and
#: EC2 inside the instance: STS, SSM and Batch itself are not called.
#: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html
#: https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
SERVICES: Mapping[str, str] = {
    "s3": "scans, results and the image's layers",
    "ecr.api": "the image",
    "ecr.dkr": "the image",
    "ecs": "joining the cluster",
    "ecs-agent": "starting jobs",
    "ecs-telemetry": "starting jobs",
    "logs": "the jobs' log lines",
}
EndpointKind = Literal["Gateway", "Interface"]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An endpoint of a VPC.

    Attributes
    ----------
    service
        The last part of its service's name, as in `SERVICES`.
    is_available
        Whether AWS has completed it.
    route_table_ids
        Of a gateway endpoint: the route tables that lead to it.
    has_private_dns
        Of an interface endpoint: whether the service's usual name leads to it.
    group_ids
        Of an interface endpoint: its security groups.
    has_own_policy
        Whether its policy is not AWS's default, which allows everything.
    """

    endpoint_id: str
    service: str
    kind: EndpointKind
    is_available: bool = True
    route_table_ids: tuple[str, ...] = ()
    has_private_dns: bool = True
    group_ids: tuple[str, ...] = ()
    has_own_policy: bool = False


def reached_services(endpoints: Iterable[Endpoint], route_table_id: str) -> frozenset[str]:
    """The services whose usual names lead to an endpoint, for the subnets of a route table."""
    return frozenset(
        endpoint.service
        for endpoint in endpoints
        if endpoint.is_available
        and (route_table_id in endpoint.route_table_ids if endpoint.kind == "Gateway" else endpoint.has_private_dns)
    )


@dataclass(frozen=True)
class Subnet:
    """A subnet in which instances start.

    Attributes
    ----------
    gives_public_ip
        EC2's `MapPublicIpOnLaunch`.
    way_out
        Target of its route to 0.0.0.0/0: `igw-…`, `nat-…`, …; empty where there is none.
    services
        The services that an endpoint of the VPC serves there.
    other_network
        Target of a route to another network, such as `tgw-…`: whether AWS is reached through that network is not
        visible. Empty where there is none.
    """

    subnet_id: str
    gives_public_ip: bool
    way_out: str
    services: frozenset[str] = frozenset()
    other_network: str = ""

    @property
    def reaches_internet(self) -> bool:
        """Whether an instance in it reaches public addresses."""
        return bool(self.way_out) and (self.gives_public_ip or not self.way_out.startswith("igw-"))

    @property
    def missing_services(self) -> tuple[str, ...]:
        """The services that neither an endpoint nor a way out leads to."""
        return () if self.reaches_internet else tuple(service for service in SERVICES if service not in self.services)

    @property
    def problem(self) -> str:
        """Why an instance in the subnet cannot reach AWS; empty where it can, or where that is not visible."""
        missing = self.missing_services
        if not missing or self.other_network:
            return ""
        endpoints = f", and its VPC has no endpoint for {', '.join(missing)}" if self.services else ""
        if not self.way_out:
            return f"{self.subnet_id} has no route to the internet{endpoints}"
        return (
            f"{self.subnet_id} gives its instances no public address, and its way out is an internet gateway{endpoints}"
        )
