"""Find Terraform and check its version."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.harmless import harmless
from opsctl.program import ask_program, find_program, replaceable_sentence, why_not_found
from opsctl.terraform.variables import OWN_VARIABLES, terraform_variables
from opsctl.user_path import user_path

OLDEST_VERSION = (1, 5)
#: Names the program that is used, wherever it is.
TERRAFORM_VARIABLE = "OPSCTL_TERRAFORM"

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


class NoTerraform(Problem):
    """Neither is there a Terraform to use, nor a wrong one."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint, code=ErrorCode.TERRAFORM_MISSING)


def find_binary(
    environment: Mapping[str, str], *, own: Path | None = None, timeout_seconds: float = _ANSWER_SECONDS
) -> Binary:
    """The Terraform that is used: the one that `OPSCTL_TERRAFORM` names, else the one on the PATH, else opsctl's own.

    Parameters
    ----------
    own
        Where opsctl's own is when it has been downloaded.
    timeout_seconds
        How long it may take to say its version.

    Raises
    ------
    NoTerraform
        When there is none, and when opsctl's own does not work: both are mended by a download.
    Problem
        When it does not say its version, is another program, or is older than 1.5.
    """
    path = find_path(environment, own=own)
    if path is None:
        why = why_not_found("terraform", environment)
        what = f"Terraform is not on the PATH (version {_oldest()} or later is needed).{f' {why}' if why else ''}"
        raise NoTerraform(what, _INSTALL)
    try:
        return _checked(path, environment, timeout_seconds=timeout_seconds)
    except Problem as problem:
        if own is None or path != str(own):
            raise
        raise NoTerraform(problem.what, problem.hint) from problem


def find_path(environment: Mapping[str, str], *, own: Path | None = None) -> str | None:
    """Where the Terraform is that `find_binary` checks; None where there is none.

    Raises
    ------
    Problem
        When `OPSCTL_TERRAFORM` does not name a program.
    """
    if named := environment.get(TERRAFORM_VARIABLE):
        path = user_path(named)
        if not path.is_absolute() or not path.is_file():
            what = f"{TERRAFORM_VARIABLE} is {harmless(named)!r}, which is no absolute path of a program."
            raise Problem(what, "Name the program itself, or unset it.", code=ErrorCode.CONFIGURATION_INVALID)
        return str(path)
    on_path = find_program("terraform", environment)
    return on_path or (str(own) if own is not None and own.is_file() else None)


def _checked(path: str, environment: Mapping[str, str], *, timeout_seconds: float) -> Binary:
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
        raise _unusable(f"Terraform {version['version']} ({path}) is too old: version {_oldest()} or later is needed.")
    return Binary(path, version["version"], replaceable_sentence(path))


def _oldest() -> str:
    return ".".join(map(str, OLDEST_VERSION))


def _unusable(what: str) -> Problem:
    return Problem(what, _INSTALL, code=ErrorCode.TERRAFORM_MISSING)
