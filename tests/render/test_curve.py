"""The plot of scans done over time: plain characters that fit the window."""

from __future__ import annotations

import numpy as np
import pytest

from opsctl.core.simulation.simulation import Band, CurvePoint
from opsctl.render.curve import curve_lines


def curve(*, scans: int, hours: float) -> list[CurvePoint]:
    """A run whose scans are done evenly, a tenth earlier or later."""
    return [
        CurvePoint(hours * share, Band(*(scans * min(1.0, share * factor) for factor in (0.9, 1.0, 1.1))))
        for share in np.linspace(0, 1, 120).tolist()
    ]


@pytest.mark.parametrize("room", [40, 80, 120, 200])
@pytest.mark.parametrize(("scans", "hours"), [(1, 0.3), (300, 2.9), (10_000, 46.0), (100_000, 720.0)])
def test_it_fits_and_is_plain(room: int, scans: int, hours: float) -> None:
    lines = curve_lines(curve(scans=scans, hours=hours), scan_count=scans, room=room)
    assert lines and all(len(line) <= room and line.isascii() for line in lines)
    assert lines[0].startswith(f"{scans:,} |")
    assert "#" in lines[-3] and lines[-1].split()[0] == "0"


def test_the_axis_has_round_times() -> None:
    def axis(hours: float) -> str:
        return " ".join(curve_lines(curve(scans=9, hours=hours), scan_count=9, room=60)[-1].split())

    assert axis(0.5) == "0 10 min 20 min 30 min"
    assert axis(9.0) == "0 2 h 4 h 6 h 8 h"
    assert axis(720.0) == "0 10 d 20 d 30 d"


def test_what_is_certain_is_below_what_is_possible() -> None:
    for line in curve_lines(curve(scans=100, hours=10.0), scan_count=100, room=80)[:8]:
        drawn = line.partition("|")[2].strip()
        assert drawn == ":" * drawn.count(":") + "#" * drawn.count("#")


def test_there_is_no_plot_without_room() -> None:
    assert curve_lines(curve(scans=100_000, hours=10.0), scan_count=100_000, room=20) == []
