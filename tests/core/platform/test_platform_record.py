"""The platform's record: Terraform's output, the SSM parameter and this machine's copy are one JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.example_platform import RECORD, platform
from support.repository import ROOT

from opsctl.core.errors import Problem, UsageProblem
from opsctl.core.platform.platform import (
    ATTEMPT_TIMEOUT_SECONDS,
    Platform,
    data_bucket_name,
    record_parameter,
    repository_arn,
    repository_url,
    resource_prefix,
)
from opsctl.core.platform.platform_name import check_name


def test_a_record_survives_its_json() -> None:
    local = platform(endpoint_url="http://127.0.0.1:5000")
    assert Platform.from_record(json.loads(json.dumps(local.as_record()))) == local
    assert local.is_local
    assert not platform().is_local
    assert platform().models["csa"].memory_mib == 30400
    assert platform().models["csd"].job_queue == "arn:queue-csd"


def test_further_types_and_fallback_are_read_and_kept() -> None:
    models = {**RECORD["models"], "csd": {**RECORD["models"]["csd"], "more_instance_types": ["r5a.large"]}}
    restored = Platform.from_record({**RECORD, "spot_fallback": True, "models": models})
    assert (restored.spot_fallback, restored.models["csd"].more_instance_types) == (True, ("r5a.large",))
    assert Platform.from_record(json.loads(json.dumps(restored.as_record()))) == restored
    assert (platform().spot_fallback, platform().models["csd"].more_instance_types) == (False, ())


def test_the_endpoint_of_now_wins_over_the_recorded_one() -> None:
    record = {**RECORD, "endpoint_url": "http://127.0.0.1:1"}
    assert Platform.from_record(record, endpoint_url="http://127.0.0.1:2").endpoint_url == "http://127.0.0.1:2"


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in RECORD.items() if name != field}


UNREADABLE = [
    ({**RECORD, "schema_version": 2}, "was written by another version of opsctl"),
    *((without(field), f"cannot be read: `{field}` is missing") for field in RECORD),
    ({**RECORD, "models": {"csd": {"job_queue": "q"}}}, "cannot be read: `models"),
    ({**RECORD, "models": {"csd": RECORD["models"]["csd"]}}, "cannot be read: `models.csa` is missing"),
    ({}, "cannot be read"),
]


@pytest.mark.parametrize(("record", "message"), UNREADABLE)
def test_a_record_that_cannot_be_read_is_refused_with_the_way_out(record: dict[str, Any], message: str) -> None:
    with pytest.raises(Problem, match=message) as problem:
        Platform.from_record(record)
    assert "opsctl up" in problem.value.hint


def test_a_later_versions_fields_are_ignored() -> None:
    models = {**RECORD["models"], "csd": {**RECORD["models"]["csd"], "unknown": 1}}
    assert Platform.from_record({**RECORD, "models": models, "unknown": {}}) == platform()


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({}, 21_600),
        ({"attempt_timeout_seconds": 3600}, 3600),
        # Terraform takes these for 3600, too.
        ({"attempt_timeout_seconds": 3600.0}, 3600),
        ({"attempt_timeout_seconds": "3600"}, 3600),
        ({"attempt_timeout_seconds": None}, 21_600),
        ({"attempt_timeout_seconds": "x"}, 21_600),
    ],
)
def test_the_time_that_an_attempt_may_take(variables: dict[str, Any], seconds: int) -> None:
    assert platform(options={"variables": variables}).attempt_timeout_seconds == seconds
    assert platform().attempt_timeout_seconds == 21_600


def test_the_default_time_is_terraforms() -> None:
    variables = (ROOT / "terraform" / "platform" / "variables.tf").read_text()
    block = variables.partition('variable "attempt_timeout_seconds"')[2].partition("validation")[0]
    assert f"default     = {ATTEMPT_TIMEOUT_SECONDS}\n" in block


@pytest.mark.parametrize("name", ["m2g", "local", "a1", "lab-2", "a" * 20])
def test_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "a", "M2g", "2lab", "-lab", "lab-", "a--b", "lab_2", "a" * 21, "lab/2", "é2"])
def test_names_that_aws_would_refuse(name: str) -> None:
    with pytest.raises(UsageProblem, match="cannot name a platform"):
        check_name(name)


def test_a_name_does_not_end_with_a_line() -> None:
    with pytest.raises(UsageProblem):
        check_name("m2g\n")


def test_names_of_what_terraform_will_make() -> None:
    account = {"account_id": "123456789012", "region": "us-east-1"}
    assert resource_prefix("m2g") == "opsctl-m2g"
    assert record_parameter("m2g") == "/opsctl/m2g/platform"
    assert data_bucket_name("m2g", **account) == "opsctl-m2g-123456789012-us-east-1"
    assert repository_arn("m2g", **account) == "arn:aws:ecr:us-east-1:123456789012:repository/opsctl-m2g"
    assert repository_url("m2g", **account) == "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g"
    # S3's limit, with the longest name and the longest region.
    assert len(data_bucket_name("a" * 20, account_id="1" * 12, region="ap-southeast-1")) <= 63


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("eu-central-1", "aws", "amazonaws.com"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
    ],
)
def test_the_repository_lies_in_its_regions_partition(region: str, partition: str, suffix: str) -> None:
    account: dict[str, Any] = {"account_id": "123456789012", "region": region}
    assert repository_arn("m2g", **account) == f"arn:{partition}:ecr:{region}:123456789012:repository/opsctl-m2g"
    assert repository_url("m2g", **account) == f"123456789012.dkr.ecr.{region}.{suffix}/opsctl-m2g"
