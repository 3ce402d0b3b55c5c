"""What scans cost, simulated: the setup of m2g's guide beside opsctl's settings; and an idle month.

python -m bench.cost                 the table
python -m bench.cost --write-docs    the table and the plot of docs/cost-compared.md
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.cost_settings import (
    ALONE,
    FEW_VCPUS,
    GUIDE,
    LARGER,
    MANY_VCPUS,
    PACKED,
    SCANS_ON_FEW,
    Compared,
    Setting,
    compare,
    compare_all,
)
from bench.row import Row, ratio_row
from opsctl.core.costs.estimate import idle_usd_per_hour
from opsctl.core.simulation.duration import span_text

_IDLE_BAR = 0.0
_HOURS_A_MONTH = 730
#: Of each of the guide's dollars, at 300 csd scans: where memory allows two scans on a core, and where it does not.
_GOALS: dict[str, tuple[Setting, float]] = {
    "two scans an instance, Spot": (PACKED, 0.24),
    "larger instances, Spot": (LARGER, 0.33),
    "one scan an instance, Spot": (ALONE, 0.40),
}

_ROOT = Path(__file__).resolve().parents[1]
_TERRAFORM = _ROOT / "terraform"
_PAGE, _PLOT = _ROOT / "docs" / "cost-compared.md", _ROOT / "docs" / "cost-compared.png"
_BEGIN, _END = "<!-- compared: begin -->\n", "<!-- compared: end -->\n"
_HEADER = ("scans", "setting", "vCPUs", "finish", "bill", "a scan", "without chance", "of the guide")


def usd_idle_per_month(resource_types: list[str]) -> float:
    """The cost of the resources while nothing runs."""
    return idle_usd_per_hour(resource_types) * _HOURS_A_MONTH


def resource_types() -> list[str]:
    """Every type of resource in opsctl's Terraform."""
    texts = (path.read_text() for path in sorted(_TERRAFORM.rglob("*.tf")))
    return [resource_type for text in texts for resource_type in re.findall(r'^resource "(\w+)"', text, re.MULTILINE)]


def measure(*, quick: bool = False) -> list[Row]:  # noqa: ARG001  every step has this parameter
    """Simulate the rows; the seed is fixed, so they are the same each time."""
    guide = compare("csd", SCANS_ON_FEW, MANY_VCPUS["csd"], GUIDE)
    rows = []
    for name, (setting, bar) in _GOALS.items():
        few, many = (compare("csd", SCANS_ON_FEW, vcpus["csd"], setting) for vcpus in (FEW_VCPUS, MANY_VCPUS))
        note = (
            f"simulated on {few.vcpus} vCPUs ({span_text(few.simulation.finish_hours.p50)}); on {many.vcpus} as the"
            f" guide's {many.usd_per_scan / guide.usd_per_scan:.2f} of it; docs/cost-compared.md"
        )
        rows.append(
            ratio_row(
                f"a csd scan of {SCANS_ON_FEW}: {name}",
                ours=[few.usd_per_scan],
                plain=[guide.usd_per_scan],
                bar=bar,
                unit="$",
                note=note,
            )
        )
    idle, private = usd_idle_per_month(resource_types()), usd_idle_per_month(["aws_nat_gateway", "aws_eip"])
    note = "plain: a private network with one NAT gateway and its address"
    rows.append(ratio_row("cost of an idle month", ours=[idle], plain=[private], bar=_IDLE_BAR, unit="$", note=note))
    return rows


def table_rows(compared: Iterable[Compared]) -> list[tuple[str, ...]]:
    """The cells of each line; the guide stands before the others of its model and number of scans."""
    rows: list[tuple[str, ...]] = []
    guide: Compared | None = None
    for line in compared:
        if line.setting is GUIDE:
            guide = line
        assert guide is not None
        assert (guide.model, guide.scans) == (line.model, line.scans)
        bill = line.simulation.usd
        rows.append(
            (
                f"{line.scans:,} {line.model}",
                line.setting.name,
                f"{line.vcpus:,}",
                span_text(line.simulation.finish_hours.p50),
                f"${bill.p50:,.2f} (${bill.p10:,.2f} to ${bill.p90:,.2f})",
                f"${line.usd_per_scan:.4f}",
                f"${line.usd_by_formula / line.scans:.4f}",
                f"{line.usd_per_scan / guide.usd_per_scan:.2f}",
            )
        )
    return rows


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """The table of docs/cost-compared.md."""
    lines = [f"| {' | '.join(_HEADER)} |", "|---|---|--:|--:|--:|--:|--:|--:|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), ""])


def write_docs(compared: Sequence[Compared]) -> None:
    """Write the table and the plot of docs/cost-compared.md."""
    from bench.cost_plot import draw

    before, _, rest = _PAGE.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    _PAGE.write_text(f"{before}{_BEGIN}{markdown(table_rows(compared))}{_END}{after}")
    draw(compared, _PLOT)


def main() -> None:
    compared = list(compare_all())
    for row in table_rows(compared):
        print("  ".join(row))
    if "--write-docs" in sys.argv[1:]:
        write_docs(compared)


if __name__ == "__main__":
    main()
