"""`results --no-download --format`: formats of a folder that is there, without a platform."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.formats_world import YEO, ResultsFolder, chain

ARRAY = f"formats/npz/{YEO}_streamlines_csa.npz"


@pytest.fixture
def results(tmp_path: Path) -> ResultsFolder:
    folder = ResultsFolder(tmp_path / "out")
    folder.add("sub-01/ses-1", chain(7))
    folder.add("sub-01/ses-2", chain(7, without=(2, 3)), lost=1)
    return folder


def test_what_a_person_reads(opsctl: Callable[..., Any], results: ResultsFolder) -> None:
    said = opsctl("results", str(results.path), "--no-download", "--format", "npz", "--format", "tsv")
    assert said.code == 0
    line = " ".join(said.out.split())
    assert "npz, tsv; 1 parcellation of up to 2 scans; 10 files (10 written)" in line
    assert "1 connectome only the number is known" in " ".join(said.err.split())
    again = opsctl("results", str(results.path), "--no-download", "--format", "npz", "--format", "tsv")
    assert "(0 written, 10 unchanged)" in " ".join(again.out.split())


def test_what_a_script_reads(opsctl: Callable[..., Any], results: ResultsFolder) -> None:
    said = opsctl("results", str(results.path), "--no-download", "--format", "npz", "--list")
    paths = [Path(line) for line in said.out.splitlines()]
    assert results.path / ARRAY in paths and all(path.is_file() for path in paths)
    document = json.loads(opsctl("results", str(results.path), "--no-download", "--format", "npz", "--json").out)
    assert document["schema_version"] == 1
    assert document["formats"] == [{"format": "npz", "folder": str(results.path / "formats/npz"), "files": 4}]


def test_a_bad_connectome_ends_with_1_and_the_others_are_written(
    opsctl: Callable[..., Any], results: ResultsFolder
) -> None:
    results.add("sub-02/ses-1", "words")
    results.add("sub-03/ses-1", chain(7))
    said = opsctl("results", str(results.path), "--no-download", "--format", "npz", "--json")
    assert said.code == 1
    document = json.loads(said.out)
    assert len(document["failed"]) == 1 and document["error"]["code"] == "file_unreadable"
    with np.load(results.path / ARRAY) as arrays:
        assert arrays["scan"].tolist() == ["sub-01/ses-1", "sub-01/ses-2", "sub-03/ses-1"]


def test_a_name_that_was_mistyped_makes_no_folder(opsctl: Callable[..., Any], tmp_path: Path) -> None:
    said = opsctl("results", str(tmp_path / "typo"), "--no-download", "--format", "npz")
    assert said.code == 1
    assert f"`opsctl results {tmp_path}/typo --format npz`" in "".join(said.err.split("\n"))
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize(
    "words", [("--no-download",), ("--format", "mat"), ("--format", "npz", "--no-download", "--run", "x")]
)
def test_options_that_cannot_be(opsctl: Callable[..., Any], results: ResultsFolder, words: tuple[str, ...]) -> None:
    assert opsctl("results", str(results.path), *words).code == 2
    assert not (results.path / "formats").exists()


def test_reliability_reads_the_array(opsctl: Callable[..., Any], results: ResultsFolder) -> None:
    for scan in ("sub-02/ses-1", "sub-02/ses-2"):
        results.add(scan, chain(7, weight=9.0))
    opsctl("results", str(results.path), "--no-download", "--format", "npz")
    of_folder, of_array = (
        json.loads(opsctl("reliability", str(path), "--permutations", "0", "--json").out)
        for path in (results.path, results.path / ARRAY)
    )
    assert [{**value, "folder": ""} for value in (of_folder, of_array)] == [{**of_folder, "folder": ""}] * 2
