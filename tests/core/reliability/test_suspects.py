"""What is wrong with a scan is found in results of m2g's format, for the right reason, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.real_format_graphs import Matrices, brains, write_results

from opsctl.core.reliability.discriminability import discriminability
from opsctl.core.reliability.distances import distances
from opsctl.core.reliability.suspects import NO_VERDICT, ScansToLookAt, scans_to_look_at

SUBJECTS, SESSIONS = 10, 3


def look(folder: Path, scans: Matrices) -> ScansToLookAt:
    stack = write_results(folder, scans)
    between = distances(stack)
    return scans_to_look_at(stack, between, discriminability(between, stack.subjects))


def codes(answer: ScansToLookAt) -> dict[str, list[str]]:
    return {suspect.name: [reason.code for reason in suspect.reasons] for suspect in answer.suspects}


@pytest.fixture
def scans() -> Matrices:
    return brains(SUBJECTS, SESSIONS, noise=0.25)


def test_sound_scans_are_no_suspects(scans: Matrices, tmp_path: Path) -> None:
    answer = look(tmp_path, scans)
    assert codes(answer) == {}
    assert answer.swapped is None
    # D of these data is almost 1: exchanges that are made on purpose are found.
    assert answer.rehearsal is not None
    assert answer.rehearsal.named >= 18
    assert f"{answer.rehearsal.named} of 20 exchanges" in answer.how_well
    assert not [measure.key for measure in answer.measures.measures if measure.missing]
    # Desikan has left and right; both are alike here, and near regions of one side have most streamlines.
    assert np.median(answer.measures.of("symmetry").values) > 0.7
    assert np.median(answer.measures.of("within_hemispheres").values) > 0.6


def test_swapped_labels_are_named_as_a_pair(scans: Matrices, tmp_path: Path) -> None:
    first, second = "sub-02/ses-2", "sub-07/ses-1"
    scans[first], scans[second] = scans[second], scans[first]
    answer = look(tmp_path, scans)
    assert answer.swapped_names == ((first, second),)
    assert {suspect.name for suspect in answer.suspects[:2]} == {first, second}
    assert [suspect.reasons[0].code for suspect in answer.suspects[:2]] == ["swapped", "swapped"]
    assert f"its label looks exchanged with that of {second}: with both exchanged, D rises from 0." in (
        next(suspect for suspect in answer.suspects if suspect.name == first).reasons[0].text
    )
    assert answer.swapped is not None
    assert answer.swapped.d_after > answer.swapped.d


def test_with_two_sessions_either_pair_may_be_the_swapped_one(tmp_path: Path) -> None:
    scans = brains(SUBJECTS, 2, noise=0.25)
    scans["sub-02/ses-2"], scans["sub-07/ses-2"] = scans["sub-07/ses-2"], scans["sub-02/ses-2"]
    answer = look(tmp_path, scans)
    assert set(answer.swapped_names) == {("sub-02/ses-1", "sub-07/ses-1"), ("sub-02/ses-2", "sub-07/ses-2")}
    assert len(codes(answer)) == 4


def test_shifted_regions_are_found_though_no_count_tells(scans: Matrices, tmp_path: Path) -> None:
    scan = "sub-04/ses-3"
    scans[scan] = np.roll(scans[scan], 5, axis=(0, 1))
    answer = look(tmp_path, scans)
    assert answer.suspects[0].name == scan
    # Symmetry does not tell: Desikan's left and right regions are in the same order, and both are shifted.
    assert {"own_d", "distance_to_mean", "within_hemispheres"} <= set(codes(answer)[scan])
    assert not {"density", "strength", "regions", "swapped"} & set(codes(answer)[scan])


def test_a_duplicated_subject_is_found(scans: Matrices, tmp_path: Path) -> None:
    for session in range(1, SESSIONS + 1):
        scans[f"sub-09/ses-{session}"] = scans[f"sub-03/ses-{session}"]
    answer = look(tmp_path, scans)
    duplicates = {
        suspect.name: suspect.reasons[0].text for suspect in answer.suspects if suspect.reasons[0].code == "duplicate"
    }
    assert duplicates["sub-03/ses-2"] == "its matrix is exactly that of sub-09/ses-2"
    assert len(duplicates) == 2 * SESSIONS
    assert [suspect.name for suspect in answer.suspects[: 2 * SESSIONS]] == sorted(duplicates)


def test_one_matrix_for_two_sessions_is_found(scans: Matrices, tmp_path: Path) -> None:
    scans["sub-05/ses-2"] = scans["sub-05/ses-1"]
    texts = {suspect.name: suspect.reasons[0].text for suspect in look(tmp_path, scans).suspects}
    assert texts == {
        "sub-05/ses-1": "its matrix is exactly that of sub-05/ses-2, another session of the subject",
        "sub-05/ses-2": "its matrix is exactly that of sub-05/ses-1, another session of the subject",
    }


@pytest.mark.parametrize(
    ("weight", "text"), [(0.0, "its graph has no edge"), (7.0, "all edges of its graph have the same weight")]
)
def test_a_blank_matrix_is_first(scans: Matrices, tmp_path: Path, weight: float, text: str) -> None:
    scan = "sub-05/ses-2"
    scans[scan] = np.full_like(scans[scan], weight) * (1 - np.eye(len(scans[scan])))
    answer = look(tmp_path, scans)
    assert [(reason.code, reason.text) for reason in answer.suspects[0].reasons] == [("blank", text)]
    assert answer.suspects[0].name == scan


def test_lost_regions_and_thin_graphs_are_said_with_their_numbers(scans: Matrices, tmp_path: Path) -> None:
    thin = scans["sub-01/ses-1"]
    scans["sub-01/ses-1"] = np.where(thin > np.median(thin[thin > 0]), thin, 0)
    texts = [reason.text for suspect in look(tmp_path, scans).suspects for reason in suspect.reasons]
    assert any(text.startswith("its density is low: ") and "% of the pairs of regions" in text for text in texts)


def test_what_cannot_be_measured_is_said_in_json(tmp_path: Path) -> None:
    scans = {name: matrix for name, matrix in brains(6, 2, noise=0.25).items() if name.endswith("ses-1")}
    answer = look(tmp_path, scans)
    document = json.loads(json.dumps(answer.as_json()))
    assert document["note"] == NO_VERDICT
    assert document["not_measured"] == {"own_d": "it needs two subjects with two scans."}
    assert document["measures"]["own_d"] == [None] * 6
    assert document["measures"]["scan"] == sorted(scans)
    assert document["swapped"] is None
    assert "needs two subjects with two scans" in answer.how_well
