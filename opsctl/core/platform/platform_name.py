"""The names of platforms. Every start reads one, that of the Tab key too, so no record is imported for it."""

from __future__ import annotations

import re

from opsctl.core.errors import UsageProblem

DEFAULT_NAME = "m2g"
LOCAL_NAME = "local"
#: In which the local platform says that it is.
LOCAL_REGION = "us-east-1"


def check_name(name: str) -> str:
    """Return the name of a platform if it is valid.

    Raises
    ------
    UsageProblem
        If AWS would not accept a resource with this name.
    """
    # ECR does not allow a hyphen at the end, or two in a row.
    if not re.fullmatch(r"(?=.{2,20}$)[a-z](?:-?[a-z0-9])+", name):
        raise UsageProblem(
            f"{name!r} cannot name a platform: 2 to 20 lower-case letters and digits, a letter first, "
            "single hyphens between."
        )
    return name
