"""Why Terraform's provider does not install, in a sentence each."""

from __future__ import annotations

import re
from collections.abc import Sequence

from opsctl.core.errors import Problem

_MIRROR_VARIABLE = "OPSCTL_PROVIDER_MIRROR"

#: Of Terraform 1.5 to 1.11, on one line.
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


def init_problem(errors: str, *, mirror: str | None, places: Sequence[str], lock_file: str) -> Problem | None:
    """What `terraform init` met, or None where it has nothing to do with the provider.

    Parameters
    ----------
    errors
        What it said on standard error.
    mirror
        Where it was told to take the provider from; None: from Terraform's registry.
    places
        Where copies on this machine were looked for.
    lock_file
        What it remembers the provider of the last `init` by.
    """
    said = " ".join(errors.replace("│", " ").split())
    where = f"the provider mirror {mirror}" if mirror else "Terraform's registry"
    if _SPACE.search(said):
        return Problem("The disk is full: Terraform's provider needs about 700 MB.", "Free some space.")
    if _CHECKSUM.search(said):
        return Problem(
            f"Terraform's AWS provider from {where} is not the one that this platform was made with (its checksum "
            "differs).",
            f"If you changed it on purpose, or use another machine now, remove {lock_file}; else do not trust it.",
        )
    if _LOCKED_VERSION.search(said):
        return Problem(
            f"{where[0].upper()}{where[1:]} no longer has the version of the AWS provider that this platform was made "
            "with.",
            f"To go on with the version that is there, remove {lock_file}.",
        )
    if mirror is not None and _ABSENT.search(said):
        return Problem(
            f"{where[0].upper()}{where[1:]} has no AWS provider that fits this machine.",
            f"Name another one with {_MIRROR_VARIABLE}.",
        )
    if mirror is None and _UNREACHABLE.search(said):
        return Problem(
            "Terraform's AWS provider cannot be had: the Terraform registry was not reached, and no copy lies in "
            f"{', '.join(places)}.",
            f"Connect to the internet, or name a provider mirror with {_MIRROR_VARIABLE}.",
        )
    return None
