"""Which scans a pilot is made of: the same ones each time, spread over the dataset."""

from __future__ import annotations

from typing import Any

import pytest

from opsctl.core.comparison.pilot import Pilot, parse_pilot
from opsctl.core.dataset.scan import Scan
from opsctl.core.errors import Problem, UsageProblem


def scan(subject: str, session: str | None, name: str = "") -> Scan:
    place = f"sub-{subject}" + (f"/ses-{session}" if session else "")
    return Scan(name=name or place, subject=subject, session=session, entities={}, pipeline="dwi", inputs=())


def dataset(sessions_of: dict[str, int]) -> list[Scan]:
    return [scan(subject, str(number + 1)) for subject, count in sessions_of.items() for number in range(count)]


HNU1 = dataset({f"{number:02d}": 10 for number in range(30)})


def test_subjects_and_sessions_are_spread_from_the_first_to_the_last() -> None:
    chosen = [scan.name for scan in Pilot(subjects=4, sessions=2).of(HNU1)]
    # BIDS's labels are texts: `ses-10` comes behind `ses-1`, and `ses-9` is the last.
    assert chosen == [f"sub-{subject}/ses-{session}" for subject in ("00", "14", "21", "29") for session in (1, 9)]


@pytest.mark.parametrize(("subjects", "sessions"), [(2, 2), (8, 2), (30, 10), (29, 9), (7, 3)])
def test_there_are_as_many_as_typed_each_once_and_the_same_again(subjects: int, sessions: int) -> None:
    pilot = Pilot(subjects=subjects, sessions=sessions)
    chosen = pilot.of(HNU1)
    assert len(chosen) == subjects * sessions == len({scan.name for scan in chosen})
    assert len({scan.subject for scan in chosen}) == subjects
    assert pilot.of(list(reversed(HNU1))) == tuple(reversed(chosen))


def test_a_larger_pilot_keeps_the_scans_of_a_smaller_one() -> None:
    smaller: set[str] = set()
    for subjects, sessions in ((2, 2), (3, 2), (8, 2), (8, 3), (16, 3), (30, 3), (30, 10)):
        chosen = {scan.name for scan in Pilot(subjects=subjects, sessions=sessions).of(HNU1)}
        assert smaller < chosen
        smaller = chosen


def test_of_a_session_with_several_scans_the_first_counts() -> None:
    scans = [scan(s, n, f"sub-{s}/ses-{n}/run-{r}") for s in ("1", "2") for n in ("1", "2") for r in ("1", "2")]
    assert [scan.name for scan in Pilot(subjects=2, sessions=2).of(scans)] == [
        f"sub-{subject}/ses-{session}/run-1" for subject in ("1", "2") for session in ("1", "2")
    ]


def test_subjects_with_too_few_sessions_are_not_chosen() -> None:
    scans = dataset({"a": 1, "b": 2, "c": 1, "d": 3})
    assert {scan.subject for scan in Pilot(subjects=2, sessions=2).of(scans)} == {"b", "d"}


REFUSED: dict[str, tuple[dict[str, int], str, str]] = {
    "fewer": ({"a": 2, "b": 2, "c": 3, "d": 1}, "Of 4 subjects, 3 have 2 sessions or more.", "Type --pilot 3x2."),
    "one": ({"a": 2, "b": 1}, "Of 2 subjects, 1 has 2 sessions or more.", "cannot be measured"),
    "none": ({"a": 1, "b": 1}, "Of 2 subjects, 0 have 2 sessions or more.", "cannot be measured"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_dataset_with_fewer_is_refused_with_their_number(case: str) -> None:
    sessions_of, what, hint = REFUSED[case]
    with pytest.raises(Problem) as refused:
        Pilot(subjects=8, sessions=2).of(dataset(sessions_of))
    assert what in refused.value.what and hint in refused.value.hint
    assert refused.value.what.startswith("--pilot 8x2 needs 8 subjects with 2 sessions each.")


def test_fewer_sessions_are_offered_where_there_are_subjects_with_two() -> None:
    with pytest.raises(Problem, match="Type --pilot 4x2"):
        Pilot(subjects=4, sessions=5).of(dataset({str(number): 3 for number in range(6)}))


@pytest.mark.parametrize(("typed", "pilot"), [("8x2", (8, 2)), ("12X3", (12, 3)), (" 2x2 ", (2, 2))])
def test_what_is_typed(typed: str, pilot: tuple[int, int]) -> None:
    parsed = parse_pilot(typed)
    assert (parsed.subjects, parsed.sessions) == pilot


@pytest.mark.parametrize("typed", ["8", "x2", "8x", "8x2x2", "8*2", "", "eight", "-8x2", "1x2", "8x1", "0x0", "8x2.5"])
def test_what_is_no_pilot(typed: Any) -> None:
    with pytest.raises(UsageProblem, match="--pilot"):
        parse_pilot(typed)
