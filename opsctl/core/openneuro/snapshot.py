"""Which snapshot of a dataset OpenNeuro's bucket holds: its files say so, S3 does not.

OpenNeuro writes each snapshot's DOI into `dataset_description.json`, and its version and date into `CHANGES`. The
export to the bucket may fail or be behind (https://github.com/OpenNeuroOrg/openneuro/issues/1731 and 2730), and takes
the last tag in the order of the alphabet, so the bucket's snapshot need not be the newest one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.foreign_json import parse_object
from opsctl.core.openneuro.accession import Accession

_DOI = re.compile(r"(?:doi:|https?://(?:dx\.)?doi\.org/)?(10\.[0-9]{4,9}/[!-~]{1,200})", re.IGNORECASE)
_OF_OPENNEURO = re.compile(r"10\.18112/openneuro\.(ds[0-9]{6})(?:\.v([0-9A-Za-z.+-]{1,64}))?", re.IGNORECASE)
# `1.0.2 2022-08-24`, of CPAN's form, as OpenNeuro writes it; people write tabs and a `v`.
_HEADING = re.compile(r"\s*v?([0-9][0-9A-Za-z.+-]{0,63})[ \t]+([0-9]{4}-[0-9]{2}-[0-9]{2})\s*")


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A snapshot of a dataset.

    Attributes
    ----------
    version
        Empty where the dataset's files do not say it.
    doi
        Without `doi:`; empty where there is none.
    doubt
        Why the bucket may hold files of several snapshots; empty where nothing says so.
    """

    version: str = ""
    doi: str = ""
    doubt: str = ""

    def as_json(self) -> dict[str, Any]:
        """`snapshot` in the output of `scans`, `check` and `run --dry-run`."""
        return {"version": self.version or None, "doi": self.doi or None}


def read_snapshot(accession: str, *, description: bytes | None, changes: bytes | None) -> Snapshot:
    """Tell a snapshot from the dataset's own files.

    Parameters
    ----------
    accession
        `ds` and six digits: a copied description names another one.
    description, changes
        `dataset_description.json` and `CHANGES`; None where there is none.
    """
    doi = _doi(description)
    minted = _OF_OPENNEURO.fullmatch(doi)
    headings = list(_headings(changes))
    # Some write the newest version first, others last.
    newest = max(headings, key=lambda heading: heading[1], default=("", ""))
    if minted is None or minted[1].lower() != accession:
        return Snapshot(version=newest[0], doi=doi if minted is None else "")
    version = minted[2] or newest[0]
    dates = [date for heading, date in headings if heading == version]
    is_behind = bool(dates) and newest[1] > max(dates)
    doubt = ""
    if is_behind:
        doubt = (
            f"dataset_description.json is of {version}, and CHANGES has {newest[0]} of {newest[1]}: OpenNeuro's bucket"
            " may hold files of both."
        )
    return Snapshot(version=version, doi=doi, doubt=doubt)


def ensure_version(accession: Accession, snapshot: Snapshot) -> None:
    """Ensure that the snapshot in the bucket is the one that is wanted.

    Raises
    ------
    Problem
        With the version that is there, and how to get the other one.
    """
    if not accession.version or _plain(accession.version) == _plain(snapshot.version):
        return
    number, version = accession.number, accession.version.removeprefix("v")
    contents = (
        f"holds {number} {snapshot.version}" if snapshot.version else f"does not say which version of {number} it holds"
    )
    raise Problem(
        f"OpenNeuro's bucket {contents}, and it has the files of one version only: not those of {version}.",
        f"DataLad gets {version}: `datalad clone https://github.com/OpenNeuroDatasets/{number}`, then in that folder"
        f" `git checkout {version}` and `datalad get .`. `opsctl upload {number} --name {number}-{version}` sends it to"
        f" the data bucket. To take what OpenNeuro's bucket holds, leave @{accession.version} out.",
        code=ErrorCode.DATASET_NOT_FOUND,
    )


def _plain(version: str) -> str:
    return version.lower().removeprefix("v")


def _doi(description: bytes | None) -> str:
    """The DOI in a description; empty where it has none, or is no JSON object."""
    try:
        value = parse_object(description or b"{}").get("DatasetDOI")
    except ValueError:
        return ""
    match = _DOI.fullmatch(value.strip()) if isinstance(value, str) else None
    return match[1] if match else ""


def _headings(changes: bytes | None) -> Iterator[tuple[str, str]]:
    """The versions in a `CHANGES` file with their dates, in the file's order."""
    for line in (changes or b"").decode(errors="replace").splitlines():
        if match := _HEADING.fullmatch(line):
            yield match[1], match[2]
