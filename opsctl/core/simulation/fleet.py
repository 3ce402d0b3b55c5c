"""One replication of a run: Batch launches instances, each processes scans in its slots, and ends when it is idle.

The time is in hours. SimPy runs the events; nothing depends on the clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from opsctl.core.simulation.reclaims import ReclaimRate, Reclaims
from opsctl.core.simulation.scan_times import ScanTimes

if TYPE_CHECKING:
    import numpy as np
    from simpy import Environment


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """The instances that process a run.

    Attributes
    ----------
    pack
        How many scans an instance processes at the same time: its slots.
    most_instances
        How many instances run at the same time.
    start_hours, start_spread
        What passes on an instance before its first scan (it boots and pulls the image), on average, and the standard
        deviation of its logarithm.
    tail_hours
        How long an instance waits without a scan before Batch ends it.
    attempts
        How often a scan is tried whose instance is taken back.
    """

    pack: int
    most_instances: int
    start_hours: float
    tail_hours: float
    attempts: int
    reclaims: ReclaimRate
    start_spread: float = 0.0


@dataclass(kw_only=True)
class Playthrough:
    """What happened in one replication.

    Attributes
    ----------
    done_at
        When each scan was done, in order of time.
    lost_scans
        How many scans lost their instance in every attempt.
    attempts, attempt_hours
        All attempts, those that lost their instance included.
    instances
        Begin and end of each instance.
    reclaimed
        How many instances were taken back.
    most_instances, most_scans
        The largest number of instances, and of scans in progress, at one time.
    finish_hours
        When the last scan was done or lost.
    """

    done_at: list[float] = field(default_factory=list)
    lost_scans: int = 0
    attempts: int = 0
    attempt_hours: float = 0.0
    instances: list[tuple[float, float]] = field(default_factory=list)
    reclaimed: int = 0
    most_instances: int = 0
    most_scans: int = 0
    finish_hours: float = 0.0

    @property
    def instance_hours(self) -> float:
        """What AWS charges the instances for."""
        return sum(end - begin for begin, end in self.instances)


def play(
    fleet: Fleet, times: ScanTimes, *, scan_count: int, slowdown: float, generator: np.random.Generator
) -> Playthrough:
    """Play a run through once.

    Parameters
    ----------
    slowdown
        How many times longer m2g takes than alone on its instance.
    generator
        The only source of chance: the same state gives the same result.
    """
    from simpy import Environment

    # Streams of their own, so that a change of one setting does not draw all other numbers anew.
    of_scans, of_retries, of_starts, of_reclaims = generator.spawn(4)
    replication = _Replication(
        Environment(),
        fleet,
        first_hours=list(times.draw(of_scans, scan_count, slowdown=slowdown)),
        retry_hours=_endless(times, of_retries, slowdown),
        start_factors=_start_factors(fleet.start_spread, of_starts),
        reclaims=Reclaims(fleet.reclaims, of_reclaims),
    )
    return replication.played()


@dataclass(eq=False, slots=True)
class _Instance:
    begin: float
    reclaim_at: float
    ready_at: float
    idle_slots: int = 0
    has_ended: bool = False
    #: Counts how often all slots became idle: a wait that began earlier does not end the instance.
    idle_periods: int = 0


class _Attempt(NamedTuple):
    instance: _Instance
    scan: int
    number: int
    hours: float
    is_lost: bool


class _Replication:
    """The events of one replication: timeouts with callbacks, which take half the time of SimPy processes."""

    def __init__(
        self,
        environment: Environment,
        fleet: Fleet,
        *,
        first_hours: list[float],
        retry_hours: Iterator[float],
        start_factors: Iterator[float],
        reclaims: Reclaims,
    ) -> None:
        self._environment = environment
        self._fleet = fleet
        self._hours = first_hours
        self._retry_hours = retry_hours
        self._start_factors = start_factors
        self._reclaims = reclaims
        # Each scan with the number of its next attempt.
        self._queue = deque((scan, 1) for scan in range(len(first_hours)))
        self._idle: dict[_Instance, None] = {}
        self._running = self._launched = self._starting_slots = self._in_progress = 0
        self._result = Playthrough()

    def played(self) -> Playthrough:
        self._serve()
        self._environment.run()
        return self._result

    def _after(self, hours: float, call: Callable[[Any], None], value: Any) -> None:
        event = self._environment.timeout(hours)
        event.callbacks.append(lambda _: call(value))

    def _serve(self) -> None:
        """Give waiting scans to idle slots, and launch instances for the rest."""
        while self._queue and self._idle:
            instance = next(iter(self._idle))
            instance.idle_slots -= 1
            if not instance.idle_slots:
                del self._idle[instance]
            self._begin_next(instance)
        while len(self._queue) > self._starting_slots and self._running < self._fleet.most_instances:
            self._launch()

    def _launch(self) -> None:
        now = self._environment.now
        zone = self._launched % self._fleet.reclaims.zones
        ready_at = now + self._fleet.start_hours * next(self._start_factors)
        instance = _Instance(begin=now, reclaim_at=self._reclaims.next_at(zone, now), ready_at=ready_at)
        self._launched += 1
        self._running += 1
        self._starting_slots += self._fleet.pack
        self._result.most_instances = max(self._result.most_instances, self._running)
        self._after(min(ready_at, instance.reclaim_at) - now, self._start, instance)

    def _start(self, instance: _Instance) -> None:
        self._starting_slots -= self._fleet.pack
        if instance.reclaim_at <= instance.ready_at:
            self._end(instance, is_reclaimed=True)
            self._serve()
            return
        for _ in range(self._fleet.pack):
            if self._queue:
                self._begin_next(instance)
            else:
                self._rest(instance)

    def _begin_next(self, instance: _Instance) -> None:
        """Begin the next attempt of the queue in a slot."""
        scan, number = self._queue.popleft()
        hours, left = self._hours[scan] if number == 1 else next(self._retry_hours), instance.reclaim_at
        left -= self._environment.now
        is_lost = hours > left
        attempt = _Attempt(instance, scan, number, max(0.0, left) if is_lost else hours, is_lost)
        self._in_progress += 1
        self._result.most_scans = max(self._result.most_scans, self._in_progress)
        self._after(attempt.hours, self._finish, attempt)

    def _finish(self, attempt: _Attempt) -> None:
        result, now = self._result, self._environment.now
        self._in_progress -= 1
        result.attempts += 1
        result.attempt_hours += attempt.hours
        if not attempt.is_lost:
            result.done_at.append(now)
            result.finish_hours = now
            if self._queue:
                self._begin_next(attempt.instance)
            else:
                self._rest(attempt.instance)
            return
        self._end(attempt.instance, is_reclaimed=True)
        if attempt.number < self._fleet.attempts:
            self._queue.append((attempt.scan, attempt.number + 1))
        else:
            result.lost_scans += 1
            result.finish_hours = now
        self._serve()

    def _rest(self, instance: _Instance) -> None:
        """A slot has no scan; an instance of which no slot has one waits for its end."""
        instance.idle_slots += 1
        self._idle[instance] = None
        if instance.idle_slots == self._fleet.pack:
            instance.idle_periods += 1
            left = instance.reclaim_at - self._environment.now
            is_reclaimed = left < self._fleet.tail_hours
            hours = max(0.0, left) if is_reclaimed else self._fleet.tail_hours
            self._after(hours, self._end_if_idle, (instance, instance.idle_periods, is_reclaimed))

    def _end_if_idle(self, wait: tuple[_Instance, int, bool]) -> None:
        instance, period, is_reclaimed = wait
        if instance.idle_slots == self._fleet.pack and instance.idle_periods == period:
            self._end(instance, is_reclaimed=is_reclaimed)

    def _end(self, instance: _Instance, *, is_reclaimed: bool) -> None:
        """End an instance; of several scans that lose it together, the first one ends it."""
        if instance.has_ended:
            return
        instance.has_ended = True
        self._idle.pop(instance, None)
        self._running -= 1
        self._result.reclaimed += is_reclaimed
        self._result.instances.append((instance.begin, self._environment.now))


def _endless(times: ScanTimes, generator: np.random.Generator, slowdown: float) -> Iterator[float]:
    while True:
        yield from times.draw(generator, 256, slowdown=slowdown)


def _start_factors(spread: float, generator: np.random.Generator) -> Iterator[float]:
    """What the start of each instance in turn takes, as a multiple of the average."""
    import numpy as np

    while True:
        if spread:
            yield from np.exp(generator.normal(-(spread**2) / 2, spread, size=256)).tolist()
        else:
            yield 1.0
