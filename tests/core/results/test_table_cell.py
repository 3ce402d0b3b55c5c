"""Cells of tables: no name in a bucket becomes a formula, and numbers stay numbers."""

from __future__ import annotations

import csv
import io
import itertools

import pytest

from opsctl.core.results.connectome import GraphSize
from opsctl.core.results.connectome_table import ConnectomeRow, table
from opsctl.core.results.table_cell import cell, table_text

FORMULAS = [
    *(
        "=HYPERLINK(1)",
        "=cmd|'/C calc'!A0",
        "+x/y",
        "-x",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "  =1",
        "\n\n@x",
        "\u200b=1",
        "\x1b[m=1",
    ),
    *(
        "\u202e=1",
        "\ufeff=1",
        "-1+cmd|' /C calc'!A0",
        "+1-2",
        "--1",
        "=",
        "\uff1d1",
        '"=1"',
        '"a',
        "'=1",
        "-\u0661",
        "\x00=1",
    ),
]


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_no_cell_begins_a_formula(text: str) -> None:
    written = cell(text)
    assert written[0] == "'"
    # The name is what follows the apostrophe.
    assert written[1] in "=+-@\"'\uff1d"
    assert not {"\t", "\r", "\n", "\x1b"} & set(written)


@pytest.mark.parametrize("text", ["-1", "+1.5", "-0.25", "1e-3", "-.5", "12", "n/a", "sub-01", "a=b", "x@y", "é", ""])
def test_numbers_and_names_stay_as_they_are(text: str) -> None:
    assert cell(text) == text


def test_most_cells_need_no_look_at_each_character(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of 13,500 connectomes has 190,000 of them."""
    looked_at: list[str] = []
    monkeypatch.setattr("opsctl.core.results.table_cell.harmless", lambda text: looked_at.append(text) or text)
    plain = ["sub-01/ses-1", "n/a", "0.1235", "absolute correlation", "12", "sub-1/connectomes_d/A/x_connectome.csv"]
    assert [cell(text) for text in [*plain, "a  b", "-1", "é"]] == [*plain, "a b", "-1", "é"]
    assert looked_at == ["a  b", "-1", "é"]


def row(file: str, scan: str = "sub-01") -> ConnectomeRow:
    return ConnectomeRow(
        scan=scan,
        file=file,
        kind="streamlines",
        size=GraphSize(nodes=70, edges=1000),
        regions=70,
        lost=0,
        seconds=61.4,
        peak_memory_mib=1,
        peak_disk_mib=None,
        cost_usd=0.5,
        run="HNU1-20261122-120000-ab12",
    )


def test_a_table_of_hostile_names_is_read_back_by_csv_and_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    rows = [row(f"sub-01/connectomes_d/{name}/x.csv", scan=name) for name in FORMULAS]
    text = table([*rows, row("=1/x\ty", scan='"quoted')])
    for dialect in (csv.excel_tab, csv.unix_dialect):
        read = list(csv.reader(io.StringIO(text), dialect, delimiter="\t"))
        assert {len(line) for line in read} == {16}
        assert len(read) == len(FORMULAS) + 2
        assert not [value for line in read for value in line if value[:1] in ("=", "+", "-", "@", "\t", "\r")]
    frame = pandas.read_csv(io.StringIO(text), sep="\t")
    assert frame.shape == (len(FORMULAS) + 1, 16)
    assert frame["nodes"].tolist() == [70] * len(frame)
    assert frame["cost_usd"].tolist() == [0.5] * len(frame)
    assert frame["file"].iloc[-1] == "'=1/x y"
    assert frame["scan"].iloc[-1] == "'\"quoted"


def test_negative_coordinates_are_numbers() -> None:
    assert table_text([("x_mm", "region"), ("-12.5", "=x")]) == "x_mm\tregion\n-12.5\t'=x\n"


def test_a_row_is_its_cells() -> None:
    """Whole rows are looked at once: the outcome is the same as cell by cell."""
    texts = [
        "a",
        "-1.5",
        "-",
        "=x",
        "",
        "a b",
        " a",
        "a\tb",
        "a\t",
        "a\n",
        "-1.5\n",
        "12",
        "n/a",
        "x  y",
        "'q",
        "é",
        "-1.",
    ]
    for row in [*itertools.product(texts, repeat=2), *itertools.product(texts, repeat=3), *((text,) for text in texts)]:
        assert table_text([row]) == "\t".join(map(cell, row)) + "\n"
