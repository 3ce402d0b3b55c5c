"""The snapshot that a dataset's own files name: real forms of `dataset_description.json` and `CHANGES`."""

from __future__ import annotations

import json

import pytest

from opsctl.core.errors import Problem
from opsctl.core.openneuro.accession import Accession
from opsctl.core.openneuro.snapshot import Snapshot, ensure_version, read_snapshot

#: https://github.com/OpenNeuroDatasets/ds000114, tag 1.0.2.
CHANGES = b"""\
1.0.2 2022-08-24
  - Update Funding field in dataset description to be an array
1.0.1\t2018-09-07

\t- Adding DOI

1.0.0\t2018-08-03

\t- Testing changes to git annex - dataset untouched

3.0.0\t2018-05-18

\t- added participants.tsv file with handedness information

2.0.1 2016-10-28

  - Removed all DOT files

1.0.0

  -  initial release
"""
DOI = "10.18112/openneuro.ds000114.v1.0.2"


def described(doi: object) -> bytes:
    return json.dumps({"Name": "x", "DatasetDOI": doi}).encode()


@pytest.mark.parametrize("written", [DOI, f"doi:{DOI}", f"https://doi.org/{DOI}", f" doi:{DOI}\n", f"DOI:{DOI}"])
def test_the_doi_names_version_and_doi(written: str) -> None:
    snapshot = read_snapshot("ds000114", description=described(written), changes=CHANGES)
    assert snapshot == Snapshot(version="1.0.2", doi=DOI)


@pytest.mark.parametrize(
    ("description", "changes", "version", "doi"),
    [
        (None, None, "", ""),
        (b"", b"", "", ""),
        (b"{", CHANGES, "1.0.2", ""),
        (b"[1]", CHANGES, "1.0.2", ""),
        (b"\xff\xfe", b"\xff\xfe 1.0", "", ""),
        (described(None), CHANGES, "1.0.2", ""),
        (described(["doi"]), CHANGES, "1.0.2", ""),
        (described("x"), b"no heading\n", "", ""),
        # The oldest version first, and with a v.
        (described(""), b"v1.0.0 2018-01-01\n\n - a\n\nv1.1.0\t2019-01-01\n - b\n", "1.1.0", ""),
        # The author's own DOI.
        (described("10.5281/zenodo.591597"), CHANGES, "1.0.2", "10.5281/zenodo.591597"),
        # A description that was copied from another dataset.
        (described("doi:10.18112/openneuro.ds000999.v7.0.0"), CHANGES, "1.0.2", ""),
        (described("10.18112/openneuro.ds000114"), CHANGES, "1.0.2", "10.18112/openneuro.ds000114"),
        (described("10.18112/openneuro.ds000114.v00002"), None, "00002", "10.18112/openneuro.ds000114.v00002"),
        (described("10.18112/a\u202eb"), None, "", ""),
    ],
)
def test_other_files(description: bytes | None, changes: bytes | None, version: str, doi: str) -> None:
    assert read_snapshot("ds000114", description=description, changes=changes) == Snapshot(version=version, doi=doi)


def test_changes_that_are_newer_than_the_doi_are_a_doubt() -> None:
    snapshot = read_snapshot("ds000114", description=described(DOI.replace("1.0.2", "1.0.1")), changes=CHANGES)
    assert snapshot.version == "1.0.1"
    assert "1.0.2 of 2022-08-24" in snapshot.doubt
    unknown = read_snapshot("ds000114", description=described(DOI.replace("1.0.2", "1.0.3")), changes=CHANGES)
    assert (unknown.version, unknown.doubt) == ("1.0.3", "")


def test_a_version_that_is_there_is_taken() -> None:
    for wanted in ("", "1.0.2", "v1.0.2"):
        ensure_version(Accession("ds000114", wanted), Snapshot(version="1.0.2"))


def test_a_version_that_is_not_there_names_the_one_that_is_and_how_to_get_the_other() -> None:
    with pytest.raises(Problem) as problem:
        ensure_version(Accession("ds000114", "1.0.1"), Snapshot(version="1.0.2"))
    assert "holds ds000114 1.0.2" in problem.value.what
    assert "`git checkout 1.0.1`" in problem.value.hint
    assert "`opsctl upload ds000114 --name ds000114-1.0.1`" in problem.value.hint
    with pytest.raises(Problem, match="does not say which version"):
        ensure_version(Accession("ds000114", "1.0.1"), Snapshot())
