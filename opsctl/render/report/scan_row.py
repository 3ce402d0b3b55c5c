"""One scan of the report: its row and its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from opsctl.commands.results.report_assets import Asset, ScanFiles
from opsctl.core.atlases.atlas import name_of
from opsctl.core.costs.bill import ScanBill
from opsctl.core.results.qa import is_skull_strip
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.result import GraphKind, Result
from opsctl.core.runs.status import ScanStatus
from opsctl.render.report.pictures import DecodedImage


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A file of a scan, or the problem why it cannot be shown; `number` tells it from all others of the page."""

    asset: Asset
    image: DecodedImage
    number: int
    problem: str = ""


class ConnectomeNumbers(NamedTuple):
    """What the connectome that stands for a scan holds."""

    atlas: str
    kind: GraphKind | None
    nodes: int
    edges: int


@dataclass(frozen=True, kw_only=True)
class ScanRow:
    """One scan's row.

    Attributes
    ----------
    is_pictured
        Whether its files may be shown; a run of thousands shows those of some scans.
    """

    scan: ScanStatus
    result: Result | None
    files: ScanFiles | None
    attempts: tuple[Attempt, ...]
    bill: ScanBill | None
    pictures: tuple[Picture, ...]
    is_pictured: bool
    title: str = ""

    @property
    def has_details(self) -> bool:
        """Whether more than a line is told of it: nothing is to be looked at in the others."""
        return self.is_pictured or self.scan.state != "DONE" or bool(self.scan.warnings)

    @property
    def numbers(self) -> ConnectomeNumbers | None:
        """The numbers of its connectome, by its job; where that did not count, by the file."""
        if self.files is not None and self.files.graph is not None:
            graph = self.files.graph
            return ConnectomeNumbers(graph.atlas, graph.kind, graph.nodes, graph.edges)
        shown = self.connectome
        if shown is None or shown.image.nodes is None or shown.image.edges is None:
            return None
        return ConnectomeNumbers(shown.asset.name, shown.asset.graph_kind, shown.image.nodes, shown.image.edges)

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
        atlases = set(self.files.atlases if self.files else ())
        return sorted(map(name_of, atlases - {shown}))

    @property
    def seconds(self) -> float | None:
        """The duration of its result, or else of its last attempt."""
        if self.result is not None:
            return self.result.total_seconds
        return self.attempts[-1].seconds if self.attempts else None
