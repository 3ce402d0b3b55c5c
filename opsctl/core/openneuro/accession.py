"""OpenNeuro's accessions, such as `ds000114`, and where their files lie.

OpenNeuro exports each public dataset with git-annex to its own folder of one S3 bucket, which anybody may read and list
(https://github.com/OpenNeuroOrg/openneuro, services/datalad/datalad_service/common/s3.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.core.errors import UsageProblem
from opsctl.core.location import Location

BUCKET = "openneuro.org"
#: AWS's region of the bucket.
REGION = "us-east-1"
#: What an accession begins with where a dataset is named.
SCHEME = "openneuro:"

#: `packages/openneuro-server/src/libs/dataset.ts`: `ds` and six digits.
_ACCESSION = re.compile(r"ds[0-9]{6}")
_ALMOST = re.compile(r"(?:ds[-_ ]?)?([0-9]{1,6})", re.IGNORECASE)
# A snapshot's name is a git tag: `1.0.1`, of older datasets `00002`.
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,63}")
#: An address of OpenNeuro's web pages, or one of its DOIs: both name the accession, and may name the version.
_ELSEWHERE = re.compile(
    r"(?:https?://)?(?:www\.)?openneuro\.org/datasets/(?P<page>ds[0-9]{6})(?:/versions/(?P<shown>[^/?#]+))?(?:[/?#].*)?"
    r"|(?:doi:|https?://(?:dx\.)?doi\.org/)?10\.18112/openneuro\.(?P<doi>ds[0-9]{6})(?:\.v(?P<minted>.+))?",
    re.IGNORECASE,
)
_MOST_NEAR = 5


@dataclass(frozen=True)
class Accession:
    """A dataset of OpenNeuro's.

    Attributes
    ----------
    number
        `ds` and six digits.
    version
        The snapshot that is wanted; empty: the one that the bucket holds.
    """

    number: str
    version: str = ""

    @property
    def location(self) -> Location:
        """Where the dataset's files lie."""
        return Location(BUCKET, self.number)

    def __str__(self) -> str:
        return f"{SCHEME}{self.number}" + (f"@{self.version}" if self.version else "")


def is_openneuro(location: Location) -> bool:
    """Whether a location is in OpenNeuro's bucket, however it was typed."""
    return location.bucket == BUCKET


def parse_accession(typed: str) -> Accession:
    """Parse `openneuro:ds000114` or `openneuro:ds000114@1.0.2`.

    Raises
    ------
    UsageProblem
        If it is not an accession; one that is close to it is named.
    """
    text = typed.removeprefix(SCHEME)
    number, at, version = text.partition("@")
    if _ACCESSION.fullmatch(number) and (not at or _VERSION.fullmatch(version)):
        return Accession(number, version)
    if _ACCESSION.fullmatch(number):
        raise UsageProblem(
            f"{typed!r} names no version of {number}.",
            f"For example: {SCHEME}{number}@1.0.0. {SCHEME}{number} takes the one that OpenNeuro's bucket holds.",
        )
    near = _meant(text)
    hint = f"Did you mean {near}?" if near else f"For example: {SCHEME}ds000114. https://openneuro.org lists them all."
    raise UsageProblem(f"{typed!r} is not an accession of OpenNeuro: `ds` and six digits.", hint)


def accession_elsewhere(typed: str) -> Accession | None:
    """The accession in an address of OpenNeuro's pages or in one of its DOIs; None where it is neither."""
    match = _ELSEWHERE.fullmatch(typed.strip())
    if match is None:
        return None
    version = match["shown"] or match["minted"] or ""
    number = (match["page"] or match["doi"]).lower()
    return Accession(number, version if _VERSION.fullmatch(version) else "")


def neighbours_prefix(accession: Accession) -> str:
    """What the keys of the up to a hundred accessions begin with among which a wrong one is looked for."""
    return accession.number[:-2]


def near_accessions(accession: Accession, listed: Sequence[str]) -> list[str]:
    """The accessions of a listing that are most like one that is missing, the most similar first."""
    missing = accession.number

    def distance(number: str) -> tuple[int, int]:
        other_digits = sum(digit != other for digit, other in zip(missing, number, strict=True))
        return other_digits, abs(int(number[2:]) - int(missing[2:]))

    return sorted(filter(_ACCESSION.fullmatch, listed), key=distance)[:_MOST_NEAR]


def _meant(text: str) -> Accession | None:
    """The accession that somebody meant who wrote too few digits, capitals, or only the number."""
    if (elsewhere := accession_elsewhere(text)) is not None:
        return elsewhere
    number, _, version = text.strip().strip("/").partition("@")
    match = _ALMOST.fullmatch(number)
    if match is None or not int(match[1]):
        return None
    return Accession(f"ds{int(match[1]):06}", version if _VERSION.fullmatch(version) else "")
