"""The option `--pack` of `run` and `up`."""

from __future__ import annotations

from typing import Literal

from opsctl.core.bounded import whole_number
from opsctl.core.errors import UsageProblem

AUTO: Literal["auto"] = "auto"
OFF = "off"
#: With a model's name before it: the variable of terraform/platform.
PACK_VARIABLE = "_scans_per_instance"


def parse_pack(typed: str) -> int | Literal["auto"]:
    """How many scans share an instance, or `auto`; `off` is one.

    Raises
    ------
    UsageProblem
        If it is neither.
    """
    if typed == AUTO:
        return AUTO
    scans = 1 if typed == OFF else whole_number(typed)
    if not scans:
        raise UsageProblem(f"--pack {typed}: it must be auto, off, or how many scans share an instance, such as 2.")
    return scans
