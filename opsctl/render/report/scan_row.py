"""One scan of the report: its row and its pictures."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.commands.results.report_asset import Asset
from opsctl.commands.results.report_assets import ScanFiles
from opsctl.core.costs.bill import ScanBill
from opsctl.core.results.connectome_counts import ConnectomeNumbers
from opsctl.core.results.qa import is_skull_strip
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.result import Result
from opsctl.core.runs.state import DailyState, daily_state
from opsctl.core.runs.status import ScanStatus
from opsctl.render.report.brain import EdgeLines
from opsctl.render.report.pictures import DecodedFile


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A file of a scan, or the problem why it cannot be shown.

    Attributes
    ----------
    number
        Tells it from all others of the page.
    brain
        The strongest edges of a connectome; empty where the places of its nodes are not known.
    """

    asset: Asset
    image: DecodedFile
    number: int
    problem: str = ""
    brain: tuple[EdgeLines, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ScanRow:
    """One scan's row.

    Attributes
    ----------
    is_pictured
        Whether its files may be shown; a run of thousands shows those of some scans.
    atlas
        The folder of the atlas that the page pictures.
    run_id
        The run that commands about it name.
    is_previewed
        Whether the preview made its outputs.
    """

    scan: ScanStatus
    result: Result | None
    files: ScanFiles | None
    attempts: tuple[Attempt, ...]
    bill: ScanBill | None
    pictures: tuple[Picture, ...]
    is_pictured: bool
    atlas: str = ""
    run_id: str = ""
    is_previewed: bool = False

    @property
    def has_details(self) -> bool:
        """Whether more than a line is told of it: nothing is to be looked at in the others."""
        return self.is_pictured or self.scan.state != "DONE" or bool(self.scan.warnings)

    @property
    def numbers(self) -> ConnectomeNumbers | None:
        """The numbers of its pictured connectome; None where it has none."""
        return self.files.connectomes.of(self.atlas) if self.files is not None else None

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
    def connectomes(self) -> list[ConnectomeNumbers]:
        """The numbers of its connectomes, one of each atlas."""
        return list(self.files.connectomes) if self.files is not None else []

    @property
    def log(self) -> Picture | None:
        """The end of the log of its last attempt, if that failed."""
        return next((picture for picture in self.pictures if picture.asset.kind == "log"), None)

    def phase_name(self, phase: str) -> str:
        """The name of a phase of its job: the preview's time is not m2g's."""
        return "preview" if phase == "m2g" and self.is_previewed else phase

    @property
    def state(self) -> DailyState:
        """Its state in a user's words."""
        return daily_state(self.scan.state, self.scan.cause_code)

    def reason_of(self, attempt: Attempt) -> str:
        """Why an attempt ended; empty of the last one where the row says it as the scan's cause."""
        is_said = attempt is self.attempts[-1] and attempt.cause_code == self.scan.cause_code
        return "" if is_said else attempt.reason

    @property
    def seconds(self) -> float | None:
        """The duration of its result, or else of its last attempt."""
        if self.result is not None:
            return self.result.total_seconds
        return self.attempts[-1].seconds if self.attempts else None
