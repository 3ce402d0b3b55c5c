"""The days on which support ends, against Debian's own table, and the parts of an image that they are about."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from opsctl.core.image.end_of_support import Support, supports

TABLES = Path("/usr/share/distro-info")
UBUNTU, DEBIAN = "https://ubuntu.com/about/release-cycle", "https://wiki.debian.org/DebianReleases"
PYTHON = "https://devguide.python.org/versions"


@pytest.mark.parametrize(
    ("system", "python", "parts"),
    [
        (
            "ubuntu 18.04",
            "3.7.17",
            (Support("Ubuntu 18.04", date(2023, 5, 31), UBUNTU), Support("Python 3.7", date(2023, 6, 27), PYTHON)),
        ),
        ("debian 12", None, (Support("Debian 12", date(2026, 7, 11), DEBIAN),)),
        ("alpine 3.20.1", "3.99.0", (Support("alpine 3.20.1", None, ""), Support("Python 3.99", None, PYTHON))),
        ("debian", "", (Support("Debian", None, DEBIAN),)),
        (None, None, ()),
    ],
)
def test_an_images_parts(system: str | None, python: str | None, parts: tuple[Support, ...]) -> None:
    assert supports(system, python) == parts


@pytest.mark.parametrize(
    ("today", "is_over"), [(date(2023, 5, 31), False), (date(2023, 6, 1), True), (date(2026, 11, 29), True)]
)
def test_support_ends_after_its_last_day(today: date, is_over: bool) -> None:
    assert supports("ubuntu 18.04", None)[0].is_over(today) is is_over


def test_what_is_unknown_is_not_over() -> None:
    assert not Support("Plan 9", None, "").is_over(date(2099, 1, 1))


@pytest.mark.parametrize("family", ["ubuntu", "debian"])
def test_the_days_are_those_of_distro_info(family: str) -> None:
    file = TABLES / f"{family}.csv"
    if not file.exists():
        pytest.skip("distro-info-data is not installed")
    for row in csv.DictReader(file.read_text().splitlines()):
        version = (row["version"] or "").removesuffix(" LTS")
        (part,) = supports(f"{family} {version}", None)
        if part.ends is not None:
            assert part.ends.isoformat() == row["eol"], version
