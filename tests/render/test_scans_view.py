"""What `scans`, `check` and the look of `run` show, as recorded."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

import pytest
from support.golden import golden
from support.view_examples import plan, run

from opsctl.commands.dataset.check import Look
from opsctl.core.costs.estimate import Estimate
from opsctl.core.dataset.bold_timing import BoldTiming
from opsctl.core.dataset.scan import Absence, Discovery, Exclusion
from opsctl.core.dataset.scan_validation import Verdict
from opsctl.render.check import invalid_lines, summary_line, timing_line, verdict_lines, warning_lines
from opsctl.render.run import disposition_lines, nothing_line
from opsctl.render.scans import discovery_lines, not_read_lines, path_lines
from opsctl.render.screen import Screen

DISCOVERY = Discovery(
    scans=plan("new").chosen,
    excluded=(Exclusion(key="HNU1/sub-02\x1b[31m", reason="no bval"), Exclusion(key="k", reason="no T1w")),
    more_excluded={f"reason {number:02d}": 2 for number in range(11)} | {"no bval": 1_000},
    absences=(
        Absence(kind="subject_without_image", path="sub-03", other_images=1),
        Absence(kind="subject_without_image", path="sub-04"),
        Absence(kind="session_without_image", path="sub-01/ses-2"),
        Absence(kind="sidecar_without_image", path="sub-02/dwi/sub-02_dwi.bval"),
    ),
    more_absent={"sidecar_without_image": 2},
    not_read=("code/", "derivatives/"),
)
ONE_EACH = replace(
    DISCOVERY,
    pipeline="func",
    excluded=(),
    more_excluded={},
    absences=(DISCOVERY.absences[0], DISCOVERY.absences[3]),
    more_absent={},
    not_read=("code/",),
)
TIMING = BoldTiming(tr_seconds=2.0, acquisition="alt+z", doubts=())
VERDICTS = (
    Verdict(scan="sub-01/ses-1", level="fine", timing=TIMING),
    Verdict(scan="sub-01/ses-2", level="wrong", findings=("x is not a gzip file", "bval and bvec differ in count")),
    *(Verdict(scan=f"sub-{number:02d}", level="warning", findings=("no slice order",)) for number in range(2, 7)),
    Verdict(scan="sub-07", level="warning", findings=("another time",), timing=replace(TIMING, tr_seconds=0.8)),
)
LOOK = Look(verdicts=VERDICTS, scan_count=300)
ESTIMATE = Estimate(usd=49.5, usd_per_scan=0.165, wall_hours=65 / 60, basis="65 minutes a scan")
EARLIER = (run(),)

LINES: dict[str, Iterable[str]] = {
    "run.dispositions": [
        disposition_lines(replace(given, earlier=EARLIER), ESTIMATE)[0]
        for given in (plan("done", "in flight", "failed", "new", "new"), plan("done", "done", only="all"), plan("new"))
    ],
    "run.one_done": [nothing_line(plan("done"))],
    "run.look": [*invalid_lines(LOOK), *warning_lines(LOOK), timing_line(VERDICTS), timing_line(VERDICTS[:1])],
    "check.wide": [*(row.plain for row in verdict_lines(VERDICTS, room=None)), summary_line(VERDICTS)],
    "check.narrow": [row.plain for row in verdict_lines(VERDICTS[:3], room=24)],
    "check.fine": [summary_line(VERDICTS[:1])],
    "scans.absences": [*discovery_lines(DISCOVERY), *not_read_lines(DISCOVERY)],
    "scans.one_absence": [*discovery_lines(ONE_EACH), *not_read_lines(ONE_EACH)],
    "scans.long_path": path_lines("D/sub-01/dwi/sub-01_dwi.nii.gz  excluded: no T1w", room=16),
}


@pytest.mark.parametrize("name", LINES)
def test_it_is_as_recorded(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen()
    for line in LINES[name]:
        screen.say(line)
    out, err = capsys.readouterr()
    golden(name, out, err)


def test_where_all_is_well_the_look_says_nothing() -> None:
    well = Look(verdicts=VERDICTS[:1], scan_count=1)
    assert (invalid_lines(well), warning_lines(well), timing_line(())) == ([], [], "")


def test_no_finding_on_a_narrow_terminal_ends_in_a_single_word() -> None:
    findings = ("bval and bvec differ in count: 30 and 33", "there is no b=0 volume at all in here")
    for room in range(30, 60):
        lines = [row.plain for row in verdict_lines([Verdict(scan="s", level="wrong", findings=findings)], room=room)]
        assert all(" " in line.strip() for line in lines), (room, lines)
        assert max(map(len, lines)) <= room or len(lines) == 1


def test_as_many_reasons_as_images_are_shown_at_once() -> None:
    """A reason may have the name of its image in it: the time is that of one pass."""
    excluded = tuple(Exclusion(key=f"sub-{number}", reason=f"reason {number}") for number in range(100_000))
    began = time.process_time()
    lines = discovery_lines(Discovery(scans=(), excluded=excluded))
    # A pass for each reason took 300 s.
    assert time.process_time() - began < 5
    assert len(lines) == 12
    assert lines[-1] == "  … and 99,990 more images, for 99,990 other reasons"
