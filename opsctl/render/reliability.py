"""Shows how far the connectomes of repeated measurements agree: a line for each parcellation, kind and model."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from rich.text import Text

from opsctl.commands.reliability.reliability import Reliability
from opsctl.core.preview import BANNER
from opsctl.core.reliability.published import SOURCE
from opsctl.render.page import headed_table, table
from opsctl.render.screen import Screen, counted

SCHEMA_VERSION = 1

_HEADER = ("PARCELLATION", "WEIGHTS", "D", "95 % INTERVAL", "P", "SUBJECTS", "SCANS", "M2G")
_RIGHT = (5, 6)
_TRANSFORMS = {
    "ranks": "the ranks of the weights (pass-to-ranks)",
    "raw": "the weights as they are",
    "log": "the logarithm of 1 + weight",
}
_MEANING = (
    "D is discriminability: the share of comparisons in which a scan is nearer to another scan of its subject than to"
    " a scan of another subject. 1 is all, 0.5 is chance."
)
_OPTIMISM = (
    "Scans of one site, scanner or day have more in common than the subject: D is optimistic if all sessions are from"
    " one. A reliable connectome need not be a right one."
)


def show_reliability(screen: Screen, rows: Sequence[Reliability], *, title: str, is_verbose: bool) -> None:
    """Show D with its interval, its test and what it rests on; then what limits it.

    Parameters
    ----------
    title
        The run, the dataset or the folder.
    is_verbose
        Whether to show the scans that are left out, and each scan's own D.
    """
    if any(row.is_preview for row in rows):
        screen.warn(BANNER)
    screen.answer(title, style="bold")
    for line in headed_table(
        _header(rows),
        [_cells(row, has_published=_has_published(rows)) for row in rows],
        [_cells(row, has_published=_has_published(rows), is_labelled=True) for row in rows],
        room=screen.data.room,
        right=_RIGHT,
    ):
        screen.answer(line)
    screen.say()
    for sentence in _sentences(rows):
        screen.say(sentence)
    if is_verbose:
        for row in rows:
            _show_details(screen, row)


def as_json(rows: Sequence[Reliability], about: dict[str, Any]) -> dict[str, Any]:
    """The same as JSON.

    Parameters
    ----------
    about
        What was read: the run, the dataset with its outputs, or the folder.
    """
    return {"schema_version": SCHEMA_VERSION, **about, "reliability": [_row_json(row) for row in rows]}


def _has_published(rows: Sequence[Reliability]) -> bool:
    return any(row.published is not None for row in rows)


def _header(rows: Sequence[Reliability]) -> tuple[str, ...]:
    return _HEADER if _has_published(rows) else _HEADER[:-1]


def _cells(row: Reliability, *, has_published: bool, is_labelled: bool = False) -> list[Text | str]:
    """The cells of a line; `is_labelled` where no header explains them."""
    weights = f"{row.kind}, {row.model}" if row.model else row.kind
    result, interval, test = row.result, row.interval, row.test
    value = f"{result.value:.3f}" if result else "not known"
    interval_text = f"{interval.low:.3f} to {interval.high:.3f}" if interval else ""
    p_text = f"{test.p_value:.3g}" if test else ""
    subjects = result.subjects if result else row.subjects
    scans = result.scans if result else row.scans
    published = f"{row.published:.3f}" if row.published is not None else ""
    if is_labelled:
        cells: list[Text | str] = [
            row.parcellation,
            weights,
            f"D {value}",
            f"95 % interval {interval_text}" if interval_text else "",
            f"p {p_text}" if p_text else "",
            counted(subjects, "subject"),
            counted(scans, "scan"),
        ]
        published = f"m2g's bar {published}" if published else ""
    else:
        cells = [row.parcellation, weights, value, interval_text, p_text, f"{subjects:,}", f"{scans:,}"]
    return [*cells, published] if has_published else cells


def _sentences(rows: Sequence[Reliability]) -> list[str]:
    """What the figures mean, and what limits them, each once."""
    known = [row for row in rows if row.result is not None]
    sentences = []
    if known:
        row = known[0]
        sentences += [_MEANING, f"Compared: {_TRANSFORMS[row.transform]}, by the Frobenius distance of the matrices."]
        if row.test is not None:
            sentences.append(
                f"p: {row.test.permutations:,} permutations of the subjects' labels, seed {row.seed}. Interval: a"
                " jackknife over the subjects."
            )
        sentences.append(_OPTIMISM)
    if _has_published(rows):
        sentences.append(f"M2G: what m2g's authors publish for this dataset and these settings ({SOURCE}).")
    return sentences + _grouped_notes(rows)


def _grouped_notes(rows: Sequence[Reliability]) -> list[str]:
    """The notes of the lines; a note of all lines without their names."""
    lines_of: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        for note in (*((row.reason,) if row.reason else ()), *row.notes):
            lines_of[note].append(row.parcellation)
    return [
        note if len(lines) == len(rows) else f"{', '.join(dict.fromkeys(lines))}: {note}"
        for note, lines in lines_of.items()
    ]


def _show_details(screen: Screen, row: Reliability) -> None:
    screen.answer()
    screen.answer(f"{row.parcellation}, {row.kind}: {counted(row.regions, 'region')}", style="bold")
    for left_out in row.left_out:
        screen.answer(f"  {left_out.scan} is left out: {left_out.reason}")
    for note in row.unplaced:
        screen.answer(f"  {note.scan}: {note.reason}")
    if row.result is not None:
        cells = [(f"  {name}", _own_text(value)) for name, value in _by_value(row)]
        for line in table([("  SCAN", "ITS OWN D"), *cells], room=screen.data.room):
            screen.answer(line)


def _by_value(row: Reliability) -> list[tuple[str, float]]:
    """Each scan's own D, the lowest first; scans without one last."""
    values = row.result.per_scan.tolist() if row.result is not None else []
    return sorted(zip(row.scan_names, values, strict=True), key=lambda item: (math.isnan(item[1]), item[1], item[0]))


def _own_text(value: float) -> str:
    return "none: the subject has one scan" if math.isnan(value) else f"{value:.3f}"


def _row_json(row: Reliability) -> dict[str, Any]:
    result, interval, test = row.result, row.interval, row.test
    return {
        "parcellation": row.parcellation,
        "atlas": row.atlas,
        "kind": row.kind,
        "model": row.model or None,
        "transform": row.transform,
        "regions": row.regions,
        "subjects": row.subjects,
        "scans": row.scans,
        "subjects_with_two_sessions": row.sessions_repeated,
        "discriminability": None
        if result is None
        else {"value": result.value, "subjects": result.subjects, "scans": result.scans},
        "reason": row.reason or None,
        "interval": None
        if interval is None
        else {"low": interval.low, "high": interval.high, "level": interval.level, "method": "jackknife over subjects"},
        "test": None
        if test is None
        else {
            "p_value": test.p_value,
            "permutations": test.permutations,
            "at_least": test.at_least,
            "seed": row.seed,
        },
        "published": None if row.published is None else {"value": row.published, "source": SOURCE},
        "notes": row.notes,
        "scans_with_lost_regions": row.lost_regions,
        "left_out": [{"scan": item.scan, "reason": item.reason} for item in row.left_out],
        "unplaced_losses": [{"scan": item.scan, "reason": item.reason} for item in row.unplaced],
        "is_preview": row.is_preview,
        "by_scan": [
            {"scan": name, "discriminability": None if math.isnan(value) else value} for name, value in _by_value(row)
        ],
    }
