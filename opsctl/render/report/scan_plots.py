"""The report's plots: durations, peaks and edges of the scans that are done, each with its texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opsctl.core.atlases.atlas import name_of
from opsctl.core.runs.output_kinds import GraphKind
from opsctl.core.runs.status import ScanStatus
from opsctl.render.report.plots import Distribution, distribution
from opsctl.render.report.scan_row import ScanRow
from opsctl.render.screen import counted, duration_text

_PHASES = {
    "pull": "from S3 to the instance",
    "m2g": "the processing itself",
    "preview": "in m2g's place; m2g itself takes about an hour",
    "push": "back to S3",
}
_MAX_ATLASES = 3
#: Which pairs of regions count as edges.
_EDGES: Mapping[GraphKind | None, str] = {
    "streamlines": "pairs with streamlines",
    "correlation": "pairs with a correlation",
    "absolute correlation": "pairs with a correlation",
    None: "pairs with a weight",
}


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A distribution with its texts."""

    name: str
    note: str
    words: str
    drawing: Distribution
    scans: tuple[ScanStatus, ...]
    values: tuple[float, ...]
    is_time: bool
    unit: str = ""

    def text_of(self, value: float) -> str:
        """A value with its unit."""
        return _text(value, is_time=self.is_time, unit=self.unit)


def phase_plots(done: Sequence[ScanRow]) -> list[Plot]:
    """The duration of each phase; the preview in m2g's place is one of its own."""
    values: dict[str, list[tuple[ScanStatus, float]]] = {name: [] for name in _PHASES}
    for row in done:
        for phase, seconds in row.result.seconds.items() if row.result is not None else ():
            name = row.phase_name(phase)
            if name in values:
                values[name].append((row.scan, float(seconds)))
    return [_plot(name, note, values[name], is_time=True) for name, note in _PHASES.items() if values[name]]


def peak_plots(done: Sequence[ScanRow]) -> list[Plot]:
    """The peaks of memory and disk, as far as they were measured."""
    results = [(row.scan, row.result) for row in done if row.result is not None]
    memory = [(scan, float(result.peak_memory_mib)) for scan, result in results if result.peak_memory_mib]
    disk = [(scan, float(result.peak_disk_mib)) for scan, result in results if result.peak_disk_mib]
    given = (
        ("memory", "peak of all processes, MiB", memory),
        ("disk", "peak of the scratch folder, MiB", disk),
    )
    return [_plot(name, note, values, is_time=False, unit="MiB") for name, note, values in given if values]


def edge_plots(done: Sequence[ScanRow]) -> list[Plot]:
    """The numbers of edges of the connectomes, one plot per atlas and kind: outliers become visible."""
    groups: dict[tuple[str, GraphKind | None], list[tuple[ScanStatus, float]]] = defaultdict(list)
    for row in done:
        if row.numbers is not None:
            groups[row.numbers.atlas, row.numbers.kind].append((row.scan, float(row.numbers.edges)))
    return [
        _plot(f"edges, {name_of(atlas)}", _EDGES[kind], edges, is_time=False)
        for (atlas, kind), edges in list(groups.items())[:_MAX_ATLASES]
    ]


def _plot(name: str, note: str, by_scan: Sequence[tuple[ScanStatus, float]], *, is_time: bool, unit: str = "") -> Plot:
    values = tuple(value for _, value in by_scan)
    scans = tuple(scan for scan, _ in by_scan)
    drawing = distribution(values, is_time=is_time)
    middle, lowest, highest = (
        _text(value, is_time=is_time, unit=unit) for value in (drawing.median, min(values), max(values))
    )
    text = f"{name}: {counted(len(values), 'scan')}, median {middle}, from {lowest} to {highest}"
    return Plot(
        name=name, note=note, words=text, drawing=drawing, scans=scans, values=values, is_time=is_time, unit=unit
    )


def _text(value: float, *, is_time: bool, unit: str = "") -> str:
    # The median of two counts may be a fraction.
    return duration_text(value) if is_time else f"{value:,.1f}".removesuffix(".0") + (f" {unit}" if unit else "")
