"""A folder's digest is a result's exactly where the folder holds the result's files and no other."""

from __future__ import annotations

import pytest

from opsctl.core.runs import result
from opsctl.core.runs.files_digest import FolderDigests, files_digest

FILES = {"D/out/sub-1/ses-1/a.csv": (3, "e1"), "D/out/sub-1/ses-1/b/c.png": (4, "e2")}


def digests(files: dict[str, tuple[int, str]], *scans: str) -> FolderDigests:
    entries = [(key, etag, str(size), "STANDARD", "") for key, (size, etag) in sorted(files.items())]
    folders = FolderDigests("D/out/", frozenset(scans))
    folders.add(iter(entries))
    return folders


def of_result(files: dict[str, tuple[int, str]]) -> str:
    output_files = [
        result.OutputFile(uri=f"s3://data/{key}", size_bytes=size, etag=etag, sha256="0" * 64)
        for key, (size, etag) in reversed(files.items())
    ]
    return result._digest("s3://data/D/out/sub-1/ses-1", output_files)


def test_a_folder_with_the_results_files_has_its_digest() -> None:
    folders = digests({**FILES, "D/out/sub-1/ses-2/x": (1, "e")}, "sub-1/ses-1", "sub-1/ses-2")
    assert folders.by_scan["sub-1/ses-1"] == of_result(FILES)
    assert folders.by_scan.keys() == {"sub-1/ses-1", "sub-1/ses-2"}


@pytest.mark.parametrize(
    "changed",
    [
        {**FILES, "D/out/sub-1/ses-1/a.csv": (5, "e1")},
        {**FILES, "D/out/sub-1/ses-1/a.csv": (3, "e9")},
        {**FILES, "D/out/sub-1/ses-1/more": (3, "e1")},
        {"D/out/sub-1/ses-1/a.csv": (3, "e1")},
        {},
    ],
)
def test_any_difference_shows(changed: dict[str, tuple[int, str]]) -> None:
    assert digests(changed, "sub-1/ses-1").by_scan.get("sub-1/ses-1", "") != of_result(FILES)


def test_files_in_no_scans_folder_are_named() -> None:
    beside = {"D/out/dataset_description.json": (1, "e"), "D/out/sub-1/x": (1, "e"), "D/out/sub-10/ses-1/x": (1, "e")}
    assert digests({**FILES, **beside}, "sub-1/ses-1").elsewhere == ["D/out/sub-1/x", "D/out/sub-10/ses-1/x"]


def test_no_files_have_no_digest() -> None:
    assert files_digest([]) == ""
