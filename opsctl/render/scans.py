"""Shows a dataset's scans, and what no scan is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.text import Text

from opsctl.commands.dataset.discovery import ChosenScans
from opsctl.core.dataset.scan import Absence, Discovery, Scan
from opsctl.core.harmless import harmless
from opsctl.render.page import table
from opsctl.render.screen import Screen, counted, size_text

#: How many reasons, notes and folders are shown.
_MOST_REASONS = 10
_MOST_NOTES = 5
_MOST_FOLDERS = 8

_IMAGE_KINDS = {"dwi": "dwi image", "func": "bold image", "both": "dwi or bold image"}
_OTHER_PIPELINE = {"dwi": ("bold", "func"), "func": ("dwi", "dwi")}


def discovery_lines(discovery: Discovery) -> list[str]:
    """Counts, exclusions by reason, where an image is missing, and the choices that discovery made."""
    runnable, excluded = len(discovery.scans), discovery.excluded_count
    lines = [f"{counted(runnable + excluded, 'scan')}, {runnable:,} runnable, {excluded:,} excluded"]
    lines += _exclusion_lines(discovery)
    lines += _absence_lines(discovery)
    noted = [scan for scan in discovery.scans if scan.note]
    lines += [f"  {scan.name}: {scan.note}" for scan in noted[:_MOST_NOTES]]
    if len(noted) > _MOST_NOTES:
        lines.append(f"  … and the same for {counted(len(noted) - _MOST_NOTES, 'more scan')}")
    return [*lines, *(f"  {warning}" for warning in discovery.warnings)]


def not_read_lines(discovery: Discovery) -> list[str]:
    """Which folders beside the subjects' folders are not read; `run` does not use them either."""
    folders = discovery.not_read
    if not folders:
        return []
    shown = ", ".join(harmless(folder) for folder in folders[:_MOST_FOLDERS])
    more = f" and {len(folders) - _MOST_FOLDERS:,} more" if len(folders) > _MOST_FOLDERS else ""
    return [f"  {counted(len(folders), 'folder')} not read: {shown}{more}"]


def scan_lines(scans: Sequence[Scan], *, room: int | None = None, notes: Sequence[str] = ()) -> list[Text]:
    """Scans, a line each: name, size, files.

    Parameters
    ----------
    room
        The width of a line; None: unlimited.
    notes
        Further cells of each line.
    """
    rows = [
        (scan.name, size_text(scan.size_bytes), ", ".join(file.role for file in scan.inputs), *notes) for scan in scans
    ]
    return table(rows, room=room, right=(1,))


def show_scans(screen: Screen, choice: ChosenScans) -> None:
    """Show the scans on standard output; counts and choices on standard error."""
    discovery = choice.discovery
    for line in (*discovery_lines(discovery), *not_read_lines(discovery), *chosen_lines(choice)):
        screen.say(line)
    for row in scan_lines(choice.chosen, room=screen.data.room, notes=("runnable",)):
        screen.data.print(row)
    for exclusion in discovery.excluded:
        for line in path_lines(f"{exclusion.key}  excluded: {exclusion.reason}", room=screen.data.room):
            screen.data.print(line, style="yellow")
    if discovery.more_excluded:
        screen.data.print(f"… and {counted(sum(discovery.more_excluded.values()), 'more image')} excluded")


def chosen_lines(choice: ChosenScans) -> list[str]:
    """How many scans the filters choose, where they leave some out."""
    if len(choice.chosen) == len(choice.discovery.scans):
        return []
    return [f"  {len(choice.chosen):,} of them {'is' if len(choice.chosen) == 1 else 'are'} chosen"]


def path_lines(text: str, *, room: int | None) -> list[str]:
    """A path and what is said of it; on a narrow terminal the path is broken after a `/` or `_`, and indented."""
    text = harmless(text)
    path, gap, rest = text.partition("  ")
    if room is None or len(path) <= room:
        return [text]
    lines: list[str] = [""]
    for part in _path_parts(path):
        if lines[-1].strip() and len(lines[-1]) + len(part) > room:
            lines.append("  ")
        lines[-1] += part
    return [*lines, f"  {rest}"] if gap else lines


def _path_parts(path: str) -> Iterator[str]:
    start = 0
    for at, character in enumerate(path):
        if character in "/_":
            yield path[start : at + 1]
            start = at + 1
    yield path[start:]


def _exclusion_lines(discovery: Discovery) -> list[str]:
    counts = Counter(discovery.more_excluded)
    examples: dict[str, str] = {}
    for exclusion in discovery.excluded:
        counts[exclusion.reason] += 1
        examples.setdefault(exclusion.reason, exclusion.key)
    lines = []
    for reason, count in counts.most_common(_MOST_REASONS):
        example = f", e.g. {harmless(examples[reason])}" if reason in examples else ""
        lines.append(f"  excluded: {harmless(reason)} ({count:,}){example}")
    further = len(counts) - _MOST_REASONS
    if further > 0:
        images = sum(counts.values()) - sum(count for _, count in counts.most_common(_MOST_REASONS))
        lines.append(f"  … and {counted(images, 'more image')}, for {counted(further, 'other reason')}")
    return lines


def _absence_lines(discovery: Discovery) -> list[str]:
    """Where an image is missing, a line for each kind of place."""
    image = _IMAGE_KINDS[discovery.pipeline]
    by_kind: dict[str, list[Absence]] = {}
    for absence in discovery.absences:
        by_kind.setdefault(absence.kind, []).append(absence)
    lines = []
    for kind, noun in (("subject_without_image", "subject"), ("session_without_image", "session")):
        absences = by_kind.get(kind, [])
        count = len(absences) + discovery.more_absent.get(kind, 0)
        if count:
            verb = "has" if count == 1 else "have"
            place = f"{': ' if count == 1 else ', e.g. '}{harmless(absences[0].path)}" if absences else ""
            lines.append(f"  {counted(count, noun)} {verb} no {image}{place}{_others_text(discovery, absences, count)}")
    orphans = by_kind.get("sidecar_without_image", [])
    count = len(orphans) + discovery.more_absent.get("sidecar_without_image", 0)
    if count == 1 and orphans:
        lines.append(f"  1 {image} is missing beside {harmless(orphans[0].path)}")
    elif count:
        example = f", e.g. beside {harmless(orphans[0].path)}" if orphans else ""
        lines.append(f"  {counted(count, image)} are missing beside their sidecars{example}")
    return lines


def _others_text(discovery: Discovery, absences: Sequence[Absence], count: int) -> str:
    """How many of the places have images of the other pipeline."""
    with_others = sum(1 for absence in absences if absence.other_images)
    if not with_others or discovery.pipeline not in _OTHER_PIPELINE:
        return ""
    suffix, pipeline = _OTHER_PIPELINE[discovery.pipeline]
    who = "it has" if count == 1 else f"{with_others:,} of them {'has' if with_others == 1 else 'have'}"
    return f" ({who} {suffix} images: --pipeline {pipeline})"
