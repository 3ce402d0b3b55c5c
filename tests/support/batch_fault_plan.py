"""A plan of faults for the local platform's Batch: what AWS does to jobs, at moments that a seed decides.

A plan is a pure function; `support.faulty_batch` carries it out.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, fields
from enum import StrEnum
from fnmatch import fnmatchcase

from opsctl.core.errors import UsageProblem


class FaultKind(StrEnum):
    """What can happen to one attempt. `reclaimed` (Spot) is a lost host too, but the job gets SIGTERM before."""

    HOST_TERMINATED = "host_terminated"
    KILLED = "killed"
    CANNOT_PULL = "cannot_pull"
    RECLAIMED = "reclaimed"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one attempt.

    Parameters
    ----------
    after_seconds
        After the attempt's start; ignored for `cannot_pull`.
    instance_id
        The EC2 instance that is lost.
    """

    kind: FaultKind
    after_seconds: float
    instance_id: str


@dataclass(frozen=True, slots=True)
class NamedAttempt:
    """The attempts that a fault is meant for: `job` is a pattern of job names, `index` an array child's (None: any)."""

    kind: FaultKind
    job: str = "*"
    index: int | None = None
    attempt: int = 1
    after_seconds: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", FaultKind(self.kind))

    def matches(self, name: str, index: int | None, attempt: int) -> bool:
        """Whether this is about an attempt."""
        return attempt == self.attempt and self.index in (None, index) and fnmatchcase(name, self.job)


@dataclass(frozen=True, slots=True)
class NoCapacity:
    """No job of the queues starts for `seconds` after the plan was set; None: until another plan is set."""

    seconds: float | None = None
    queue: str = "*"


@dataclass(frozen=True, slots=True)
class StaleList:
    """A fraction `rate` (0 to 1) of the ListJobs answers lacks the jobs younger than `seconds`."""

    rate: float
    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """What goes wrong. The same seed and the same order of submissions give the same faults.

    Parameters
    ----------
    seed
        Of the random numbers.
    host_terminated, killed, cannot_pull, reclaimed
        Probability per attempt, 0 to 1, together at most 1.
    moment_seconds
        Earliest and latest time of a random fault, after the attempt's start.
    attempts
        Faults of named attempts; they come before random ones.
    """

    seed: int = 0
    host_terminated: float = 0.0
    killed: float = 0.0
    cannot_pull: float = 0.0
    reclaimed: float = 0.0
    moment_seconds: tuple[float, float] = (0.0, 2.0)
    attempts: tuple[NamedAttempt, ...] = ()
    no_capacity: NoCapacity | None = None
    stale_list: StaleList | None = None

    @classmethod
    def parse(cls, text: str) -> FaultPlan:
        """Read a plan from JSON: an object with the names of the parameters, each of which may be absent.

        Raises
        ------
        UsageProblem
            For unknown names, and for values that are not allowed.
        """
        try:
            given = json.loads(text)
            for name, kind in (("no_capacity", NoCapacity), ("stale_list", StaleList)):
                if given.get(name) is not None:
                    given[name] = kind(**given[name])
            given["attempts"] = tuple(NamedAttempt(**attempt) for attempt in given.get("attempts", ()))
            low, high = given.get("moment_seconds", cls().moment_seconds)
            plan = cls(**{**given, "moment_seconds": (float(low), float(high))})
            chances = [getattr(plan, kind) for kind in FaultKind]
            if min(chances) < 0 or sum(chances) > 1 or not 0 <= (plan.stale_list or StaleList(0)).rate <= 1:
                raise ValueError("chances are between 0 and 1, together at most 1")
        except (ValueError, TypeError, AttributeError) as error:
            known = ", ".join(field.name for field in fields(cls))
            raise UsageProblem(f"The faults cannot be read: {error}.", f"Give a JSON object with {known}.") from None
        return plan

    def fault(self, number: int, *, name: str, index: int | None, attempt: int) -> Fault | None:
        """The fault of an attempt, or None.

        Parameters
        ----------
        number
            The job's place in the order of all submissions. (Ids differ from run to run.)
        name, index, attempt
            The job's name, its index in its array, the attempt's number from 1.
        """
        generator = random.Random(f"{self.seed}:{number}:{attempt}")
        instance_id = f"i-{generator.getrandbits(68):017x}"
        for named in self.attempts:
            if named.matches(name, index, attempt):
                return Fault(named.kind, named.after_seconds, instance_id)
        drawn, moment = generator.random(), generator.uniform(*self.moment_seconds)
        for kind in FaultKind:
            drawn -= getattr(self, kind)
            if drawn < 0:
                return Fault(kind, moment, instance_id)
        return None

    def is_stale(self, number: int) -> bool:
        """Whether the ListJobs call with this number, from 0, lacks young jobs."""
        generator = random.Random(f"{self.seed}:ListJobs:{number}")
        return self.stale_list is not None and generator.random() < self.stale_list.rate
