"""`opsctl reliability` of a folder: what it prints, its JSON, and wrong usage."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.graph_examples import example_weights
from typer.testing import CliRunner

from opsctl.cli import app
from opsctl.core.reliability.published import SOURCE

ATLAS = "JHU_space-MNI152NLin6_res-2x2x2"
REGIONS = 48
HEADER = "scan\tkind\tfile\tregions\tlost\n"


def folder_of(path: Path, *, subjects: int, sessions: int = 2) -> Path:
    """A folder of results: subjects of some sessions each."""
    lines = [HEADER]
    rows, columns = np.triu_indices(REGIONS, k=1)
    for number, weights in enumerate(example_weights(subjects, sessions, REGIONS)):
        scan = f"sub-{number // sessions:02d}/ses-{number % sessions + 1}"
        place = f"{scan}/connectomes_d/{ATLAS}/x_{ATLAS}_connectome.csv"
        (path / place).parent.mkdir(parents=True)
        edges = zip(rows + 1, columns + 1, weights, strict=True)
        (path / place).write_text("".join(f"{node} {other} {weight}\n" for node, other, weight in edges if weight))
        lines.append(f"{scan}\tstreamlines\t{place}\t{REGIONS}\t0\n")
    (path / "connectomes.tsv").write_text("".join(lines))
    return path


def typed(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["reliability", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_d_is_printed_with_what_it_rests_on(tmp_path: Path) -> None:
    code, out, err = typed(folder_of(tmp_path, subjects=5))
    assert code == 0
    assert out.splitlines()[1].split() == ["JHU", "streamlines", "1.000", "0.002", "5", "10"]
    assert "1 is all, 0.5 is chance" in err
    assert "D is optimistic if all sessions are from one" in err


def test_the_json_has_every_figure(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, subjects=5)
    code, out, _ = typed(folder, "--json", "--permutations", "99", "--transform", "log")
    assert code == 0
    document = json.loads(out)
    assert document["schema_version"] == 1
    assert document["folder"] == str(folder)
    (row,) = document["reliability"]
    assert row["discriminability"]["subjects"] == 5
    assert row["discriminability"]["scans"] == 10
    assert row["test"]["permutations"] == 99
    assert row["transform"] == "log"
    assert row["published"] is None
    assert len(row["by_scan"]) == 10


def test_the_same_seed_gives_the_same(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, subjects=3)
    assert typed(folder, "--json") == typed(folder, "--json")


def test_one_session_each_is_said_and_no_error(tmp_path: Path) -> None:
    code, out, err = typed(folder_of(tmp_path, subjects=3, sessions=1))
    assert code == 0
    assert "not known" in out
    assert (
        "Reliability needs at least two subjects with two sessions each, and 0 of 3 subjects have two sessions." in err
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--run", "x"), "FOLDER and --run exclude each other"),
        (("--dataset", "x"), "FOLDER and --dataset exclude each other"),
        (("--modif", "x"), "--modif chooses a folder of a dataset"),
        (("--parcellation", "nothing"), "No scan has a connectome of the parcellation nothing"),
    ],
)
def test_what_contradicts_is_refused(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(app, ["reliability", str(folder_of(tmp_path, subjects=2)), *arguments])
    assert result.exit_code != 0
    assert message in str(result.exception)


def test_the_source_of_the_bar_is_named() -> None:
    assert "CONTRIBUTING" in SOURCE
