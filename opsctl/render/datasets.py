"""Shows the datasets as a table, and what runs will leave out of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.text import Text

from opsctl.commands.dataset.datasets import DatasetContents, DatasetLine
from opsctl.render.page import headed_table
from opsctl.render.runs import ago_text
from opsctl.render.screen import Screen, counted, size_text

_HEADER = ("DATASET", "SUBJECTS", "SCANS", "SIZE", "CHANGED", "OUTPUTS")
_RIGHT = (1, 3)
_NAMES_SHOWN = 5


def show_datasets(screen: Screen, lines: Sequence[DatasetLine], *, data_bucket: str, now: datetime) -> None:
    """Show each dataset with its contents and outputs; then what is not processed, and why."""
    screen.say(f"s3://{data_bucket}", style="dim")
    if not lines:
        screen.say("There is no dataset yet: `opsctl upload DIR --name NAME` brings one there.")
        return
    rows = [_row(line, now=now) for line in lines]
    labelled = [_row(line, now=now, is_labelled=True) for line in lines]
    for row in headed_table(_HEADER, rows, labelled, room=screen.data.room, right=_RIGHT):
        screen.data.print(row)
    for line in lines:
        for note in _notes(line):
            screen.say(f"{line.name}: {note}")


def _row(line: DatasetLine, *, now: datetime, is_labelled: bool = False) -> list[Text | str]:
    """The cells of a dataset; `is_labelled` where no header explains them."""
    outputs = ", ".join(line.derivatives)
    outputs = f"outputs {outputs}" if is_labelled and outputs else outputs
    if line.subjects is None:
        return [line.name, "", line.uri, "", "", outputs]
    subjects = counted(line.subjects, "subject") if is_labelled else f"{line.subjects:,}"
    if line.contents is None:
        return [line.name, subjects, "scans not known" if is_labelled else "not known", "", "", outputs]
    contents = line.contents
    changed = ago_text(contents.changed, now=now) if contents.changed else ""
    changed = f"changed {changed}" if is_labelled and changed else changed
    return [line.name, subjects, _scans(contents), size_text(contents.size_bytes), changed, outputs]


def _scans(contents: DatasetContents) -> str:
    counts = (("dwi", contents.dwi_scans), ("bold", contents.func_scans))
    return ", ".join(f"{count:,} {kind}" for kind, count in counts if count) or "none"


def _notes(line: DatasetLine) -> list[str]:
    """What a run leaves out of a dataset."""
    if line.fault:
        return [f"its scans cannot be counted: {line.fault}"]
    contents, notes = line.contents, []
    if contents is None:
        return []
    if missing := contents.without_scans:
        names = ", ".join(missing[:_NAMES_SHOWN]) + (", …" if len(missing) > _NAMES_SHOWN else "")
        verb = "has" if len(missing) == 1 else "have"
        notes.append(f"{counted(len(missing), 'subject')} {verb} no scan: {names}.")
    if contents.excluded:
        verb = "is" if contents.excluded == 1 else "are"
        command = f"`opsctl scans {line.name} --pipeline both`"
        notes.append(f"{counted(contents.excluded, 'image')} {verb} excluded: {command} says why.")
    if contents.other_folders:
        notes.append(f"no run reads {', '.join(f'{folder}/' for folder in contents.other_folders)}.")
    return notes
