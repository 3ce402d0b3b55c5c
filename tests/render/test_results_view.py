"""What `results` says at its end: a summary, and every path only for `--list`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.core_examples import run
from support.windows import plain, terminal

from opsctl.commands.results.download import Downloaded
from opsctl.commands.results.download_plan import Download, DownloadPlan
from opsctl.commands.results.faults import Faults
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.results.request import ResultsRequest
from opsctl.core.runs.result import OutputFile
from opsctl.render.results import show_faults, show_files, show_summary
from opsctl.render.screen import Screen

FOLDER = Path("results")
PLACES = [f"sub-00000/{number}_connectome.csv" for number in range(45)]
TABLE = Path("results/connectomes.tsv")


def outcome(**request: Any) -> tuple[DownloadPlan, Downloaded]:
    files = [
        Download(
            index=0,
            scan="sub-00000",
            file=OutputFile(uri=place, size_bytes=1000, sha256="", etag=""),
            place=place,
            folder=FOLDER,
            is_connectome=True,
        )
        for place in PLACES
    ]
    plan = DownloadPlan(
        request=ResultsRequest(folder=str(FOLDER), **request),
        run=run(),
        origins=(run(), run()),
        downloads=tuple(files[1:]),
        unselected=tuple(files[:1]),
        refused=(),
        results={},
        selected=frozenset({0, 1}),
        missing=("sub-00001",),
    )
    faults = Faults(plan.request.command)
    return plan, Downloaded(present=plan.downloads, unselected=plan.unselected, fetched=14, faults=faults)


def test_a_list_has_every_path_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    show_files(Screen(), FOLDER, PLACES)
    out, err = capsys.readouterr()
    assert out.splitlines() == [str(FOLDER / place) for place in PLACES]
    assert err == ""


def test_a_summary_is_a_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    show_summary(Screen(), *outcome(run_id="ab12"), table=TABLE, other_outputs=(), is_data=True)
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "results: 44 connectomes of 1 scan, 44.0 kB (14 fetched, 30 here already)",
        "results/connectomes.tsv lists them and 1 connectome of an earlier download.",
        "1 scan is not done: `opsctl status --run ab12` shows why.",
    ]
    assert err == ""


def test_beside_a_list_or_json_the_summary_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    show_summary(Screen(), *outcome(), table=TABLE, other_outputs=(), is_data=False)
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 3)


@pytest.mark.parametrize("columns", [120, 80, 40])
def test_of_a_dataset_the_outputs_are_named(columns: int) -> None:
    screen, window = terminal(columns)
    show_summary(screen, *outcome(dataset="HNU1"), table=None, other_outputs=("again",), is_data=True)
    text = plain(window.getvalue())
    assert " ".join(text.split()).startswith(
        "HNU1, m2g-csa-native: the best result of each scan, from 2 runs"
        " Other outputs of HNU1, with --modif: again results: 44 connectomes"
    )
    assert "`opsctl audit HNU1 --modif m2g-csa-native`" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= columns


def test_several_faults_are_listed_each_and_a_thousand_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    def problems(count: int) -> Faults:
        each = (Problem(f"file {number} is bad.", code=ErrorCode.RECORD_UNREADABLE) for number in range(count))
        return Faults("opsctl results x", each)

    for count, lines in ((1, 0), (2, 2), (1000, 21)):
        show_faults(Screen(), problems(count))
        said = capsys.readouterr().err.splitlines()
        assert len(said) == lines
    assert said[0] == "- file 0 is bad."
    assert said[-1] == "- and 980 more (`--json` lists all)"
