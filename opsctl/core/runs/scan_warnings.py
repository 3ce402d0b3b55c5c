"""Scans that are done and need a look: their warnings, grouped by code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.core.runs.output_kinds import WarningCode
from opsctl.core.runs.result_record import ResultWarning

#: Each code in words, what makes a connectome useless first.
TITLES: Mapping[WarningCode, str] = {
    "diagonal_only": "no edge between different regions",
    "few_edges": "almost no edges",
    "few_regions": "fewer than half of the regions have an edge",
    "regions_lost": "regions lost",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class WarningGroup:
    """The scans with a warning of one code.

    Attributes
    ----------
    title
        The warning without what differs from scan to scan.
    scans
        The scans' names, each once, in their order.
    """

    code: WarningCode
    title: str
    scans: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """An entry of `warnings` in `status --json`."""
        return {"code": self.code, "title": self.title, "scans": list(self.scans)}


def grouped_warnings(warnings: Iterable[tuple[str, ResultWarning]]) -> list[WarningGroup]:
    """Group warnings by code, in the order of `TITLES`.

    Parameters
    ----------
    warnings
        Each with its scan's name; a scan may have one for each of its atlases.
    """
    scans: dict[WarningCode, dict[str, None]] = {}
    for scan, warning in warnings:
        scans.setdefault(warning.code, {})[scan] = None
    return [
        WarningGroup(code=code, title=title, scans=tuple(scans[code]))
        for code, title in TITLES.items()
        if code in scans
    ]
