"""`reliability` ends with the scans to look at: reasons, the pair with exchanged labels, and no verdict."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.real_format_graphs import brains, write_results

from opsctl.core.reliability.suspects import NO_VERDICT

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
    assert section[1] == f"  The labels look exchanged of {PAIR[0]} and {PAIR[1]}"
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
