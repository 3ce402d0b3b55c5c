"""What a platform leaves behind, found out while it is taken down: the bucket's contents, and what its runs have cost.

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
    """What lies in a bucket; `is_whole` is False where that is only what was counted in time."""

    object_count: int
    size_bytes: int
    is_whole: bool


@dataclass(frozen=True)
class Spent:
    """What a platform's runs have cost together, USD; a lower bound where `is_complete` is False."""

    usd: float
    run_count: int
    is_complete: bool


class ContentsTotal:
    """Counts a bucket from now on, in a thread of its own."""

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
                for one in self._listing.below(self._bucket, ""):
                    self._object_count += 1
                    self._size_bytes += one.size_bytes
        except Problem:
            return
        self._is_whole = True

    def contents(self, *, timeout_seconds: float) -> Contents:
        """What there is, or what was seen of it so far."""
        self._thread.join(timeout_seconds)
        return Contents(self._object_count, self._size_bytes, self._is_whole)


class CostTotal:
    """Adds up what a platform's runs have cost, in a thread of its own.

    Parameters
    ----------
    costs
        Every run's, of whichever platform.
    """

    def __init__(self, costs: Callable[[], list[RunCost]], *, name: str) -> None:
        self._costs = costs
        self._name = name
        self._spent: Spent | None = None
        self._thread = threading.Thread(target=self._add, name="cost", daemon=True)
        self._thread.start()

    def _add(self) -> None:
        try:
            found = [one for one in self._costs() if one.run.platform == self._name]
        except Problem:
            return
        self._spent = Spent(sum(one.own.usd for one in found), len(found), all(one.own.is_complete for one in found))

    def spent(self, *, timeout_seconds: float) -> Spent | None:
        """The sum, or None where it is not known in time."""
        self._thread.join(timeout_seconds)
        return self._spent
