"""Why `terraform init` could not install the AWS provider, in opsctl's words."""

# ruff: noqa: E501 Terraform's own lines

from __future__ import annotations

from typing import Any

import pytest

from opsctl.core.platform.provider_errors import init_problem

# Messages of Terraform 1.11.4, with its line breaks and frames.
INIT = [
    (
        "│ Error: Failed to query available provider packages\n│ \n│ Could not retrieve the list of available versions for"
        "\n│ provider hashicorp/aws: could not connect to registry.terraform.io: failed to\n│ request discovery document",
        None,
        "the Terraform registry was not reached, and no copy lies in /a, /b.",
    ),
    (
        "│ Error: Failed to query available provider packages\n│ Could not retrieve the list of available versions for "
        "provider\n│ hashicorp/aws: provider registry.terraform.io/hashicorp/aws was not found in\n│ any of the search "
        "locations\n│ \n│   - /m",
        "/m",
        "The provider mirror /m has no AWS provider that fits this machine.",
    ),
    (
        "│ Error: Failed to install provider\n│ Error while installing hashicorp/aws v5.100.0: the current package for\n│ "
        "registry.terraform.io/hashicorp/aws 5.100.0 doesn't match any of the\n│ checksums previously recorded in the "
        "dependency lock file",
        "/m",
        "The AWS provider from the provider mirror /m is not HashiCorp's 5.100.0 (its checksum differs).",
    ),
    (
        "│ Error: Failed to query available provider packages\n│ Could not retrieve the list of available versions for "
        "provider\n│ hashicorp/aws: the previously-selected version 5.100.0 is no longer available",
        "/m",
        "does not have the AWS provider 5.100.0, the only one that opsctl works with.",
    ),
    ("│ Error: Failed to install provider\n│ write x: no space left on device", None, "The disk is full"),
]


def explained(errors: str, *, mirror: str | None, is_unpacked: bool = False, machine: str = "linux_amd64") -> Any:
    return init_problem(
        errors,
        mirror=mirror,
        is_unpacked=is_unpacked,
        searched_folders=["/a", "/b"],
        version="5.100.0",
        machine=machine,
    )


@pytest.mark.parametrize(("errors", "mirror", "message"), INIT)
def test_each_way_a_provider_does_not_install_has_its_sentence(errors: str, mirror: str | None, message: str) -> None:
    problem = explained(errors, mirror=mirror)
    assert message in problem.what
    assert problem.hint


@pytest.mark.parametrize("machine", ["linux_arm64", "darwin_amd64", "darwin_arm64"])
def test_an_unpacked_provider_whose_checksum_nobody_has(machine: str) -> None:
    checksum = INIT[2][0]
    problem = explained(checksum, mirror="/m", is_unpacked=True, machine=machine)
    assert problem.what == (
        f"The AWS provider in the provider mirror /m is unpacked, and opsctl can check an unpacked one only on "
        f"linux_amd64, not on {machine}."
    )
    assert f"terraform-provider-aws_5.100.0_{machine}.zip" in problem.hint
    # A packed one can be checked everywhere, and an unpacked one on the machine whose checksum is known.
    assert "is not HashiCorp's" in explained(checksum, mirror="/m", machine=machine).what
    assert "is not HashiCorp's" in explained(checksum, mirror="/m", is_unpacked=True).what


def test_broken_code_is_no_matter_of_the_provider() -> None:
    assert explained("│ Error: Unsupported argument", mirror=None) is None
