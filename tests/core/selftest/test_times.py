"""The platform's own times: the newest first, and no more than twenty."""

from __future__ import annotations

import json

import pytest

from opsctl.core.record import UnreadableRecord
from opsctl.core.selftest.phases import Phases
from opsctl.core.selftest.times import PlatformTimes

WHOLE = Phases(instance=100.0, pull=60.0, start=5.0, checks=30.0)


def test_the_newest_are_first_and_twenty_are_kept() -> None:
    times = PlatformTimes()
    for number in range(15):
        times = times.with_measured([("r5.large", WHOLE), ("r5.xlarge", WHOLE)], at=f"2026-11-28T12:00:{number:02d}Z")
    assert len(times.times) == 20
    assert times.times[0].measured_at == "2026-11-28T12:00:14Z"
    assert times.times[-1].measured_at == "2026-11-28T12:00:05Z"
    assert PlatformTimes.decode(json.dumps(times.as_json()).encode(), "s3://data/x") == times


@pytest.mark.parametrize("phases", [Phases(), Phases(instance=3.0), Phases(start=3.0)])
def test_what_did_not_start_measures_nothing(phases: Phases) -> None:
    assert PlatformTimes().with_measured([("r5.large", phases)], at="2026-11-28T12:00:00Z").times == ()


def test_a_pull_that_was_not_seen_is_part_of_the_start() -> None:
    times = PlatformTimes().with_measured([("r5.large", Phases(instance=100.0, start=80.0))], at="2026-11-28T12:00:00Z")
    startup = times.startup("r5.large")
    assert startup is not None
    assert startup.hours * 3600 == pytest.approx(180)
    assert times.startup("r5.xlarge") is None


def test_negative_seconds_are_refused() -> None:
    entry = PlatformTimes().with_measured([("r5.large", WHOLE)], at="2026-11-28T12:00:00Z").as_json()
    entry["times"][0]["boot_seconds"] = -1
    with pytest.raises(UnreadableRecord):
        PlatformTimes.decode(json.dumps(entry).encode(), "s3://data/opsctl/platform/times.json")
