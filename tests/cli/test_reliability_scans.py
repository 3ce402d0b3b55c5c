"""`reliability` ends with the scans to look at: reasons, the pair with exchanged labels, and no verdict."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.printed_commands import commands_in, ensure_readable
from support.real_format_graphs import brains, write_results

from opsctl.core.reliability.discriminability import discriminability
from opsctl.core.reliability.distances import distances
from opsctl.core.reliability.graph_stack import GraphStack
from opsctl.core.reliability.suspects import NO_VERDICT, ScansToLookAt, scans_to_look_at
from opsctl.core.reliability.suspects_merged import merged
from opsctl.render.reliability_scans import show_scans
from opsctl.render.screen import Screen

Opsctl = Callable[..., Any]

PAIR = ("sub-02/ses-2", "sub-05/ses-1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results with two exchanged labels."""
    scans = brains(6, 3, noise=0.25)
    scans[PAIR[0]], scans[PAIR[1]] = scans[PAIR[1]], scans[PAIR[0]]
    path = tmp_path_factory.mktemp("results")
    write_results(path, scans)
    return path


def test_the_list_stands_on_the_screen(opsctl: Opsctl, folder: Path) -> None:
    said = opsctl("reliability", str(folder))
    assert said.code == 0, said.err
    section = said.out[said.out.index("Scans to look at") :].splitlines()
    assert section[1] == f"  The labels of {PAIR[0]} and {PAIR[1]} look exchanged"
    entries = [line.strip() for line in section[2:] if line.startswith("  sub-")]
    assert set(entries[:2]) == set(PAIR)
    assert any(line.startswith("    its label looks exchanged with that of ") for line in section)
    assert NO_VERDICT in said.err
    assert "exchanges of two labels, made to try it, were found." in said.err
    # A folder does not tell its run: no command that would bring the pictures of another.
    assert "--what qa" not in said.out


def test_json_has_the_reasons_and_every_measure(opsctl: Opsctl, folder: Path) -> None:
    said = opsctl("reliability", str(folder), "--json")
    (scans,) = json.loads(said.out)["scans_to_look_at"]
    assert scans["swapped"]["scans"] == list(PAIR)
    assert scans["swapped"]["d_with_labels_exchanged"] > scans["swapped"]["d"]
    assert {suspect["scan"] for suspect in scans["suspects"][:2]} == set(PAIR)
    assert scans["suspects"][0]["reasons"][0]["code"] == "swapped"
    assert {len(values) for values in scans["measures"].values()} == {18}


def look(stack: GraphStack) -> ScansToLookAt:
    between = distances(stack)
    return scans_to_look_at(stack, between, discriminability(between, stack.subjects))


def test_each_entry_of_a_run_has_the_command_for_its_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scans = brains(6, 2, noise=0.25)
    scans["sub-03/ses-1"] = scans["sub-03/ses-1"] * 0
    answer = look(write_results(tmp_path, scans))
    show_scans(Screen(), [answer], options="--dataset HNU1 --modif m2g-csa-native", is_verbose=False)
    out, err = capsys.readouterr()
    lines = " ".join(out.split())
    options = "--dataset HNU1 --modif m2g-csa-native"
    assert f"sub-03/ses-1 its graph has no edge pictures: `opsctl results qa-pictures {options} --scan sub-03" in lines
    commands = [*commands_in(lines), *commands_in(" ".join(err.split()))]
    assert f"opsctl results qa-pictures {options} --scan sub-03/ses-1 --what qa" in commands
    assert f"opsctl report {options}" in commands
    for command in commands:
        ensure_readable(command)


def test_over_parcellations_a_scan_that_stands_in_more_lists_is_first(tmp_path: Path) -> None:
    scans = brains(6, 2, noise=0.25)
    scans["sub-02/ses-1"] = scans["sub-02/ses-1"] * 3
    once = look(write_results(tmp_path / "once", scans))
    scans["sub-01/ses-1"] = scans["sub-01/ses-1"] * 9
    both = look(write_results(tmp_path / "both", scans))
    entries = {entry.suspect.name: (entry.count, entry.of_lists) for entry in merged([once, both])}
    assert list(entries.items())[:2] == [("sub-02/ses-1", (2, 2)), ("sub-01/ses-1", (1, 2))]
