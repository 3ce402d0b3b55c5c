"""`compare`, typed: on folders of results, and on the runs of two settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.graph_examples import example_weights
from support.history_world import HistoryWorld
from support.results_folder import write_results
from support.typed_opsctl import TypedOpsctl

from opsctl.core.comparison.paired_difference import paired_difference, subject_shares
from opsctl.core.runs.m2g_options import M2gOptions

Opsctl = Callable[..., Any]
REGIONS = 8
#: The same subjects, measured well and badly.
GOOD = example_weights(10, 2, REGIONS, noise=0.8, seed=1)
BAD = example_weights(10, 2, REGIONS, noise=6.0, seed=1)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return write_results(tmp_path / "good", GOOD), write_results(tmp_path / "bad", BAD, seconds=60, usd=0.5, lost=2)


def flat(text: str) -> str:
    return " ".join(text.split())


def test_two_folders_of_results(folders: tuple[Path, Path], opsctl: Opsctl) -> None:
    said = opsctl("compare", *map(str, folders))
    assert said.code == 0, said.err
    screen = flat(said.out)
    assert "compared: 20 scans of 10 subjects" in screen
    assert "A is the more reliable setting on such scans: D differs by" in screen
    assert "Reliability is not validity" in screen
    assert "An interval half as wide takes about 40 subjects" in screen
    assert "A time 10 min 10 s (at most 10 min 19 s) peak memory 1,010 MiB (at most 1,019 MiB)" in screen
    assert "cost $0.25 a scan; about $5.00 at AWS's prices" in screen and "lost by A 0 lost by B 2" in screen


def test_the_figures_are_those_of_the_statistics(folders: tuple[Path, Path], opsctl: Opsctl) -> None:
    from support.graph_examples import example_stack

    from opsctl.core.reliability.distances import distances

    document = json.loads(opsctl("compare", *map(str, folders), "--json").out)
    assert document["schema_version"] == 1
    stacks = [example_stack(weights) for weights in (GOOD, BAD)]
    shares = [subject_shares(distances(stack), stack.subjects) for stack in stacks]
    expected = paired_difference([(shares[0], shares[1])])  # type: ignore[list-item]
    assert expected is not None
    (row,) = document["parcellations"]
    for name, value in expected.as_json().items():
        assert row["reliability"][name] == pytest.approx(value, abs=1e-9), name
    (together,) = document["together"]
    assert together["reliability"] == row["reliability"]
    assert (row["lost_a"], row["lost_b"], row["edges"]["regions"]) == (0, 2, REGIONS)
    assert document["a"]["resources"]["usd"] == pytest.approx(5.0) and document["a"]["resources"]["cost"] is None


def test_the_other_way_round_the_other_is_better(folders: tuple[Path, Path], opsctl: Opsctl) -> None:
    first, second = folders
    said = opsctl("compare", str(second), str(first))
    assert "B is the more reliable setting" in said.out


def test_equal_settings_are_not_told_apart(tmp_path: Path, opsctl: Opsctl) -> None:
    noisy = [example_weights(10, 2, REGIONS, noise=4.0, seed=2) for _ in range(2)]
    noisy[1] = np.floor(noisy[1] * np.random.default_rng(5).uniform(0.9, 1.1, noisy[1].shape)).astype(np.float32)
    folders = [write_results(tmp_path / name, weights) for name, weights in zip("xy", noisy, strict=True)]
    said = opsctl("compare", *map(str, folders))
    assert "It is not known which setting is more reliable" in said.out and "is the more reliable" not in said.out


def test_only_scans_of_both_are_compared(tmp_path: Path, opsctl: Opsctl) -> None:
    whole, part = write_results(tmp_path / "whole", GOOD), write_results(tmp_path / "part", BAD[:8])
    said = opsctl("compare", str(whole), str(part))
    assert "compared: 8 scans of 4 subjects" in said.out and "12 more are not in the other" in said.out


def test_other_parcellations_have_a_difference_of_d_and_no_edges(tmp_path: Path, opsctl: Opsctl) -> None:
    other = "Other_space-MNI152NLin6_res-2x2x2"
    first, second = write_results(tmp_path / "a", GOOD), write_results(tmp_path / "b", BAD, atlas=other)
    said = opsctl("compare", str(first), str(second))
    assert "Example / Other" in said.out and "other regions: not compared" in said.out
    assert "A is the more reliable setting" in said.out


def test_of_the_preview_nothing_is_recommended(tmp_path: Path, opsctl: Opsctl) -> None:
    first, second = write_results(tmp_path / "a", GOOD), write_results(tmp_path / "b", BAD, is_preview=True)
    said = opsctl("compare", str(first), str(second))
    assert "PREVIEW" in said.err and "No recommendation: opsctl's preview" in said.out


def test_other_datasets_are_named(tmp_path: Path, opsctl: Opsctl) -> None:
    first, second = write_results(tmp_path / "a", GOOD), write_results(tmp_path / "b", BAD, dataset="s3://data/BNU1")
    assert "A is of s3://data/HNU1, and B of s3://data/BNU1" in flat(opsctl("compare", str(first), str(second)).err)


def test_two_scans_a_subject_are_needed(tmp_path: Path, opsctl: Opsctl) -> None:
    first, second = (write_results(tmp_path / name, GOOD[:5], sessions=1) for name in "ab")
    said = opsctl("compare", str(first), str(second))
    assert said.code == 0 and "fewer than two subjects have two scans with both settings" in flat(said.out)


def test_what_cannot_be_compared(tmp_path: Path, opsctl: Opsctl) -> None:
    first = write_results(tmp_path / "a", GOOD)
    said = opsctl("compare", str(first), str(first))
    assert said.code == 2 and "A and B are both" in said.err
    said = opsctl("compare", str(first), str(tmp_path / "nowhere"))
    assert said.code == 1 and "no connectomes.tsv" in flat(said.err)
    said = opsctl("compare", str(first), "/derivatives/x/")
    assert said.code != 0


@pytest.mark.parametrize("width", [120, 80, 40])
def test_every_width_has_every_figure(
    folders: tuple[Path, Path], opsctl: Opsctl, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr("opsctl.render.page.Page.room", width)
    monkeypatch.setattr("opsctl.render.page.Page.width", width)
    said = opsctl("compare", *map(str, folders))
    assert said.code == 0, said.err
    for line in said.out.splitlines():
        # Only paths are longer: they can be copied as a whole.
        assert len(line) <= width or str(folders[0].parent) in line, line
    assert "more reliable setting" in flat(said.out) and "Example" in said.out


RUNS = ("HNU1/derivatives/m2g-csd-native", "HNU1/derivatives/m2g-csa-native")


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> TypedOpsctl:
    """Two runs whose three scans are done: their connectomes are of no parcellation that neuroparc has."""
    world = HistoryWorld(tmp_path / "world", "sub-01/ses-1", "sub-01/ses-2", "sub-02/ses-1")
    for minutes, model in ((30, "csd"), (60, "csa")):
        run = world.submit(options=M2gOptions(diffusion_model=model))  # type: ignore[arg-type]
        assert run is not None
        for job in world.active():
            world.start(job)
        world.pass_time(timedelta(minutes=minutes))
        for job in world.active():
            world.end(job, "done")
    return TypedOpsctl(world, monkeypatch, capsys)


def test_datasets_over_their_runs_have_time_cost_and_versions(typed: TypedOpsctl) -> None:
    said = typed("compare", *RUNS)
    assert said.code == 0, said.err
    screen = flat(said.out)
    assert "A: HNU1/derivatives/m2g-csd-native (3 scans, csd, native, det, from 1 run, image repo:0.1.0" in screen
    assert "differs: diffusion-model: csd / csa" in screen
    assert "A (csd) time 30 min 00 s (at most 30 min 00 s)" in screen
    assert "B (csa) time 1 h 00 min (at most 1 h 00 min)" in screen
    cost = json.loads(typed("cost", "--json").out)
    document = json.loads(typed("compare", *RUNS, "--json").out)
    # One truth: the bill of the run that was submitted last.
    assert document["b"]["resources"]["usd"] == pytest.approx(cost["usd"])
    assert document["b"]["resources"]["cost"]["usd_is"] == "charged"


def test_runs_are_named_by_a_part_of_their_id_and_datasets_by_their_name(typed: TypedOpsctl) -> None:
    runs = [line["run_id"] for line in json.loads(typed("runs", "--json").out)["runs"]]
    said = typed("compare", runs[0], runs[1][-4:])
    assert said.code == 0 and f"A: {runs[0]} (" in said.out and f"B: {runs[1]} (" in said.out
    said = typed("compare", runs[0], "HNU1")
    assert "B: HNU1/derivatives/m2g-csa-native (" in said.out
    said = typed("compare", runs[0], "nosuch")
    assert said.code == 1 and "There is no run nosuch. No run is of a dataset of that name either." in flat(said.err)


def test_the_next_commands_run_all_scans_with_the_same_settings(typed: TypedOpsctl) -> None:
    said = typed("compare", *RUNS)
    commands = [line.split("  ")[1].split() for line in said.err.splitlines() if "opsctl run" in line]
    assert [words[2:] for words in commands] == [["HNU1", "--model", "csd"], ["HNU1", "--model", "csa"]]
    for words in commands:
        again = typed(*words[1:], "--dry-run")
        assert again.code == 0 and "All 3 scans are done: nothing to submit." in again.err, again.err
