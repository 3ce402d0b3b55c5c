"""Explains why `terraform init` could not install the AWS provider, recognised by Terraform's message."""

from __future__ import annotations

import re
from collections.abc import Sequence

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.provider_lock import PLATFORM_WITH_UNPACKED_CHECKSUM

_MIRROR_VARIABLE = "OPSCTL_PROVIDER_MIRROR"

#: Messages of Terraform 1.5 to 1.11, joined to one line.
_CHECKSUM = re.compile(
    r"doesn't match any of the checksums|checksum(?:s)? (?:previously )?recorded in the dependency lock"
)
_LOCKED_VERSION = re.compile(r"previously-selected version \S+ is no longer available")
_ABSENT = re.compile(
    r"was not found in any of the search locations|no available releases match|not have a package available for"
)
_UNREACHABLE = re.compile(
    r"could not connect to|failed to request discovery|registry|provider packages|provider plugins"
)
_SPACE = re.compile(r"no space left on device|disk quota exceeded", re.I)


def init_problem(
    errors: str,
    *,
    mirror: str | None,
    is_unpacked: bool,
    searched_folders: Sequence[str],
    version: str,
    machine: str,
) -> Problem | None:
    """Explain why `terraform init` could not install the provider; None where it failed for another reason.

    Parameters
    ----------
    errors
        Its standard error.
    mirror
        The provider mirror that it used; None: Terraform's registry.
    is_unpacked
        Whether the provider in the mirror is unpacked.
    searched_folders
        The folders on this machine that were searched for copies.
    version
        The provider's version in the lock file.
    machine
        Terraform's name of this machine, such as `linux_amd64`.
    """
    message = " ".join(errors.replace("│", " ").split())
    where = f"the provider mirror {mirror}" if mirror else "Terraform's registry"
    if _SPACE.search(message):
        return Problem(
            "The disk is full: Terraform's provider needs about 700 MB.", "Free some space.", code=ErrorCode.DISK_FULL
        )
    if _CHECKSUM.search(message) and is_unpacked and machine != PLATFORM_WITH_UNPACKED_CHECKSUM:
        return Problem(
            f"The AWS provider in {where} is unpacked, and opsctl can check an unpacked one only on "
            f"{PLATFORM_WITH_UNPACKED_CHECKSUM}, not on {machine}.",
            f"Put HashiCorp's archive terraform-provider-aws_{version}_{machine}.zip there instead "
            "(https://releases.hashicorp.com/terraform-provider-aws), or let Terraform download it from its registry.",
            code=ErrorCode.TERRAFORM_MISSING,
        )
    if _CHECKSUM.search(message):
        return Problem(
            f"The AWS provider from {where} is not HashiCorp's {version} (its checksum differs).",
            "Do not use it. Get it again from https://releases.hashicorp.com/terraform-provider-aws, or let Terraform "
            "download it from its registry.",
            code=ErrorCode.TERRAFORM_FAILED,
        )
    if _LOCKED_VERSION.search(message):
        return Problem(
            f"{where[0].upper()}{where[1:]} does not have the AWS provider {version}, the only one that opsctl works "
            "with.",
            f"Name a mirror that has it with {_MIRROR_VARIABLE}, or let Terraform download it from its registry.",
            code=ErrorCode.TERRAFORM_MISSING,
        )
    if mirror is not None and _ABSENT.search(message):
        return Problem(
            f"{where[0].upper()}{where[1:]} has no AWS provider that fits this machine.",
            f"Name another one with {_MIRROR_VARIABLE}.",
            code=ErrorCode.TERRAFORM_MISSING,
        )
    if mirror is None and _UNREACHABLE.search(message):
        return Problem(
            "Terraform's AWS provider cannot be had: the Terraform registry was not reached, and no copy lies in "
            f"{', '.join(searched_folders)}.",
            f"Connect to the internet, or name a provider mirror with {_MIRROR_VARIABLE}.",
            code=ErrorCode.TERRAFORM_MISSING,
        )
    return None
