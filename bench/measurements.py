"""All measured rows: kept as JSON, printed as a table, and written into docs/."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.row import Row

_BEGIN, _END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
# The steps whose figures are the plot's line of `run`; their modules have others.
_OF_RUN = re.compile(r"(discover and submit|memory of) [\d,]+ scans")
_COLUMNS = ("step", "ours", "plain", "peer", "ratio", "bar", "held")


@dataclass(frozen=True)
class Machine:
    """The machine and the date of a measurement."""

    machine: str
    measured_on: str

    @classmethod
    def this(cls) -> Machine:
        """This machine, today."""
        description = (
            f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()} {platform.release().split('-')[0]}"
        )
        return cls(f"{description}, Python {platform.python_version()}", f"{datetime.now(UTC):%Y-%m-%d}")


@dataclass(frozen=True)
class Measurements:
    """All rows, as `results.json` holds them: a row's figures, its step's module, machine and date."""

    rows: tuple[dict[str, Any], ...] = ()

    @classmethod
    def read(cls, path: Path) -> Measurements:
        """Read the last measurements; no rows where there is no file."""
        return cls(tuple(json.loads(path.read_text())) if path.is_file() else ())

    def with_rows(self, module: str, rows: Sequence[Row], machine: Machine, *, order: Sequence[str]) -> Measurements:
        """These measurements with new rows in place of a module's."""
        new = [{**asdict(row), "module": module, **asdict(machine)} for row in rows]
        others = [row for row in self.rows if row["module"] != module]
        return Measurements(tuple(sorted([*others, *new], key=lambda row: order.index(row["module"]))))

    def write(self, path: Path) -> None:
        """Write the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.rows, indent=1, ensure_ascii=False) + "\n")

    def show(self) -> None:
        """Print the table."""
        from rich.console import Console
        from rich.table import Table

        table = Table(*_COLUMNS, box=None, header_style="bold", pad_edge=False)
        for name in _COLUMNS[1:]:
            table.columns[_COLUMNS.index(name)].justify = "right"
            table.columns[_COLUMNS.index(name)].no_wrap = True
        for row in self.rows:
            cells = _cells(row)
            table.add_row(*cells, style=None if row["held"] else "bold red")
        Console().print(table)

    def markdown(self) -> str:
        """The table of docs/performance.md."""
        lines = [f"| {' | '.join((*_COLUMNS, 'min to max', 'how'))} |", "|---|--:|--:|--:|--:|--:|---|---|---|"]
        for row in self.rows:
            extremes = f"{_number(row['ratio_min'])} to {_number(row['ratio_max'])}" if row["pairs"] > 1 else "1 run"
            lines.append(f"| {' | '.join((*_cells(row), extremes, row['note']))} |")
        machines = sorted({f"{row['machine']}, {row['measured_on']}" for row in self.rows})
        return "\n".join([f"Measured on: {'; '.join(machines)}.", "", *lines, ""])

    def write_docs(self, docs: Path) -> None:
        """Write the table into docs/performance.md, and draw docs/growth.png."""
        from bench.plot import draw

        page = docs / "performance.md"
        page.write_text(replace_table(page.read_text(), self.markdown()))
        draw(self.growth("s"), self.growth("MiB"), docs / "growth.png")

    def growth(self, unit: str) -> dict[str, dict[int, float]]:
        """Seconds or MiB by the number of scans, of submission and of each verb."""
        lines: dict[str, dict[int, float]] = {}
        for row in self.rows:
            is_growth = row["module"] == "verbs" or _OF_RUN.fullmatch(row["step"])
            if is_growth and row["unit"] == unit:
                verb = row["step"].removeprefix("memory of ").partition(" of ")[0]
                line = lines.setdefault(verb if row["module"] == "verbs" else "discover and submit", {})
                line[int(re.sub(r"\D", "", row["step"]))] = row["ours"]
        return lines


def replace_table(page: str, table: str) -> str:
    """The page with the table between its two markers."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{table}{_END}{after}"


def _cells(row: dict[str, Any]) -> list[str]:
    figures = [_with_unit(row[name], row["unit"]) for name in ("ours", "plain", "peer")]
    bar = _with_unit(row["bar"], row["unit"]) if row["ratio"] is None else _number(row["bar"])
    return [row["step"], *figures, _number(row["ratio"]), bar, "yes" if row["held"] else "no"]


def _with_unit(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"${value:.2f}" if unit == "$" else f"{_number(value)} {unit}".strip()


def _number(value: float | None) -> str:
    """A number with three significant digits."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
