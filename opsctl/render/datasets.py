"""Shows the datasets, a line each."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from opsctl.commands.dataset.datasets import DatasetLine
from opsctl.render.page import table
from opsctl.render.screen import Screen, counted


def show_datasets(screen: Screen, lines: Sequence[DatasetLine], *, data_bucket: str) -> None:
    """Show each dataset with its number of subjects and its derivatives."""
    screen.say(f"s3://{data_bucket}", style="dim")
    rows: list[list[Text | str]] = [[line.name, _contents(line), ", ".join(line.derivatives)] for line in lines]
    for row in table(rows, room=screen.data.room):
        screen.data.print(row)
    if not lines:
        screen.say("There is no dataset yet: `opsctl upload DIR --name NAME` brings one there.")


def _contents(line: DatasetLine) -> str:
    if line.subjects is None:
        return line.uri
    return counted(line.subjects, "subject")
