"""Count the data bucket's contents and the costs of a platform's runs while it is removed.

Both take a while (a thousand keys a request, thousands of records), and a teardown takes minutes anyway.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from opsctl.aws.errors import translated
from opsctl.aws.s3.listing import Listing
from opsctl.aws.s3.storage import Storage
from opsctl.commands.costs.cost import RunCost
from opsctl.core.errors import Problem


@dataclass(frozen=True)
class Contents:
    """What a bucket contains; a lower bound when `is_whole` is False."""

    object_count: int
    size_bytes: int
    is_whole: bool


@dataclass(frozen=True)
class Spent:
    """The cost of a platform's runs, USD; a lower bound when `is_complete` is False."""

    usd: float
    run_count: int
    is_complete: bool


class ContentsTotal:
    """Counts a bucket's objects in a thread, from its construction on."""

    def __init__(self, storage: Storage, bucket: str) -> None:
        self._listing = Listing(storage.client)
        self._bucket = bucket
        self._object_count = 0
        self._size_bytes = 0
        self._is_whole = False
        self._thread = threading.Thread(target=self._count, name="bucket", daemon=True)
        self._thread.start()

    def _count(self) -> None:
        try:
            with translated("counting what is kept"):
                for obj in self._listing.below(self._bucket, ""):
                    self._object_count += 1
                    self._size_bytes += obj.size_bytes
        except Problem:
            return
        self._is_whole = True

    def contents(self, *, timeout_seconds: float) -> Contents:
        """The total, or what was counted within the timeout."""
        self._thread.join(timeout_seconds)
        return Contents(self._object_count, self._size_bytes, self._is_whole)


class CostTotal:
    """Adds up the costs of a platform's runs in a thread, from its construction on.

    Parameters
    ----------
    costs
        Gives the costs of all runs, of any platform.
    name
        The platform's name.
    """

    def __init__(self, costs: Callable[[], list[RunCost]], *, name: str) -> None:
        self._costs = costs
        self._name = name
        self._spent: Spent | None = None
        self._thread = threading.Thread(target=self._add, name="cost", daemon=True)
        self._thread.start()

    def _add(self) -> None:
        try:
            costs = [cost.own for cost in self._costs() if cost.run.platform == self._name]
        except Problem:
            return
        self._spent = Spent(sum(cost.usd for cost in costs), len(costs), all(cost.is_complete for cost in costs))

    def spent(self, *, timeout_seconds: float) -> Spent | None:
        """The sum, or None when it is not known within the timeout."""
        self._thread.join(timeout_seconds)
        return self._spent
