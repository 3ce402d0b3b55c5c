"""The first items of many, and how many there are of each kind: a million misnamed images are counted, not kept."""

from __future__ import annotations

from collections import Counter
from typing import Generic, TypeVar

T = TypeVar("T")

#: Kinds that are counted under their own name. A kind may be a reason with the name of a file in it.
_MOST_KINDS = 1_000
OTHER_REASONS = "other reasons"


class Examples(Generic[T]):
    """Keeps items up to a number, and counts the others by kind.

    Attributes
    ----------
    kept
        The items in the order in which they came.
    others
        How many further items there are of each kind.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.kept: list[T] = []
        self.others: Counter[str] = Counter()

    def add(self, item: T, kind: str) -> None:
        """Keep an item, or count it where there are many already."""
        if len(self.kept) < self._most:
            self.kept.append(item)
        elif kind in self.others or len(self.others) < _MOST_KINDS:
            self.others[kind] += 1
        else:
            self.others[OTHER_REASONS] += 1
