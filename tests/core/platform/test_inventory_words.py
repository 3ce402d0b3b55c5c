"""Which names are a platform's, and which resources are not in a state."""

from __future__ import annotations

from typing import Any

import pytest

from opsctl.core.platform.inventory import (
    TAG,
    Resource,
    ResourceKind,
    addresses_of,
    batch_names,
    counts_text,
    in_use,
    is_ours,
    known_keys,
    known_types,
    orphans,
    role_names,
)

SUFFIX = "20261122120000000000000001"


@pytest.mark.parametrize(
    ("name", "tags", "ours"),
    [
        ("opsctl-m2g-csd", {TAG: "m2g"}, True),
        (f"opsctl-m2g-csd-{SUFFIX}", {TAG: "m2g"}, True),
        (f"opsctl-m2g-csd-fallback-{SUFFIX}", {TAG: "m2g"}, True),
        ("opsctl-m2g-csd", {}, False),
        (f"opsctl-m2g-csd-{SUFFIX}", {"lab": "neuro"}, False),
        ("opsctl-m2g-csd", {TAG: "m2g-x"}, None),
        ("opsctl-m2g-x-csd", {TAG: "m2g-x"}, None),
        ("opsctl-m2g-x-csd", {}, None),
        (f"opsctl-m2g-x-csd-{SUFFIX}", {}, None),
        ("opsctl-m2g-csd-mine", {}, None),
        ("opsctl-m2g", {TAG: "m2g"}, None),
        ("opsctl-m2g2-csd", {}, None),
        ("my-opsctl-m2g-csd", {}, None),
        ("labs-own", {TAG: "m2g"}, None),
        ("lab-opsctl-m2g-csd", {TAG: "m2g"}, True),
        (f"my-lab-opsctl-m2g-csd-{SUFFIX}", {TAG: "m2g"}, True),
        ("lab-opsctl-m2g-x-csd", {TAG: "m2g-x"}, None),
        ("labopsctl-m2g-csd", {TAG: "m2g"}, None),
    ],
)
def test_what_is_a_platforms_by_name_and_tag(name: str, tags: dict[str, str], ours: bool | None) -> None:
    assert is_ours(name, batch_names("m2g"), tags, platform="m2g") is ours


@pytest.mark.parametrize(
    ("platform", "region", "name", "fits"),
    [
        ("m2g", "us-east-1", "opsctl-m2g-us-east-1-job", True),
        ("m2g", "us-east-1", "opsctl-m2g-us-east-1-spot-fleet", True),
        ("m2g", "us-east-1", "opsctl-m2g-us-east-1", False),
        ("m2g", "us-east-1", "opsctl-m2g-us-east-12-job", False),
        ("m2g", "us-east-1", "opsctl-m2g-us-east-2-job", False),
        # Names of the platform m2g-us-east-1 in two regions, and of one whose name begins like it.
        ("m2g", "us-east-1", "opsctl-m2g-us-east-1-us-east-1-job", False),
        ("m2g", "us-east-1", "opsctl-m2g-us-east-1-eu-west-2-job", False),
        ("m2g", "us-east-1", "opsctl-m2g-us-east-1-x-us-gov-east-1-job", False),
        ("m2g-us-east-1", "us-east-1", "opsctl-m2g-us-east-1-us-east-1-job", True),
        ("m2g-us-east-1", "us-east-1", "opsctl-m2g-us-east-1-job", False),
        ("m2g", "us-east-1", "opsctl-m2g-x-us-east-1-job", False),
    ],
)
def test_whose_role_it_is(platform: str, region: str, name: str, fits: bool) -> None:
    assert bool(role_names(platform, region=region).fullmatch(name)) is fits


STATE: dict[str, Any] = {
    "resources": [
        {"mode": "data", "type": "aws_region", "name": "current", "instances": [{"attributes": {"id": "us-east-1"}}]},
        {
            "mode": "managed",
            "module": "module.batch",
            "type": "aws_batch_compute_environment",
            "name": "model",
            "instances": [
                {"index_key": "csd", "attributes": {"id": "env-csd", "arn": "arn:env-csd"}},
                {"index_key": "csa", "attributes": {"id": "env-csa", "arn": "arn:env-csa"}},
                {"index_key": "csa", "deposed": "0a", "attributes": {"id": "env-old", "arn": "arn:env-old"}},
            ],
        },
        {"mode": "managed", "type": "aws_vpc", "name": "main", "instances": [{"attributes": {"id": "vpc-1"}}]},
        {
            "mode": "managed",
            "type": "aws_subnet",
            "name": "public",
            "instances": [{"index_key": 0, "attributes": {"id": "subnet-1"}}],
        },
    ]
}


