"""Decide whether a platform can work in an existing network, and say what is missing.

Without a way to ECS every job stays RUNNABLE; without S3, ECR or Logs it fails on an instance that has been paid for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from opsctl.core.diagnosis.queue_snapshot import NotVisible
from opsctl.core.platform.network_facts import NetworkFacts, PlacedSubnet, Vpc
from opsctl.core.platform.subnet import SERVICES


@dataclass(frozen=True, kw_only=True)
class NetworkNeeds:
    """What a platform needs of its network.

    Attributes
    ----------
    instance_types
        Those that every scan of a model fits.
    instances
        How many may run at once; each takes one address.
    foreign_image
        The jobs' image where it is not on ECR; empty otherwise.
    """

    instance_types: tuple[str, ...]
    instances: int
    foreign_image: str = ""


@dataclass(frozen=True, kw_only=True)
class NetworkReport:
    """What was found, each a sentence.

    Attributes
    ----------
    usable
        The ids of the subnets in which jobs can start, as far as is visible.
    problems
        What keeps jobs from starting, in all or in some subnets.
    doubts
        What could not be decided, or will be too little.
    """

    usable: tuple[str, ...]
    problems: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def check_network(facts: NetworkFacts, needs: NetworkNeeds) -> NetworkReport:
    """Apply all rules.

    Returns
    -------
    NetworkReport
        Without a usable subnet, the platform could never run a job. Where the subnets are not visible, all are taken
        for usable.
    """
    doubts = [f"The network {hidden.sentence}." for hidden in _hidden(facts)]
    if facts.vpc is None:
        return NetworkReport(
            usable=(), problems=(f"There is no VPC {facts.vpc_id} in this account in {facts.region}.",), doubts=()
        )
    if isinstance(facts.subnets, NotVisible):
        return NetworkReport(usable=facts.subnet_ids, doubts=tuple(doubts))
    everywhere = list(_in_every_subnet(facts.vpc)) if isinstance(facts.vpc, Vpc) else []
    by_sentence: dict[str, list[str]] = {}
    by_id = {subnet.subnet_id: subnet for subnet in facts.subnets}
    for subnet_id in facts.subnet_ids:
        subnet = by_id.get(subnet_id)
        sentences = (
            [f"is not in this account in {facts.region}"] if subnet is None else _in_subnet(facts, needs, subnet)
        )
        for sentence in sentences:
            by_sentence.setdefault(sentence, []).append(subnet_id)
    closed = {subnet_id for subnet_ids in by_sentence.values() for subnet_id in subnet_ids}
    usable = () if everywhere else tuple(subnet_id for subnet_id in facts.subnet_ids if subnet_id not in closed)
    problems = [f"{', '.join(subnet_ids)} {sentence}." for sentence, subnet_ids in by_sentence.items()]
    doubts += _doubts(facts, needs, [by_id[subnet_id] for subnet_id in usable])
    return NetworkReport(usable=usable, problems=(*everywhere, *problems), doubts=tuple(doubts))


def endpoint_name(region: str, service: str) -> str:
    """The name of a service for a new endpoint."""
    # In China the interface endpoints of most services have another beginning.
    prefix = "cn.com" if region.startswith("cn-") and service not in ("s3", "logs") else "com"
    return f"{prefix}.amazonaws.{region}.{service}"


def _hidden(facts: NetworkFacts) -> tuple[NotVisible, ...]:
    values = (getattr(facts, field.name) for field in fields(facts))
    return tuple(dict.fromkeys(value for value in values if isinstance(value, NotVisible)))


def _in_every_subnet(vpc: Vpc) -> Iterator[str]:
    if vpc.platform:
        yield (
            f"{vpc.vpc_id} carries the tag of the platform {vpc.platform}, and `opsctl down` of that one removes it: "
            "use another VPC."
        )
    if not vpc.has_dns:
        yield (
            f"{vpc.vpc_id} has no DNS, so that no name of AWS can be resolved: set its attribute enableDnsSupport "
            f"(aws ec2 modify-vpc-attribute --vpc-id {vpc.vpc_id} --enable-dns-support)."
        )


def _in_subnet(facts: NetworkFacts, needs: NetworkNeeds, subnet: PlacedSubnet) -> list[str]:
    """What keeps instances in a subnet from working, each to follow the subnet's id."""
    if subnet.vpc_id != facts.vpc_id:
        return [f"belongs to {subnet.vpc_id}, not to {facts.vpc_id}"]
    return [
        *_zone(facts, needs, subnet),
        *_routes(facts, needs, subnet),
        *_endpoint_groups(facts, subnet),
        *_acl(facts, subnet),
        *(["has no free address"] if subnet.free_addresses < 1 else []),
    ]


