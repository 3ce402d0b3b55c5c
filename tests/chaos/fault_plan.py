"""Which request the proxy makes fail, and how: a pure function of a seed, the operation and the request's number."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """One fault. `before`: the request does not arrive. `after`: it is carried out, and its reply is lost."""

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
    """Equal rates of all faults for all operations, which add up to `rate` (0 to 1)."""
    return {"*": dict.fromkeys(Fault, rate / len(Fault))}


@dataclass(frozen=True)
class Plan:
    """What goes wrong.

    Parameters
    ----------
    seed
        Of the random numbers. The fault of an operation's n-th call does not depend on other operations.
    rates
        Probabilities (0 to 1, together at most 1) by `service.Operation`, `service` or `*`; the first of these that
        exists is used.
    exact
        Faults of single requests, which come before random ones: `("batch.SubmitJob", 1)` is the first under this plan.
    slow_seconds
        The delay of a slow answer.
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
        """The fault of an operation's request with this number, from 1; or None."""
        name = f"{service}.{operation}"
        if (name, number) in self.exact:
            return self.exact[name, number]
        rates = next((self.rates[key] for key in (name, service, "*") if key in self.rates), {})
        drawn = random.Random(f"{self.seed}:{name}:{number}").random()
        # In the order of `Fault`, not of the mapping: equal rates in another order are the same plan.
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
        The operation's n-th request, from 1, under the plan.
    fault
        The fault that really happened; None also if the planned one was not possible (no body to truncate).
    arrived
        Whether the platform got the request as a whole.
    status
        The platform's status; None if it did not get the request, or ended meanwhile.
    answered
        The status that was sent to the client; None if its connection was reset.
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
        """Whether the platform carried it out."""
        return self.status is not None and 200 <= self.status < 300