def test_what_a_state_knows() -> None:
    assert known_keys(STATE) == {
        *("env-csd", "arn:env-csd", "env-csa", "arn:env-csa", "env-old", "arn:env-old", "vpc-1", "subnet-1"),
    }
    assert known_keys({}) == frozenset()
    assert known_types(STATE) == ["aws_batch_compute_environment"] * 3 + ["aws_vpc", "aws_subnet"]


@pytest.mark.parametrize(
    ("keys", "addresses"),
    [
        (["arn:env-csa"], ['module.batch.aws_batch_compute_environment.model["csa"]']),
        (["env-csd"], ['module.batch.aws_batch_compute_environment.model["csd"]']),
        (["arn:env-old"], []),
        (["vpc-1", "subnet-1"], ["aws_vpc.main", "aws_subnet.public[0]"]),
        ([], []),
    ],
)
def test_where_things_are_in_a_state(keys: list[str], addresses: list[str]) -> None:
    assert addresses_of(STATE, keys) == addresses


def resource(kind: ResourceKind, key: str, **more: Any) -> Resource:
    return Resource(kind=kind, id=key, **more)


def test_orphans_are_what_the_state_does_not_know() -> None:
    vpcs = [resource(ResourceKind.VPC, "vpc-1"), resource(ResourceKind.VPC, "vpc-2")]
    assert orphans(vpcs, known_keys(STATE)) == (vpcs[1],)


def test_a_role_is_not_the_profile_of_its_name() -> None:
    role = resource(ResourceKind.ROLE, "opsctl-m2g-us-east-1-instance", arn="arn:role")
    profile = resource(ResourceKind.PROFILE, "opsctl-m2g-us-east-1-instance", arn="arn:profile")
    assert orphans([role, profile], {"arn:role", "arn:profile"}) == ()
    assert profile.key != role.key
    # Of a half-made one Terraform knows only the name.
    attributes = {"id": role.id, "arn": None}
    for kind, lost in (("aws_iam_role", profile), ("aws_iam_instance_profile", role)):
        entry = {"mode": "managed", "type": kind, "name": "instance", "instances": [{"attributes": attributes}]}
        assert orphans([role, profile], known_keys({"resources": [entry]})) == (lost,)


@pytest.mark.parametrize(("environment", "unknown"), [("arn:env-csd", 0), ("arn:another", 3)])
def test_the_instances_of_a_known_environment_are_no_orphans(environment: str, unknown: int) -> None:
    by_batch = [
        resource(ResourceKind.INSTANCE, "i-1"),
        resource(ResourceKind.VOLUME, "vol-1"),
        resource(ResourceKind.INTERFACE, "eni-1"),
    ]
    unknown_resources = orphans(
        [resource(ResourceKind.ENVIRONMENT, "x", arn=environment), *by_batch], known_keys(STATE)
    )
    assert len([resource for resource in unknown_resources if resource in by_batch]) == unknown


def test_what_known_things_use_stays_for_now() -> None:
    queue = resource(ResourceKind.QUEUE, "q", arn="arn:q", uses=("arn:new", "arn:env-csd"))
    orphan = resource(ResourceKind.QUEUE, "p", arn="arn:p", uses=("arn:other",))
    assert in_use([queue, orphan], {"arn:q"}) == {"arn:new", "arn:env-csd"}


def test_how_resources_are_named() -> None:
    assert resource(ResourceKind.ROLE, "r", name="r").words == "role r"
    assert resource(ResourceKind.SUBNET, "subnet-1", name="opsctl-m2g-a").words == "subnet opsctl-m2g-a (subnet-1)"
    assert resource(ResourceKind.VPC, "vpc-1").words == "VPC vpc-1"
    resources = [resource(ResourceKind.VPC, "v"), resource(ResourceKind.QUEUE, "a"), resource(ResourceKind.QUEUE, "b")]
    assert counts_text(resources) == "2 job queues, 1 VPC"
