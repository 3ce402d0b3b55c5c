"""One scan of the report: its row and its pictures."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.commands.results.report_assets import Asset
from opsctl.core.atlases.atlas import name_of
from opsctl.core.costs.bill import ScanBill
from opsctl.core.results.connectome_table import atlas_of
from opsctl.core.results.qa import is_skull_strip
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.result import Result
from opsctl.core.runs.status import ScanStatus
from opsctl.render.report.pictures import DecodedImage


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A file of a scan, or the problem why it cannot be shown."""

    asset: Asset
    image: DecodedImage
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class ScanRow:
    """One scan's row."""

    scan: ScanStatus
    result: Result | None
    attempts: tuple[Attempt, ...]
    bill: ScanBill | None
    pictures: tuple[Picture, ...]
    title: str = ""

    @property
    def connectome(self) -> Picture | None:
        """The connectome that is shown."""
        return next((picture for picture in self.pictures if picture.asset.kind == "connectome"), None)

    @property
    def qa(self) -> tuple[Picture, ...]:
        """m2g's quality-control pictures."""
        return tuple(picture for picture in self.pictures if picture.asset.kind == "QA")

    @property
    def skull_strip(self) -> Picture | None:
        """The picture of the skull strip; the first to look at when regions are lost."""
        return next((picture for picture in self.qa if is_skull_strip(picture.asset.uri)), None)

    @property
    def other_atlases(self) -> list[str]:
        """The names of the atlases of the connectomes that are not shown."""
        shown = self.connectome.asset.name if self.connectome else ""
        atlases = {atlas_of(uri) for uri in (self.result.connectomes if self.result else ())}
        return sorted(map(name_of, atlases - {shown}))

    @property
    def seconds(self) -> float | None:
        """The duration of its result, or else of its last attempt."""
        if self.result is not None:
            return self.result.total_seconds
        return self.attempts[-1].seconds if self.attempts else None
