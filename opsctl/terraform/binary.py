"""Find Terraform on the path and check its version."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from opsctl.core.errors import ErrorCode, Problem

OLDEST_VERSION = (1, 5)

_INSTALL = "Install it from https://developer.hashicorp.com/terraform/install, then type the same command."


@dataclass(frozen=True)
class Binary:
    """An installed Terraform of a supported version."""

    path: str
    version: str


def find_binary(environment: Mapping[str, str]) -> Binary:
    """The Terraform on the path.

    Raises
    ------
    Problem
        When it is missing, does not say its version, or is older than 1.5.
    """
    path = shutil.which("terraform", path=environment.get("PATH"))
    oldest = ".".join(map(str, OLDEST_VERSION))
    if path is None:
        raise Problem(
            f"Terraform is not on the PATH (version {oldest} or later is needed).",
            _INSTALL,
            code=ErrorCode.TERRAFORM_MISSING,
        )
    try:
        reply = subprocess.run(
            [path, "version", "-json"], env=dict(environment), capture_output=True, text=True, timeout=60, check=False
        )
        version = str(json.loads(reply.stdout[reply.stdout.index("{") :])["terraform_version"])
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
        raise Problem(
            f"{path} does not tell its version ({error}).", _INSTALL, code=ErrorCode.TERRAFORM_MISSING
        ) from error
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST_VERSION:
        raise Problem(
            f"Terraform {version} ({path}) is too old: version {oldest} or later is needed.",
            _INSTALL,
            code=ErrorCode.TERRAFORM_MISSING,
        )
    return Binary(path, version)
