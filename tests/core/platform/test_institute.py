"""Options for accounts with rules: their forms, what goes together, and which names can never change."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from support.example_platform import platform

from opsctl.core.errors import UsageProblem
from opsctl.core.platform.institute import (
    check_together,
    network_needs,
    refuse_changed_names,
    typed_institute_options,
)
from opsctl.core.platform.options import PlatformOptions, as_arguments, override_options
from opsctl.core.platform.platform import Platform

OPTIONS = PlatformOptions(name="m2g", region="us-east-1", account_id="123456789012", version="0.1.0")
NOT_TYPED: dict[str, Any] = {
    "subnet_ids": None, "tags": None, "vpc_id": None, "kms_key": None, "name_prefix": None, "role_path": None,
    "permissions_boundary": None,
}  # fmt: skip
TYPED = {
    "subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "tags": ["CostCenter=4711", "who=a=b"],
    "vpc_id": "vpc-0123456789abcdef0",
    "kms_key": "arn:aws:kms:us-east-1:123456789012:key/1",
    "name_prefix": "lab-",
    "role_path": "/lab/",
    "permissions_boundary": "arn:aws:iam::123456789012:policy/Boundary",
}


def options(**typed: Any) -> PlatformOptions:
    chosen, variables = typed_institute_options(**{**NOT_TYPED, **typed})
    return OPTIONS.with_options(override_options({}, chosen, variables))


def test_nothing_typed_is_nothing() -> None:
    assert typed_institute_options(**NOT_TYPED) == ({}, {})
    assert options() == OPTIONS


def test_the_options_reach_both_roots_and_the_record() -> None:
    chosen = options(**TYPED)
    check_together(chosen)
    platform, storage = chosen.platform_variables(), chosen.storage_variables()
    assert platform["vpc_id"] == TYPED["vpc_id"]
    assert platform["subnet_ids"] == TYPED["subnet_ids"]
    assert (platform["role_path"], platform["name_prefix"]) == ("/lab/", "lab-")
    assert platform["permissions_boundary"] == TYPED["permissions_boundary"]
    assert platform["kms_key_arn"] == storage["kms_key_arn"] == TYPED["kms_key"]
    assert platform["tags"] == storage["tags"] == {"CostCenter": "4711", "who": "a=b"}
    assert platform["data_bucket"] == "lab-opsctl-m2g-123456789012-us-east-1"
    assert platform["repository_arn"].endswith(":repository/lab-opsctl-m2g")
    assert OPTIONS.with_options(chosen.non_defaults) == chosen


def test_a_record_gives_every_option_back() -> None:
    chosen = replace(options(**TYPED), spot=True, image="m:1", engine="docker", state="s3://b/k", data_bucket="own")
    record = platform().as_record() | {"options": chosen.non_defaults}
    assert OPTIONS.with_options(Platform.from_record(record).options) == chosen


def test_the_defaults_are_terraforms_own() -> None:
    variables = OPTIONS.platform_variables()
    assert (variables["role_path"], variables["name_prefix"], variables["subnet_ids"]) == ("/", "", [])
    assert [variables[name] for name in ("vpc_id", "kms_key_arn", "permissions_boundary")] == [None] * 3


def test_they_are_shown_as_they_are_typed() -> None:
    shown = as_arguments(options(**TYPED).non_defaults)
    assert "--subnet-id subnet-0123456789abcdef1" in shown
    assert "--tag CostCenter=4711" in shown
    assert "--role-path /lab/" in shown


def test_default_and_none_take_back() -> None:
    earlier = options(**TYPED).non_defaults
    back: dict[str, Any] = dict.fromkeys(
        ("vpc_id", "kms_key", "name_prefix", "role_path", "permissions_boundary"), "default"
    )
    chosen, variables = typed_institute_options(**{**NOT_TYPED, **back, "tags": ["none"]})
    assert OPTIONS.with_options(override_options(earlier, chosen, variables)) == replace(OPTIONS, variables={})


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("vpc_id", "my-vpc", "--vpc-id my-vpc: it must be the id of a VPC"),
        ("subnet_ids", ["subnet-1"], "--subnet-id subnet-1: it must be the id of a subnet"),
        ("kms_key", "", "--kms-key : it must be not empty"),
        ("name_prefix", "lab", "a hyphen last, such as lab-"),
        ("name_prefix", "Lab-", "lower-case letters"),
        ("role_path", "lab", "begins and ends with a slash"),
        ("permissions_boundary", "Boundary", "the ARN of an IAM policy"),
        ("tags", ["CostCenter"], "--tag CostCenter: it must be KEY=VALUE"),
        ("tags", ["none", "a=b"], "--tag none takes all of them back"),
    ],
)
def test_a_wrong_form_is_refused_in_a_sentence(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(UsageProblem, match=re.escape(sentence)):
        typed_institute_options(**{**NOT_TYPED, name: value})


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        (replace(OPTIONS, vpc_id="vpc-1"), "--vpc-id needs the subnets"),
        (replace(OPTIONS, subnet_ids=("subnet-1",)), "--subnet-id needs the VPC"),
        (
            replace(OPTIONS, vpc_id="vpc-1", subnet_ids=("subnet-1",), variables={"zones": ["us-east-1a"]}),
            "Take them back: --set zones=default.",
        ),
        (replace(OPTIONS, name_prefix="a" * 30 + "-"), "A bucket's name has at most 63 characters"),
        (replace(OPTIONS, name_prefix="a" * 40 + "-", data_bucket="own"), "A role's name has at most 64 characters"),
    ],
)
def test_what_does_not_go_together_is_refused(chosen: PlatformOptions, sentence: str) -> None:
    with pytest.raises(UsageProblem, match=re.escape(sentence)):
        check_together(chosen)


@pytest.mark.parametrize(
    ("after", "is_up", "has_storage", "refused"),
    [
        (replace(OPTIONS, name_prefix="lab-"), False, False, ""),
        (replace(OPTIONS, name_prefix="lab-"), False, True, "The names of m2g begin with opsctl-m2g"),
        (replace(OPTIONS, name_prefix="lab-"), True, True, "The names of m2g begin with opsctl-m2g"),
        (replace(OPTIONS, role_path="/lab/"), False, True, ""),
        (replace(OPTIONS, role_path="/lab/"), True, True, "The roles of m2g have the path /,"),
        (replace(OPTIONS, role_path="/"), True, True, ""),
        (replace(OPTIONS, permissions_boundary="arn:x", kms_key="arn:y", vpc_id="vpc-1"), True, True, ""),
    ],
)
def test_names_of_what_exists_cannot_change(
    after: PlatformOptions, is_up: bool, has_storage: bool, refused: str
) -> None:
    if not refused:
        refuse_changed_names(OPTIONS, after, is_up=is_up, has_storage=has_storage)
        return
    with pytest.raises(UsageProblem, match=re.escape(refused)):
        refuse_changed_names(OPTIONS, after, is_up=is_up, has_storage=has_storage)


def test_the_addresses_are_counted_for_every_instance() -> None:
    assert network_needs(OPTIONS, is_image_on_ecr=True).instances == 512
    few = replace(OPTIONS, variables={"csd_max_vcpus": 4, "csa_max_vcpus": 8, "spot_fallback": True})
    assert network_needs(few, is_image_on_ecr=True).instances == 4
    assert network_needs(replace(few, spot=True), is_image_on_ecr=True).instances == 8
    assert network_needs(OPTIONS, is_image_on_ecr=False).foreign_image == OPTIONS.job_image
