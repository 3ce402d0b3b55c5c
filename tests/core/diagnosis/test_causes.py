"""The cause of every code: title, help and groups."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.why_examples import run

from opsctl.core.deletion.subject import Subject
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.cause_table import CAUSES, CauseText
from opsctl.core.diagnosis.causes import cause_of, group_key, group_title, grouped, run_again
from opsctl.core.diagnosis.reason import Reason

#: Code, and what its help must contain.
HELP = [
    (CauseCode.OUT_OF_MEMORY, "--only failed --memory 30400"),
    (CauseCode.KILLED, "--only failed --memory 30400"),
    (CauseCode.GRADIENT_COUNTS_DIFFER, "opsctl check DATASET"),
    (CauseCode.IMAGE_TRUNCATED, "opsctl upload DIR"),
    (CauseCode.INPUT_CHANGED, "opsctl run DATASET"),
    (CauseCode.INPUT_ARCHIVED, "opsctl scans DATASET"),
    (CauseCode.INPUT_DENIED, "--source-bucket"),
    (CauseCode.DISK_FULL, "root_volume_gib"),
    (CauseCode.M2G_NOT_STARTED, "opsctl up --image"),
    (CauseCode.RUNNER_BUG, "report it"),
    (CauseCode.S3_UNAVAILABLE, "opsctl run DATASET"),
    (CauseCode.S3_DENIED, "opsctl up"),
    (CauseCode.OTHER_RESULT_EXISTS, "opsctl run DATASET"),
    (CauseCode.BUDGET_REACHED, "--max-spend"),
    (CauseCode.CANCELLED, "opsctl run DATASET"),
    (CauseCode.INSTANCE_LOST, "opsctl run DATASET"),
    (CauseCode.QUEUE_JOB_SIZE_LIMIT, "--memory MIB"),
    (CauseCode.IMAGE_NOT_FOUND, "opsctl up --image"),
    (CauseCode.LOCAL_PLATFORM_STOPPED, "opsctl up --local"),
    (CauseCode.UNKNOWN, "opsctl logs"),
]


@pytest.mark.parametrize(("code", "help_"), HELP)
def test_a_cause_has_its_remedy(code: CauseCode, help_: str) -> None:
    assert help_ in cause_of(Reason(code, "any words")).help


@pytest.mark.parametrize("code", CauseCode)
def test_every_code_has_a_title_without_what_differs_from_scan_to_scan_and_a_help(code: CauseCode) -> None:
    text = CAUSES[code]
    assert text.title
    assert not re.search(r"\d\d|[{}]|s3://", text.title)
    help_ = cause_of(Reason(code, "any words")).help
    assert help_
    assert not re.search(r"[{}]", help_)


def test_the_words_decide_nothing() -> None:
    words = "OutOfMemoryError opsctl cancel Host EC2 CAPACITY: exit code 137 never submitted"
    for code in set(CauseCode) - {CauseCode.UNKNOWN}:
        assert cause_of(Reason(code, words)) == cause_of(Reason(code, "other words"))


def test_a_title_that_is_reworded_changes_the_title_only(monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = {code.value: Reason(code, "words") for code in CauseCode}
    before = grouped(reasons, run=run())
    reworded = {code: CauseText("the same for all", text.help, text.sure) for code, text in CAUSES.items()}
    monkeypatch.setattr("opsctl.core.diagnosis.causes.CAUSES", reworded)
    after = grouped(reasons, run=run())
    assert [(group.code, group.help, group.scans) for group in after] == [
        (group.code, group.help, group.scans) for group in before
    ]
    assert len(after) == len(CauseCode)


def m2g_failed(last_line: str, exit_code: int = 1) -> Reason:
    facts: dict[str, str | int] = {"exit_code": exit_code, **({"reason": last_line} if last_line else {})}
    return Reason(CauseCode.M2G_FAILED, f"m2g ended with exit code {exit_code} after 3 s: {last_line}", facts)


def test_m2gs_own_failures_are_grouped_by_how_the_last_line_reads() -> None:
    line = "ValueError: index {} of /output/sub-{}/x.nii in s3://b/{} of T1w"
    first, second = m2g_failed(line.format(12, "01", "a")), m2g_failed(line.format(700, "02", "b/c"))
    assert group_key(first) == group_key(second)
    # Numbers are left out to compare, and shown.
    title = "m2g failed: ValueError: index 12 of /output/sub-01/x.nii in s3://b/a of T1w"
    assert cause_of(first).title == title
    assert group_title([first, first]) == title
    assert group_title([first, second]) == f"{title} (the first of 2 that differ only in details)"
    assert cause_of(m2g_failed("", 3)).title == "m2g failed: exit code 3"
    assert len(cause_of(m2g_failed("word " * 60)).title) <= 120
    groups = grouped({"a": first, "b": m2g_failed("KeyError: 'session'"), "c": second})
    assert [group.scans for group in groups] == [("a", "c"), ("b",)]


@pytest.mark.parametrize("code", ["of_a_newer_runner", "", "unknown"])
def test_a_code_that_is_not_known_shows_the_message(code: str) -> None:
    cause = cause_of(Reason(code, "something new at i-0123456789abcdef0 after 12 s"))
    assert (cause.code, cause.title) == (code, "something new at i-0123456789abcdef0 after 12 s")
    assert cause_of(Reason(code, "")).title == "failed without a reason"


def test_the_help_is_the_runs_own_command() -> None:
    typed = ("opsctl", "run", "HNU1", "--sp", "native", "--yes", "--only", "missing", "--memory=1", "--scan", "sub-0*")
    own_run = run(command_line=typed)
    # With less memory than was typed, an atlas that needs it would be refused.
    assert run_again(own_run) == "opsctl run HNU1 --sp native --memory=1 --scan 'sub-0*'"
    assert cause_of(Reason(CauseCode.QUEUE_JOB_SIZE_LIMIT, ""), run=own_run).help == (
        "`opsctl run HNU1 --sp native --scan 'sub-0*' --memory MIB` with less"
    )
    assert cause_of(Reason(CauseCode.OUT_OF_MEMORY, ""), run=own_run).help == (
        "`opsctl run HNU1 --sp native --scan 'sub-0*' --only failed --memory 30400`"
    )
    assert "`opsctl check HNU1`" in cause_of(Reason(CauseCode.GRADIENT_COUNTS_DIFFER, ""), run=own_run).help
    foreign = run(dataset="s3://open/HNU1", command_line=())
    assert run_again(foreign) == "opsctl run s3://open/HNU1"


def test_the_help_shows_the_last_lines_of_the_scan_and_run_that_it_is_about() -> None:
    failed = m2g_failed("KeyError: 'session'")
    run_id = run().run_id
    assert cause_of(failed, run=run(), scan="sub-1 b").help == (
        f"`opsctl logs 'sub-1 b' --tail 20 --run {run_id}` shows its last lines"
    )
    assert cause_of(failed).help == "`opsctl logs --failed --tail 20` shows its last lines"


def test_the_rest_of_a_dataset_is_run_without_the_choice_of_scans() -> None:
    typed = ("opsctl", "run", "HNU1", "--participant-label", "01", "--first=2", "--sp", "native", "--exclude", "x")
    assert run_again(run(command_line=typed), whole_dataset=True) == "opsctl run HNU1 --sp native"


def test_options_before_the_verb_do_not_hide_the_others() -> None:
    typed = "opsctl -v --platform lab run HNU1 --sp native --no-color --participant_label 01"
    earlier = run(command_line=tuple(typed.split()))
    assert run_again(earlier) == "opsctl run HNU1 --sp native --participant_label 01"
    assert run_again(earlier, whole_dataset=True) == "opsctl run HNU1 --sp native"


@pytest.mark.parametrize(
    ("typed", "again"),
    [
        ("--participant-label 01 --participant-label 02 --sp native", "--participant-label 02 --sp native"),
        ("--participant-label=01 --participant_label 02", "--participant_label 02"),
        ("--scan sub-01/ses-1 --scan sub-02/ses-1 --exclude sub-01*", "--scan sub-02/ses-1"),
    ],
)
def test_a_deleted_subject_is_not_asked_for_again(typed: str, again: str) -> None:
    whole = run(command_line=("opsctl", "run", "HNU1", *typed.split()), scans=("sub-01/ses-1", "sub-02/ses-1"))
    assert run_again(Subject("01").without(whole)) == f"opsctl run HNU1 {again}"
    assert "DELETED" in " ".join(Subject("01").without(whole).command_line)


@pytest.mark.parametrize("changes", [{"resources": "csa"}, {"resources": "csa", "memory_mib": 30400}])
def test_no_more_memory_is_promised_than_there_is(changes: dict[str, Any]) -> None:
    killed = Reason(CauseCode.KILLED, "exit code 137")
    assert "--memory" not in cause_of(killed, run=run(**changes)).help
    assert "--memory 30400" in cause_of(killed, run=run()).help
    assert "--memory 30400" in cause_of(killed, run=run(memory_mib=15200)).help
    # As much as they get by themselves when somebody follows the run.
    assert "--memory 15200" in cause_of(killed, run=run(memory_mib=7600, grows_to_mib=15200)).help


def test_groups_are_largest_first_with_the_first_scans_words() -> None:
    count = [
        Reason(CauseCode.GRADIENT_COUNTS_DIFFER, f"bval and bvec differ in count: {bvals} and 64", {"bvals": bvals})
        for bvals in (65, 66)
    ]
    truncated = Reason(CauseCode.IMAGE_TRUNCATED, "x.nii is truncated: 1 bytes of 2")
    groups = grouped({"a": truncated, "b": count[0], "c": count[1]})
    assert [(group.code, group.title, group.scans) for group in groups] == [
        ("gradient_counts_differ", "bval and bvec differ in count", ("b", "c")),
        ("image_truncated", "an image is truncated", ("a",)),
    ]
    assert groups[0].example == count[0].message
    assert grouped({}) == []
