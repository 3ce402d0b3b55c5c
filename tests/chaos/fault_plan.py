"""What the proxy does to which request: a pure function of a seed, the operation and how often it was called."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """One fault. `before`: the request never arrives. `after`: it was carried out, and its reply is lost."""

    THROTTLED = "throttled"
    ERROR_500_BEFORE = "error_500_before"
    ERROR_503_BEFORE = "error_503_before"
    RESET_BEFORE = "reset_before"
    ERROR_500_AFTER = "error_500_after"
    ERROR_503_AFTER = "error_503_after"
    RESET_AFTER = "reset_after"
    SLOW = "slow"
    TRUNCATED = "truncated"

    @property
    def before(self) -> bool:
        """Whether the request does not arrive."""
        return self in (Fault.THROTTLED, Fault.ERROR_500_BEFORE, Fault.ERROR_503_BEFORE, Fault.RESET_BEFORE)

    @property
    def status(self) -> int | None:
        """500 or 503 where the fault is such an answer."""
        return {"error_500": 500, "error_503": 503}.get(self.value.rpartition("_")[0])


def everywhere(rate: float) -> dict[str, dict[Fault, float]]:
    """Give rates for all operations that add up to `rate` (0 to 1), the same for each fault."""
    return {"*": dict.fromkeys(Fault, rate / len(Fault))}


@dataclass(frozen=True)
class Plan:
    """What goes wrong.

    Parameters
    ----------
    seed
        Of all chances. The n-th call of an operation has the same fate whatever other operations do meanwhile.
    rates
        Chances (0 to 1, together at most 1) by `service.Operation`, else by `service`, else by `*`: the first that
        is there holds alone.
    exact
        Faults of named requests, `("batch.SubmitJob", 1)` for the first since the plan holds; before any chance.
    slow_seconds
        How long a slow answer takes longer.
    """

    seed: int = 0
    rates: Mapping[str, Mapping[Fault, float]] = field(default_factory=dict)
    exact: Mapping[tuple[str, int], Fault] = field(default_factory=dict)
    slow_seconds: float = 1.0

    def __post_init__(self) -> None:
        for name, rates in self.rates.items():
            if min(rates.values(), default=0) < 0 or sum(rates.values()) > 1 + 1e-9:
                raise ValueError(f"the chances of {name} must be between 0 and 1, together at most 1")

    def fault(self, service: str, operation: str, number: int) -> Fault | None:
        """Tell what happens to the request with this number, from 1, among its operation's."""
        name = f"{service}.{operation}"
        if (name, number) in self.exact:
            return self.exact[name, number]
        rates = next((self.rates[key] for key in (name, service, "*") if key in self.rates), {})
        drawn = random.Random(f"{self.seed}:{name}:{number}").random()
        # In the order of the kinds, not of the mapping: the same rates written otherwise are the same plan.
        for fault in Fault:
            drawn -= rates.get(fault, 0.0)
            if drawn < 0:
                return fault
        return None


@dataclass(frozen=True)
class Record:
    """One request that the proxy saw.

    Parameters
    ----------
    number
        Which of its operation's, from 1, since the plan holds.
    fault
        What was really done to it; None also where a plan's fault had nothing to bite on (no body to cut).
    arrived
        Whether the platform got the request as a whole.
    status
        What the platform replied; None when it did not get the request, or died over it.
    answered
        The status that the client was sent; None where its connection was reset.
    """

    service: str
    operation: str
    number: int
    fault: Fault | None
    arrived: bool
    status: int | None
    answered: int | None

    @property
    def name(self) -> str:
        """`batch.SubmitJob`."""
        return f"{self.service}.{self.operation}"

    @property
    def carried_out(self) -> bool:
        """Whether the platform did it."""
        return self.status is not None and 200 <= self.status < 300