def _zone(facts: NetworkFacts, needs: NetworkNeeds, subnet: PlacedSubnet) -> Iterator[str]:
    if isinstance(facts.zones, NotVisible):
        return
    lacking = [kind for kind in needs.instance_types if subnet.zone not in facts.zones.get(kind, frozenset())]
    if lacking:
        yield f"lies in {subnet.zone}, which has no {' and no '.join(lacking)}: choose a subnet of another zone"


def _routes(facts: NetworkFacts, needs: NetworkNeeds, subnet: PlacedSubnet) -> Iterator[str]:
    routes = subnet.subnet
    if isinstance(facts.endpoints, NotVisible) or routes.other_network or routes.reaches_internet:
        return
    way = (
        "has a route to an internet gateway, and gives its instances no public address"
        if routes.way_out
        else "has no route to the internet"
    )
    without_dns = {
        endpoint.service: endpoint.endpoint_id
        for endpoint in facts.endpoints
        if endpoint.kind == "Interface" and not endpoint.has_private_dns
    }
    dns_hint = "turn its private DNS on"
    if isinstance(facts.vpc, Vpc) and not facts.vpc.has_dns_names:
        dns_hint += f", which needs enableDnsHostnames of {facts.vpc_id}"
    for service in routes.missing_services:
        name = endpoint_name(facts.region, service)
        if service in without_dns:
            yield f"{way}, and {without_dns[service]} ({name}) has no private DNS: {dns_hint}"
        elif service == "s3":
            yield (
                f"{way}, and its route table leads to no endpoint {name} ({SERVICES[service]}): add the gateway "
                "endpoint to that table"
            )
        else:
            yield (
                f"{way}, and its VPC has no endpoint {name} ({SERVICES[service]}): add the interface endpoint, with "
                "private DNS"
            )
    if needs.foreign_image:
        yield (
            f"{way}, and {needs.foreign_image} is not on ECR: push it to the platform's repository, or add a NAT "
            "gateway"
        )


def _endpoint_groups(facts: NetworkFacts, subnet: PlacedSubnet) -> Iterator[str]:
    """Endpoints that refuse the subnet. With private DNS they get its requests even where there is a NAT gateway."""
    if isinstance(facts.endpoints, NotVisible) or isinstance(facts.endpoint_groups, NotVisible):
        return
    for endpoint in facts.endpoints:
        if endpoint.kind == "Gateway" or not endpoint.has_private_dns or endpoint.service not in SERVICES:
            continue
        groups = [
            facts.endpoint_groups[group_id] for group_id in endpoint.group_ids if group_id in facts.endpoint_groups
        ]
        if groups and not any(
            group.has_prefix_list or group.admits(subnet.cidr, facts.own_group_id) for group in groups
        ):
            yield (
                f"is refused by {endpoint.endpoint_id} ({endpoint_name(facts.region, endpoint.service)}): let its "
                f"security group {endpoint.group_ids[0]} admit TCP port 443 from {subnet.cidr}"
            )


def _acl(facts: NetworkFacts, subnet: PlacedSubnet) -> Iterator[str]:
    if isinstance(facts.acls, NotVisible) or subnet.subnet_id not in facts.acls:
        return
    acl = facts.acls[subnet.subnet_id]
    for address in subnet.destinations:
        blocked = acl.blocked(address)
        if blocked:
            yield f"has the network ACL {acl.acl_id}, which blocks {blocked} for {address} and its like: allow it there"
            return


def _doubts(facts: NetworkFacts, needs: NetworkNeeds, usable: Sequence[PlacedSubnet]) -> Iterator[str]:
    beyond = sorted({subnet.subnet.other_network for subnet in usable if subnet.subnet.missing_services})
    for target in beyond:
        services = dict.fromkeys(
            service
            for subnet in usable
            if subnet.subnet.other_network == target
            for service in subnet.subnet.missing_services
        )
        yield (
            f"What lies behind {target} is not visible: {', '.join(services)} must be reached through it, by names "
            f"that {usable[0].vpc_id} resolves."
        )
    if not isinstance(facts.endpoints, NotVisible):
        for endpoint in facts.endpoints:
            if endpoint.service in SERVICES and endpoint.has_own_policy:
                yield _policy_doubt(facts.region, endpoint.endpoint_id, endpoint.service)
    free = sum(subnet.free_addresses for subnet in usable)
    if usable and free < needs.instances:
        yield (
            f"The subnets have {free} free addresses, and {needs.instances} instances may run at once: no more than "
            f"{free} scans will. `--set csd_max_vcpus=` and `--set csa_max_vcpus=` set smaller limits."
        )


def _policy_doubt(region: str, endpoint_id: str, service: str) -> str:
    if service == "s3":
        what = (
            "allow the data bucket, the source buckets and the image's layers "
            f"(arn:aws:s3:::prod-{region}-starport-layer-bucket/*)"
        )
    else:
        what = "allow what the platform's roles call"
    return f"{endpoint_id} ({endpoint_name(region, service)}) has a policy that is not checked here: it must {what}."
