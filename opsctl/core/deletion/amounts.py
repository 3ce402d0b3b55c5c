"""How much there is, or how much was deleted: objects, versions and bytes, by folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Amount:
    """How much.

    Attributes
    ----------
    objects
        Objects that a reader sees: their current versions.
    versions
        All versions, replaced ones and delete markers too.
    size_bytes
        Of all versions.
    """

    objects: int = 0
    versions: int = 0
    size_bytes: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.objects + other.objects, self.versions + other.versions, self.size_bytes + other.size_bytes)


@dataclass
class Amounts:
    """Amounts by folder, in the order of their first version."""

    folders: dict[str, Amount] = field(default_factory=dict)

    def add(self, folder: str, *, size_bytes: int, is_object: bool) -> None:
        """Count one version."""
        amount = Amount(int(is_object), 1, size_bytes)
        self.folders[folder] = self.folders.get(folder, Amount()) + amount

    @property
    def total(self) -> Amount:
        """Everything together."""
        return sum(self.folders.values(), Amount())

    def as_json(self) -> dict[str, Any]:
        """The counts for `--json` and receipts."""
        folders: Mapping[str, Any] = {folder: asdict(amount) for folder, amount in self.folders.items()}
        return {**asdict(self.total), "folders": folders}
