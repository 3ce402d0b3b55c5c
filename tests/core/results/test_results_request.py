"""What `results` is asked for: which scans and connectomes, and the command that asks for the same again."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from opsctl.core.errors import Problem, UsageProblem
from opsctl.core.results.request import ResultsRequest

SCANS = ("sub-01/ses-1", "", "sub-01/ses-2", "sub-02")


def place(atlas: str) -> str:
    return f"sub-01/connectomes_d/{atlas}_space-MNI152NLin6_res-2x2x2/x_connectome.csv"


DESIKAN, KLEIN, AAL = map(place, ("Desikan", "DesikanKlein", "AAL"))


def asked(**options: Any) -> ResultsRequest:
    return ResultsRequest(**{"folder": "home", **options})


@pytest.mark.parametrize(
    ("options", "indices"),
    [
        ({}, {0, 2, 3}),
        ({"scans": ("*/ses-1",)}, {0}),
        ({"participants": ("01",)}, {0, 2}),
        ({"participants": ("sub-0[12]",)}, {0, 2, 3}),
        ({"participants": ("01",), "scans": ("sub-*/ses-2",)}, {2}),
    ],
)
def test_scans_are_selected_by_name_and_subject(options: dict[str, Any], indices: set[int]) -> None:
    assert asked(**options).indices(SCANS) == indices


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"participants": ("01", "99")}, "--participant-label 99 selects no scan. There are: 01, 02."),
        ({"participants": ("02",), "scans": ("*/ses-1",)}, "--participant-label and --scan have no scan in common."),
        ({"scans": ("sub-9",), "dataset": "HNU1"}, "HNU1 has no scan sub-9."),
        ({"scans": ("sub-9",)}, "The run has no scan sub-9."),
    ],
)
def test_an_option_that_selects_no_scan_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(Problem) as caught:
        asked(**options).indices(SCANS)
    assert str(caught.value).startswith(message)


def test_a_parcellation_is_part_of_a_name_as_in_run() -> None:
    wanted = asked(parcellations=("Desikan",))
    assert [wanted.selects_connectome(each, "streamlines") for each in (DESIKAN, KLEIN, AAL)] == [True, True, False]
    assert not asked(parcellations=("Desikan_",)).selects_connectome(KLEIN, "streamlines")


def test_a_kind_is_one_of_the_tables_kinds() -> None:
    wanted = asked(kinds=("absolute-correlation",))
    kinds = ("absolute correlation", "correlation", None)
    assert [wanted.selects_connectome(AAL, kind) for kind in kinds] == [True, False, False]
    both = asked(kinds=("absolute-correlation", "correlation"))
    assert [both.selects_connectome(AAL, kind) for kind in kinds] == [True, True, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parcellations": ("AAL", "Nix")}, "--parcellation Nix selects no connectome. There are: AAL, Desikan."),
        (
            {"kinds": ("streamlines", "correlation")},
            "--kind correlation selects no connectome. There are: streamlines.",
        ),
    ],
)
def test_an_option_that_selects_no_connectome_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(Problem) as caught:
        asked(**options).ensure_selected([(DESIKAN, "streamlines"), (AAL, "streamlines")])
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"dataset": "HNU1", "run_id": "r"}, "--dataset and --run"),
        ({"output_name": "again"}, "--modif"),
        ({"what": "qa", "kinds": ("correlation",)}, "--kind"),
        ({"what": "all", "parcellations": ("AAL",)}, "--parcellation"),
        ({"parcellations": ("",)}, "--parcellation"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any], option: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        asked(**options).check()
    assert option in caught.value.what


def test_the_command_for_the_rest_repeats_all_that_was_typed() -> None:
    request = asked(
        folder="my results",
        dataset="HNU1",
        output_name="again",
        scans=("*/ses-1",),
        participants=("01", "02"),
        parcellations=("AAL",),
        kinds=("streamlines", "correlation"),
    )
    request.check()
    words = ["results", "my results", "--dataset", "HNU1", "--modif", "again", "--scan", "*/ses-1"]
    words += ["--participant-label", "01", "--participant-label", "02", "--parcellation", "AAL"]
    assert shlex.split(request.command) == ["opsctl", *words, "--kind", "streamlines", "--kind", "correlation"]
    assert asked(what="all", run_id="ab12").command == "opsctl results home --what all --run ab12"
    assert asked().command == "opsctl results home"
