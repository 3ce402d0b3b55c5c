"""Scans of the report that share a cause."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.core.diagnosis.causes import Group
from opsctl.render.report.scan_row import Picture, ScanRow


class FailureGroup:
    """A group of scans with its sentences, each said once.

    Parameters
    ----------
    rows
        Of its scans, in their order.
    """

    def __init__(self, group: Group, rows: Sequence[ScanRow]) -> None:
        self.code, self.help, self.scans = group.code, group.help, group.scans
        self.title, self.example = group.title, group.example
        if group.has_detail:
            # One scan's sentence is the whole one; the title of several says that they differ.
            self.title, self.example = group.example if len(group.scans) == 1 else group.title, ""
        with_log = next((row for row in rows if row.log is not None and row.log.image.lines), None)
        self.log: Picture | None = with_log.log if with_log is not None else None
        self.log_of = with_log.scan.name if with_log is not None else ""
