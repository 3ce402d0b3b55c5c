"""What is done between an apply that failed and the next plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class SecondLook:
    """What was seen on AWS after an apply that failed.

    Attributes
    ----------
    replace
        The addresses of the resources that the next plan has to replace. A plan alone keeps what an apply has made:
        also a compute environment that AWS has made INVALID since.
    has_cleared
        Whether something that stood in the way was removed, or is imported by the next plan.
    """

    replace: Sequence[str] = ()
    has_cleared: bool = False
