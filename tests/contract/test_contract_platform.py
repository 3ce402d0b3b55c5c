"""opsctl and Terraform accept the same for a platform: otherwise `up` fails after it has asked everything."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.repository import ROOT

from opsctl.core.errors import UsageProblem
from opsctl.core.platform.options import PlatformOptions
from opsctl.core.platform.platform import ModelResources, Platform
from opsctl.core.platform.platform_name import check_name

SOURCES = {root: (ROOT / f"terraform/{root}/variables.tf").read_text() for root in ("storage", "platform")}


def variable(root: str, name: str) -> str:
    """The block of a variable."""
    match = re.search(rf'^variable "{name}" \{{\n(.*?)^\}}', SOURCES[root], re.MULTILINE | re.DOTALL)
    assert match, name
    return match[1]


def terraform_accepts(root: str, name: str) -> bool:
    """What the two validations of `name` say."""
    block = variable(root, "name")
    pattern = re.search(r'can\(regex\("(.*)", var\.name\)\)', block)
    assert pattern
    assert '!endswith(var.name, "-") && !strcontains(var.name, "--")' in block
    return bool(re.search(pattern[1], name)) and not name.endswith("-") and "--" not in name


def opsctl_accepts(name: str) -> bool:
    try:
        return check_name(name) == name
    except UsageProblem:
        return False


@pytest.mark.parametrize("root", SOURCES)
@given(name=st.text("ab09-A_.", min_size=0, max_size=24))
def test_both_take_the_same_names(root: str, name: str) -> None:
    assert opsctl_accepts(name) == terraform_accepts(root, name)


@pytest.mark.parametrize(
    ("root", "name"), [(root, name) for root in SOURCES for name in ("a" * 20, "a" * 21, "ab", "a", "a-b", "m2g")]
)
def test_both_take_the_same_lengths(root: str, name: str) -> None:
    assert opsctl_accepts(name) == terraform_accepts(root, name)


def recorded_options(length: int) -> str:
    """The record's options, where they have so many characters."""
    empty = len(json.dumps({"variables": {"key_pair": ""}}, separators=(",", ":")))
    options = PlatformOptions(
        name="m2g", region="us-east-1", account_id="1" * 12, variables={"key_pair": "k" * (length - empty)}
    )
    recorded: str = options.platform_variables()["options"]
    assert len(recorded) == length
    return recorded


def longest_options() -> int:
    """How many characters Terraform takes."""
    longest = re.search(r"length\(var\.options\) <= (\d+)", variable("platform", "options"))
    assert longest
    return int(longest[1])


def test_both_take_options_of_the_same_length() -> None:
    recorded_options(longest_options())
    with pytest.raises(UsageProblem, match="too long"):
        recorded_options(longest_options() + 1)


#: The families of AWS in 2026 that `more_instance_families` takes.
FAMILIES = [
    *(f"r5{kind}" for kind in ("a", "ad", "b", "d", "dn", "n")),
    *(f"r6{kind}" for kind in ("a", "i", "id", "idn", "in")),
    *(f"r7{kind}" for kind in ("a", "i", "iz")),
    *(f"r8{kind}" for kind in ("a", "i", "ib", "id", "idn", "in")),
]


def resources(name: str, region: str, model: str, size: str) -> ModelResources:
    prefix, suffix = f"arn:aws-us-gov:batch:{region}:{'1' * 12}:", f"opsctl-{name}-{model}"
    return ModelResources(
        job_queue=f"{prefix}job-queue/{suffix}",
        # Terraform adds 26 digits to a prefix.
        compute_environment=f"{prefix}compute-environment/{suffix}-{'1' * 26}",
        job_definition=f"{prefix}job-definition/{suffix}:100000",
        instance_type=f"r5.{size}",
        vcpus=4,
        memory_mib=30400,
        max_vcpus=100_000,
        more_instance_types=tuple(f"{family}.{size}" for family in FAMILIES),
    )


def test_the_longest_record_fits_its_parameter() -> None:
    name, region = "a" * 20, "ap-southeast-10"
    assert opsctl_accepts(name)
    platform = Platform(
        name=name,
        region=region,
        account_id="1" * 12,
        data_bucket="b" * 63,
        repository_url=f"{'1' * 12}.dkr.ecr.{region}.amazonaws.com.cn/opsctl-{name}",
        image="i" * 255,
        m2g_image=f"sha256:{'a' * 64}",
        log_group=f"/opsctl/{name}",
        spot=True,
        spot_fallback=True,
        root_volume_gib=16384,
        opsctl_version="1.10.0.dev100+g0123456789",
        models={model: resources(name, region, model, size) for model, size in (("csd", "large"), ("csa", "xlarge"))},
        options=json.loads(recorded_options(longest_options())),
    )
    # A parameter of the standard tier: https://docs.aws.amazon.com/general/latest/gr/ssm.html
    assert len(json.dumps(platform.as_record(), separators=(",", ":"))) <= 4096
