"""An existing network: what is missing is said in one sentence with what adds it, and nothing is said of what works."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opsctl.core.diagnosis.queue_snapshot import NotVisible
from opsctl.core.platform.network import NetworkNeeds, NetworkReport, check_network, endpoint_name
from opsctl.core.platform.network_facts import AclRule, GroupRule, NetworkAcl, NetworkFacts, PlacedSubnet, Vpc
from opsctl.core.platform.subnet import SERVICES, Endpoint, Subnet

VPC = Vpc(vpc_id="vpc-1", cidr="10.1.0.0/16")
OPEN = GroupRule(cidrs=("10.1.0.0/16",))
NEEDS = NetworkNeeds(instance_types=("r5.large", "r5.xlarge"), instances=200)
ZONES = {kind: frozenset({"us-east-1a", "us-east-1b"}) for kind in NEEDS.instance_types}


def allow(number: int, *, is_outbound: bool, cidr: str = "0.0.0.0/0", first: int = 0, last: int = 65535) -> AclRule:
    return AclRule(
        number=number, is_outbound=is_outbound, allows=True, protocol="-1", cidr=cidr, first_port=first, last_port=last
    )


def deny(number: int, *, is_outbound: bool, cidr: str = "0.0.0.0/0", first: int = 0, last: int = 65535) -> AclRule:
    return replace(allow(number, is_outbound=is_outbound, cidr=cidr, first=first, last=last), allows=False)


DEFAULT_ACL = NetworkAcl(acl_id="acl-1", rules=(allow(100, is_outbound=True), allow(100, is_outbound=False)))


def endpoint(service: str, **changes: Any) -> Endpoint:
    made = Endpoint(endpoint_id=f"vpce-{service}", service=service, kind="Interface", group_ids=("sg-e",))
    if service == "s3":
        made = replace(made, kind="Gateway", route_table_ids=("rtb-1",), group_ids=())
    return replace(made, **changes)


ENDPOINTS = tuple(endpoint(service) for service in SERVICES)


def placed(subnet: Subnet, **changes: Any) -> PlacedSubnet:
    first = PlacedSubnet(subnet=subnet, vpc_id="vpc-1", zone="us-east-1a", cidr="10.1.1.0/24", free_addresses=251)
    return replace(first, **changes)


PRIVATE = placed(Subnet("subnet-a", False, "", frozenset(SERVICES)))
NAT = placed(Subnet("subnet-n", False, "nat-1"), zone="us-east-1b", cidr="10.1.2.0/24")
PUBLIC = placed(Subnet("subnet-p", True, "igw-1"))


def network(*subnets: PlacedSubnet, **changes: Any) -> NetworkFacts:
    first = NetworkFacts(
        region="us-east-1",
        vpc_id="vpc-1",
        subnet_ids=tuple(subnet.subnet_id for subnet in subnets),
        vpc=VPC,
        subnets=subnets,
        endpoints=ENDPOINTS,
        acls={subnet.subnet_id: DEFAULT_ACL for subnet in subnets},
        endpoint_groups={"sg-e": OPEN},
        zones=ZONES,
    )
    return replace(first, **changes)


def only_problem(report: NetworkReport) -> str:
    (problem,) = report.problems
    return problem


@pytest.mark.parametrize("subnet", [PRIVATE, NAT, PUBLIC])
def test_a_subnet_with_endpoints_or_a_way_out_is_usable_and_nothing_is_said(subnet: PlacedSubnet) -> None:
    assert check_network(network(subnet), NEEDS) == NetworkReport(usable=(subnet.subnet_id,))


@pytest.mark.parametrize("service", SERVICES)
def test_each_missing_endpoint_is_named_with_what_adds_it(service: str) -> None:
    there = frozenset(SERVICES) - {service}
    subnet = placed(Subnet("subnet-a", False, "", there))
    endpoints = tuple(entry for entry in ENDPOINTS if entry.service != service)
    report = check_network(network(subnet, endpoints=endpoints), NEEDS)
    kind = "gateway endpoint to that table" if service == "s3" else "interface endpoint, with private DNS"
    assert report.usable == ()
    assert f"com.amazonaws.us-east-1.{service} (" in only_problem(report)
    assert only_problem(report).endswith(f"add the {kind}.")


def test_without_any_way_each_service_has_its_sentence() -> None:
    bare = placed(Subnet("subnet-a", False, ""))
    report = check_network(network(bare, endpoints=()), NEEDS)
    assert len(report.problems) == len(SERVICES)
    assert report.usable == ()


@pytest.mark.parametrize(
    ("subnet", "changes", "sentence"),
    [
        (replace(PRIVATE, vpc_id="vpc-2"), {}, "subnet-a belongs to vpc-2, not to vpc-1."),
        (
            replace(PRIVATE, zone="us-east-1e"),
            {},
            "subnet-a lies in us-east-1e, which has no r5.large and no r5.xlarge: choose a subnet of another zone.",
        ),
        (replace(PRIVATE, free_addresses=0), {}, "subnet-a has no free address."),
        (
            PRIVATE,
            {"endpoint_groups": {"sg-e": GroupRule(cidrs=("10.1.2.0/24",), group_ids=("sg-other",))}},
            "is refused by vpce-logs (com.amazonaws.us-east-1.logs): let its security group sg-e admit TCP port 443 "
            "from 10.1.1.0/24.",
        ),
        (
            NAT,
            {"endpoint_groups": {"sg-e": GroupRule()}},
            "subnet-n is refused by vpce-logs (com.amazonaws.us-east-1.logs)",
        ),
        (
            placed(Subnet("subnet-a", False, "", frozenset(SERVICES) - {"logs"})),
            {
                "endpoints": (*ENDPOINTS[:-1], endpoint("logs", has_private_dns=False)),
                "vpc": replace(VPC, has_dns_names=False),
            },
            "vpce-logs (com.amazonaws.us-east-1.logs) has no private DNS: turn its private DNS on, which needs "
            "enableDnsHostnames of vpc-1.",
        ),
        (
            PRIVATE,
            {"acls": {"subnet-a": NetworkAcl(acl_id="acl-1", rules=(allow(1, is_outbound=True),))}},
            "subnet-a has the network ACL acl-1, which blocks the replies in (TCP, ports 32768 to 60999)",
        ),
        (
            PRIVATE,
            {"acls": {"subnet-a": NetworkAcl(acl_id="acl-1", rules=(allow(1, is_outbound=False),))}},
            "subnet-a has the network ACL acl-1, which blocks HTTPS out",
        ),
        (
            NAT,
            {
                "acls": {
                    "subnet-n": NetworkAcl(
                        acl_id="acl-1",
                        rules=(deny(50, is_outbound=True, first=443, last=443), *DEFAULT_ACL.rules),
                    )
                }
            },
            "blocks HTTPS out",
        ),
    ],
)
def test_what_keeps_a_subnet_from_working(subnet: PlacedSubnet, changes: dict[str, Any], sentence: str) -> None:
    report = check_network(network(subnet, **changes), NEEDS)
    assert report.usable == ()
    assert any(sentence in problem for problem in report.problems), report.problems


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (network(PRIVATE, vpc=None), "There is no VPC vpc-1 in this account in us-east-1."),
        (network(PRIVATE, vpc=replace(VPC, has_dns=False)), "vpc-1 has no DNS, so that no name of AWS can be resolved"),
        (network(PRIVATE, vpc=replace(VPC, platform="m2g")), "carries the tag of the platform m2g"),
        (replace(network(PRIVATE), subnet_ids=("subnet-x",)), "subnet-x is not in this account in us-east-1."),
    ],
)
def test_what_keeps_the_whole_network_from_working(facts: NetworkFacts, sentence: str) -> None:
    report = check_network(facts, NEEDS)
    assert report.usable == ()
    assert sentence in only_problem(report)


def test_one_good_subnet_is_enough_and_the_same_fault_is_said_once() -> None:
    bad = [placed(Subnet(f"subnet-{name}", True, "igw-1"), free_addresses=0) for name in "xy"]
    report = check_network(network(*bad, PRIVATE), NEEDS)
    assert report.usable == ("subnet-a",)
    assert report.problems == ("subnet-x, subnet-y has no free address.",)


def test_an_image_outside_ecr_needs_a_way_to_the_internet() -> None:
    needs = replace(NEEDS, foreign_image="docker.io/lab/m2g:1")
    assert "docker.io/lab/m2g:1 is not on ECR" in only_problem(check_network(network(PRIVATE), needs))
    assert check_network(network(NAT), needs).problems == ()


def test_fewer_addresses_than_instances_is_a_doubt() -> None:
    assert check_network(network(PRIVATE, NAT), replace(NEEDS, instances=502)).doubts == ()
    report = check_network(network(PRIVATE, NAT), replace(NEEDS, instances=503))
    assert report.usable == ("subnet-a", "subnet-n")
    assert "502 free addresses, and 503 instances" in report.doubts[0]


def test_what_lies_behind_a_transit_gateway_is_a_doubt_and_no_refusal() -> None:
    behind = placed(Subnet("subnet-a", False, "", frozenset({"s3"}), other_network="tgw-1"))
    report = check_network(network(behind, endpoints=()), NEEDS)
    assert report.usable == ("subnet-a",)
    assert report.problems == ()
    assert report.doubts[0].startswith("What lies behind tgw-1 is not visible: ecr.api, ecr.dkr, ecs")
    assert behind.subnet.problem == ""


def test_an_endpoint_with_a_policy_of_its_own_is_a_doubt() -> None:
    own = tuple(replace(entry, has_own_policy=entry.service == "s3") for entry in ENDPOINTS)
    report = check_network(network(PRIVATE, endpoints=own), NEEDS)
    assert report.usable == ("subnet-a",)
    assert "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*" in report.doubts[0]


@pytest.mark.parametrize("name", ["vpc", "subnets", "endpoints", "acls", "endpoint_groups", "zones"])
def test_a_hidden_fact_is_said_and_is_neither_fine_nor_a_refusal(name: str) -> None:
    hidden = NotVisible("ec2:DescribeSomething", "is not permitted")
    report = check_network(network(PRIVATE, **{name: hidden}), NEEDS)
    assert report.usable == ("subnet-a",)
    assert report.problems == ()
    assert report.doubts == ("The network could not be looked at: ec2:DescribeSomething is not permitted.",)


def test_the_platforms_own_group_may_be_what_an_endpoint_admits() -> None:
    by_group = {"sg-e": GroupRule(group_ids=("sg-own",))}
    assert check_network(network(PRIVATE, endpoint_groups=by_group), NEEDS).usable == ()
    assert check_network(network(PRIVATE, endpoint_groups=by_group, own_group_id="sg-own"), NEEDS).usable != ()


def test_names_of_endpoints() -> None:
    assert endpoint_name("eu-central-1", "ecr.api") == "com.amazonaws.eu-central-1.ecr.api"
    assert endpoint_name("us-gov-west-1", "ecs") == "com.amazonaws.us-gov-west-1.ecs"
    assert endpoint_name("cn-north-1", "ecr.api") == "cn.com.amazonaws.cn-north-1.ecr.api"
