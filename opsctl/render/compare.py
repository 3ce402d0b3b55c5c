"""Shows the comparison of two settings."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from opsctl.commands.comparison.compare import Comparison
from opsctl.core.comparison.comparison import ParcellationComparison
from opsctl.core.comparison.edge_agreement import EdgeAgreement, Spread
from opsctl.core.comparison.paired_difference import PairedDifference
from opsctl.core.comparison.recommendation import NOT_VALIDITY, larger_sample, probability_text, signed
from opsctl.core.comparison.side import Resources, Side, option_differences
from opsctl.core.costs.estimate import about_text, usd_text
from opsctl.core.counted import counted
from opsctl.core.preview import BANNER
from opsctl.core.reliability.distances import Transform
from opsctl.render.page import headed_table, table
from opsctl.render.screen import Screen, duration_text

_WEIGHTS: dict[Transform, str] = {
    "ranks": "the ranks of the edges",
    "raw": "the weights of the edges",
    "log": "the logarithms of the weights of the edges",
}
_RELIABILITY = ("PARCELLATION", "D OF A", "D OF B", "A − B", "95 % INTERVAL", "P", "SUBJECTS", "SCANS")
_EDGES = ("PARCELLATION", "EACH SCAN", "EACH EDGE", "REGIONS", "LOST BY A", "LOST BY B")
_RESOURCES = ("", "TIME OF A SCAN", "PEAK MEMORY", "COST")
_MOST_NAMES = 8
_MOST_LEFT_OUT = 5


def show_comparison(screen: Screen, comparison: Comparison) -> None:
    """Show both sides, their reliability, the agreement of their edges, what they took, and what follows."""
    if comparison.is_preview:
        screen.warn(BANNER)
    if comparison.datasets is not None:
        first, second = comparison.datasets
        screen.warn(
            f"A is of {first}, and B of {second}: scans of one name are taken for the same, which they need not be."
        )
    for line in _side_lines(comparison):
        screen.answer(line)
    if comparison.rows:
        _show_connectomes(screen, comparison)
    else:
        screen.answer("No parcellation of these scans is in both, so reliability and edges are not compared.")
    for line in _omission_lines(comparison):
        screen.answer(line)
    _heading(screen, "Time, memory and cost")
    screen.answer("median and largest value of the compared scans; the cost of all their attempts")
    for row in _resource_rows(comparison, screen.data.room):
        screen.answer(row)
    if comparison.is_preview:
        screen.answer("Times and memory are the preview's; its scans are priced with the m2g guide's 65 minutes each.")
    screen.answer()
    for kind, difference in comparison.overall.items():
        of_kind = f"{kind}: " if len(comparison.overall) > 1 else ""
        screen.answer(f"{of_kind}{comparison.recommendation(kind)}", style="bold")
        if sentence := larger_sample(difference):
            screen.answer(sentence)
    screen.answer(NOT_VALIDITY)


def _show_connectomes(screen: Screen, comparison: Comparison) -> None:
    """Show reliability and edges, a line for each parcellation."""
    _heading(screen, "Reliability")
    screen.answer(f"discriminability D from {_WEIGHTS[comparison.transform]}; 1: every subject is told apart")
    for row in _reliability_rows(comparison, screen.data.room):
        screen.answer(row)
    for line in _method_lines(comparison):
        screen.answer(line)
    _heading(screen, "Edges")
    screen.answer(
        "correlation of A and B: median (lowest to highest) over the scans, median (quartiles) over the edges"
    )
    for row in _edge_rows(comparison, screen.data.room):
        screen.answer(row)


def _heading(screen: Screen, text: str) -> None:
    screen.answer()
    screen.answer(text, style="bold")


def _side_lines(comparison: Comparison) -> list[str]:
    lines = []
    for letter, side, only in zip("AB", comparison.sides, comparison.only, strict=True):
        others = f"; {only:,} more are not in the other" if only else ""
        lines.append(f"{letter}: {side.typed} ({_side_text(side)}){others}")
    subjects = {name.partition("/")[0] for name in comparison.scans}
    lines.append(f"compared: {counted(len(comparison.scans), 'scan')} of {counted(len(subjects), 'subject')}")
    lines += [
        f"differs: {each.option.replace('_', '-')}: {each.first} / {each.second}"
        for each in option_differences(*comparison.sides)
    ]
    if any(side.options is None for side in comparison.sides):
        lines.append("A folder of results does not say with which options m2g ran.")
    first, second = comparison.sides
    for name, values in (
        ("image", (first.images, second.images)),
        ("opsctl", (first.opsctl_versions, second.opsctl_versions)),
        ("preview", (_yes(first.is_preview), _yes(second.is_preview))),
    ):
        texts = [", ".join(own) for own in values]
        # Of a folder of results some are not known.
        if all(texts) and texts[0] != texts[1]:
            lines.append(f"differs: {name}: {texts[0]} / {texts[1]}")
    if not option_differences(first, second) and None not in (first.options, second.options):
        lines.append("m2g's options are the same in both.")
    return lines


def _yes(value: bool) -> tuple[str]:
    return ("yes" if value else "no",)


def _side_text(side: Side) -> str:
    parts = [counted(len(side.scans), "scan")]
    if side.options is not None:
        names = ("diffusion_model", "space", "mod") if side.options.get("pipeline", "dwi") != "func" else ("pipeline",)
        parts += [str(side.options[name]) for name in names if name in side.options]
    if side.kind != "run" and side.run_ids:
        parts.append(f"from {counted(len(side.run_ids), 'run')}")
    parts += [f"image {', '.join(side.images)}"] if side.images else []
    return ", ".join(parts)


def _reliability_rows(comparison: Comparison, room: int | None) -> list[Text]:
    measured = [(_row_name(comparison, row), row.difference) for row in comparison.rows]
    for kind, difference in comparison.overall.items():
        count = sum(row.kind == kind and row.difference is not None for row in comparison.rows)
        if count > 1:
            of_kind = f", {kind}" if len(comparison.overall) > 1 else ""
            measured.append((f"mean of {count}{of_kind}", difference))
    rows = [_reliability_cells(name, difference) for name, difference in measured]
    titles = ("D of A", "D of B", "A − B", "95 % interval", "p", "subjects", "scans")
    return _shown(_RELIABILITY, rows, titles, room, right=(1, 2, 3, 5, 6, 7))


def _method_lines(comparison: Comparison) -> list[str]:
    """What the intervals and probabilities rest on."""
    known = [difference for difference in comparison.overall.values() if difference is not None]
    if not known:
        return []
    ways = "all" if known[0].is_every_swap else "random"
    lines = [
        "interval: jackknife over the subjects; p: the settings of each subject swapped or not,"
        f" {ways} {known[0].swaps:,} ways"
    ]
    if len(comparison.rows) > len(comparison.overall):
        lines.append("The mean is the one test: of many parcellations some differ by chance.")
    return lines


def _row_name(comparison: Comparison, row: ParcellationComparison) -> str:
    return f"{row.name}, {row.kind}" if len(comparison.overall) > 1 else row.name


def _reliability_cells(name: str, difference: PairedDifference | None) -> list[str]:
    if difference is None:
        return [name, "n/a", "n/a", "", "", "", "", ""]
    if difference.low is None or difference.high is None:
        interval = "not known"
    elif difference.has_no_width:
        interval = "no width"
    else:
        interval = f"{signed(difference.low)} to {signed(difference.high)}"
    return [
        name,
        f"{difference.first:.3f}",
        f"{difference.second:.3f}",
        signed(difference.value),
        interval,
        probability_text(difference),
        f"{difference.subjects:,}",
        f"{difference.scans:,}",
    ]


def _edge_rows(comparison: Comparison, room: int | None) -> list[Text]:
    rows = [
        [_row_name(comparison, row), *_agreement_cells(row.agreement), *(_lost_text(lost) for lost in row.lost)]
        for row in comparison.rows
    ]
    titles = ("each scan", "each edge", "regions", "lost by A", "lost by B")
    return _shown(_EDGES, rows, titles, room, right=(3, 4, 5))


def _agreement_cells(agreement: EdgeAgreement | None) -> list[str]:
    if agreement is None:
        return ["other regions: not compared", "", ""]
    per_scan, per_edge = agreement.per_scan, agreement.per_edge
    return [
        _spread_text(per_scan, per_scan.lowest, per_scan.highest) if per_scan else "n/a",
        _spread_text(per_edge, per_edge.first_quartile, per_edge.third_quartile) if per_edge else "n/a",
        f"{agreement.regions:,}"
        if agreement.regions_of_each == (agreement.regions, agreement.regions)
        else f"{agreement.regions:,} of {agreement.regions_of_each[0]:,} and {agreement.regions_of_each[1]:,}",
    ]


def _spread_text(spread: Spread, low: float, high: float) -> str:
    return f"{_two(spread.median)} ({_two(low)} to {_two(high)})"


def _two(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _lost_text(lost: float | None) -> str:
    if lost is None:
        return "n/a"
    return f"{lost:.0f}" if lost == round(lost) else f"{lost:.1f}"


def _omission_lines(comparison: Comparison) -> list[str]:
    lines = []
    for letter, names in zip("AB", comparison.only_parcellations, strict=True):
        if names:
            shown = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
            lines.append(f"only in {letter}: {counted(len(names), 'parcellation')} ({shown})")
    reasons = list(comparison.left_out.items())
    lines += [f"{counted(count, 'connectome')}: {reason}" for reason, count in reasons[:_MOST_LEFT_OUT]]
    if len(reasons) > _MOST_LEFT_OUT:
        lines.append(f"… and {counted(len(reasons) - _MOST_LEFT_OUT, 'more reason')} (--json lists all)")
    return lines


def _resource_rows(comparison: Comparison, room: int | None) -> list[Text]:
    resources = [side.resources(comparison.scans) for side in comparison.sides]
    cells = [[label, *_resource_cells(own)] for label, own in zip(comparison.labels, resources, strict=True)]
    return _shown(_RESOURCES, cells, ("time", "peak memory", "cost"), room, right=())


def _resource_cells(resources: Resources) -> list[str]:
    seconds, memory = resources.median_seconds, resources.median_memory_mib
    cells = ["not known"] * 3
    if seconds is not None and resources.longest_seconds is not None:
        cells[0] = f"{duration_text(seconds)} (at most {duration_text(resources.longest_seconds)})"
    if memory is not None and resources.largest_memory_mib is not None:
        cells[1] = f"{memory:,} MiB (at most {resources.largest_memory_mib:,} MiB)"
    if resources.usd is not None and resources.usd_per_scan is not None:
        whole = resources.money.text if resources.money else f"{about_text(resources.usd)} at AWS's prices"
        cells[2] = f"{usd_text(resources.usd_per_scan)} a scan; {whole}"
    return cells


def _shown(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    titles: Sequence[str],
    room: int | None,
    *,
    right: Sequence[int],
) -> list[Text]:
    """A table with its header; in a pipe, and where no header fits, each cell says what it is.

    Parameters
    ----------
    titles
        Of the cells after the first.
    """
    labelled = [
        [cells[0], *(f"{title} {cell}" if cell else "" for title, cell in zip(titles, cells[1:], strict=True))]
        for cells in rows
    ]
    return table(labelled, room=None) if room is None else headed_table(header, rows, labelled, room=room, right=right)
