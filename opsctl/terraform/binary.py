"""Find Terraform on the path and check its version."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.harmless import harmless
from opsctl.program import ask_program, find_program, replaceable_sentence, why_not_found
from opsctl.terraform.variables import OWN_VARIABLES, terraform_variables

OLDEST_VERSION = (1, 5)

_INSTALL = "Install it from https://developer.hashicorp.com/terraform/install, then type the same command."
_ANSWER_SECONDS = 30.0
#: In JSON, OpenTofu calls its version `terraform_version`: only this line tells them apart.
_VERSION = re.compile(
    r"^(?P<product>Terraform|OpenTofu) v(?P<version>(?P<major>\d{1,4})\.(?P<minor>\d{1,4})[\w.+-]{0,40})$", re.M
)
_QUOTED = 100


@dataclass(frozen=True)
class Binary:
    """An installed Terraform of a supported version.

    Attributes
    ----------
    path
        Absolute.
    warning
        Why one should not trust it; empty where all is well.
    """

    path: str
    version: str
    warning: str = ""


def find_binary(environment: Mapping[str, str], *, timeout_seconds: float = _ANSWER_SECONDS) -> Binary:
    """The Terraform on the path.

    Parameters
    ----------
    timeout_seconds
        How long it may take to say its version.

    Raises
    ------
    Problem
        When it is missing, does not say its version, is another program, or is older than 1.5.
    """
    path = find_program("terraform", environment)
    oldest = ".".join(map(str, OLDEST_VERSION))
    if path is None:
        why = why_not_found("terraform", environment)
        raise _unusable(
            f"Terraform is not on the PATH (version {oldest} or later is needed).{f' {why}' if why else ''}"
        )
    variables = {**terraform_variables(environment), **OWN_VARIABLES}
    try:
        reply = ask_program([path, "version"], environment=variables, timeout_seconds=timeout_seconds)
    except subprocess.TimeoutExpired:
        raise _unusable(f"{path} has not told its version within {timeout_seconds:g} s.") from None
    except OSError as error:
        raise _unusable(f"{path} cannot be run ({error.strerror}).") from error
    version = _VERSION.search(reply.output)
    if reply.code != 0 or version is None:
        said = " ".join(harmless(reply.errors or reply.output).split())[:_QUOTED]
        raise _unusable(f"{path} does not tell its version: it {f'says {said!r}' if said else 'says nothing'}.")
    if version["product"] != "Terraform":
        raise _unusable(f"{path} is {version['product']} {version['version']}, which opsctl does not work with.")
    if (int(version["major"]), int(version["minor"])) < OLDEST_VERSION:
        raise _unusable(f"Terraform {version['version']} ({path}) is too old: version {oldest} or later is needed.")
    return Binary(path, version["version"], replaceable_sentence(path))


def _unusable(what: str) -> Problem:
    return Problem(what, _INSTALL, code=ErrorCode.TERRAFORM_MISSING)
