"""Which keys, texts and records of runs name one subject, and never a subject whose label only begins alike."""

from __future__ import annotations

import pytest

from opsctl.core.deletion.part import dataset_part, run_part
from opsctl.core.deletion.subject import Subject
from opsctl.core.errors import UsageProblem

SUBJECT = Subject("0025427")


@pytest.mark.parametrize(
    "key",
    [
        "sub-0025427/anat/sub-0025427_T1w.nii",
        "derivatives/m2g/sub-0025427/ses-1/x.csv",
        "sourcedata/sub-0025427.zip",
        "derivatives/qa/sub-0025427_qa.png",
        "stimuli/task_sub-0025427.tsv",
    ],
)
def test_its_keys(key: str) -> None:
    assert SUBJECT.owns(key)


@pytest.mark.parametrize(
    "key",
    [
        "sub-0025427x/anat/sub-0025427x_T1w.nii",
        "sub-00254271/dwi/sub-00254271_dwi.nii.gz",
        "sub-002542/dwi/sub-002542_dwi.nii.gz",
        "sub-0025427-2/notes.txt",
        "asub-0025427/x",
        "0025427.txt",
        "participants.tsv",
    ],
)
def test_other_keys(key: str) -> None:
    assert not SUBJECT.owns(key)


@pytest.mark.parametrize("typed", ["", "sub-", "0025*", "00254/27", "a,b", "0025427/", "..", "sub-sub-1"])
def test_a_label_is_one_label(typed: str) -> None:
    with pytest.raises(UsageProblem, match="one subject's label"):
        Subject.parse(typed)


def test_a_label_with_and_without_its_prefix() -> None:
    assert Subject.parse("sub-0025427") == Subject.parse("0025427") == SUBJECT


@pytest.mark.parametrize("name", ["sub-0025427", "0025427"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_loses_its_rows_and_nothing_else(name: str, end: str) -> None:
    rows = ["participant_id\tage", f"{name}\t31", "sub-0025427x\t32", "sub-00254271\t33"]
    table = end.join(rows)
    assert SUBJECT.is_in(table)
    rest = SUBJECT.without_rows(table)
    assert rest == end.join([rows[0], rows[2], rows[3]])
    assert not SUBJECT.is_in(rest)


def test_a_table_without_participants_stays() -> None:
    table = "onset\tduration\n0025427\t1\n"
    assert SUBJECT.without_rows(table) == table
    assert not SUBJECT.is_in(table)


def test_a_bom_and_another_column_order() -> None:
    assert SUBJECT.without_rows("\ufeffage\tparticipant_id\n31\tsub-0025427\n") == "\ufeffage\tparticipant_id\n"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("--participant-label 0025427", "--participant-label DELETED"),
        ("--participant_label=0025427", "--participant_label=DELETED"),
        ("--participant-label sub-0025427", "--participant-label sub-DELETED"),
        ("--exclude sub-0025427/ses-1", "--exclude sub-DELETED/ses-1"),
        ("--seeds 0025427", "--seeds 0025427"),
        ("--participant-label 00254271", "--participant-label 00254271"),
    ],
)
def test_a_command_line(typed: str, kept: str) -> None:
    assert SUBJECT.without_label(tuple(typed.split())) == kept.split()


def test_a_dataset_part_holds_one_subject() -> None:
    part = dataset_part("sub-0025427/", subject=SUBJECT)
    assert not part.holds("sub-0025427/sub-1/x")
    assert part.holds("sub-0025427/sub-0025427/x")


def test_a_run_part_holds_the_documents_of_scans() -> None:
    part = run_part("R", frozenset({3}))
    held = [
        "scans/00003.json",
        "results/00003.json",
        "attempts/00003.1.ab.json",
        "claims/00003.2.json",
        "failures/00003/a",
    ]
    kept = ["scans/00030.json", "abandoned/00003.json", "submissions/03.json", "run.json", "scans/100003.json"]
    assert [part.holds(f"opsctl/runs/R/{key}") for key in held] == [True] * len(held)
    assert [part.holds(f"opsctl/runs/R/{key}") for key in kept] == [False] * len(kept)
