"""Until when the makers of an image's system and Python mend it without a contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

#: Standard support, without Ubuntu Pro: `ubuntu.csv` of Debian's package distro-info-data 0.58+deb12u6.
_UBUNTU = {
    "16.04": date(2021, 4, 30),
    "18.04": date(2023, 5, 31),
    "20.04": date(2025, 5, 29),
    "22.04": date(2027, 6, 1),
    "24.04": date(2029, 5, 31),
}
#: Debian's own security team, without LTS: `debian.csv` of the same package.
_DEBIAN = {
    "9": date(2020, 7, 18),
    "10": date(2022, 9, 10),
    "11": date(2024, 8, 14),
    "12": date(2026, 7, 11),
    "13": date(2028, 8, 9),
}
#: Python's developers' guide; where it has a month only, its last day.
_PYTHON = {
    "3.6": date(2021, 12, 23),
    "3.7": date(2023, 6, 27),
    "3.8": date(2024, 10, 7),
    "3.9": date(2025, 10, 31),
    "3.10": date(2026, 10, 31),
    "3.11": date(2027, 10, 31),
    "3.12": date(2028, 10, 31),
    "3.13": date(2029, 10, 31),
    "3.14": date(2030, 10, 31),
}
_TABLES = {
    "ubuntu": ("Ubuntu", _UBUNTU, "https://ubuntu.com/about/release-cycle"),
    "debian": ("Debian", _DEBIAN, "https://wiki.debian.org/DebianReleases"),
    "python": ("Python", _PYTHON, "https://devguide.python.org/versions"),
}


@dataclass(frozen=True)
class Support:
    """A part of an image, and the day on which its standard support ends.

    Attributes
    ----------
    ends
        None where opsctl does not know.
    source
        The page of the makers that has the day; empty where opsctl knows none.
    """

    name: str
    ends: date | None
    source: str

    def is_over(self, today: date) -> bool:
        """Whether it ended before today."""
        return self.ends is not None and self.ends < today


def supports(system: str | None, python: str | None) -> tuple[Support, ...]:
    """The support of an image's parts.

    Parameters
    ----------
    system
        `ubuntu 18.04`: `ID` and `VERSION_ID` of os-release; None or empty where unknown.
    python
        `3.7.17`; None or empty where unknown.
    """
    return tuple(_parts(system or "", python or ""))


def _parts(system: str, python: str) -> Iterator[Support]:
    family, _, version = system.partition(" ")
    if family:
        yield _support(family, version)
    if python:
        yield _support("python", ".".join(python.split(".")[:2]))


def _support(family: str, version: str) -> Support:
    name, ends, source = _TABLES.get(family, (family, {}, ""))
    return Support(f"{name} {version}".strip(), ends.get(version), source)
