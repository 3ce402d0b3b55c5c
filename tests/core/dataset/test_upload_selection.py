"""What `upload` sends by default, and what globs change."""

from __future__ import annotations

import pytest

from opsctl.core.dataset.annexed import get_command, is_annex_link, is_annex_pointer
from opsctl.core.dataset.transfer_rate import TransferRate
from opsctl.core.dataset.upload_selection import UploadSelection


@pytest.mark.parametrize(
    ("glob", "path", "is_excluded"),
    [
        ("sub-02", "sub-02/dwi/a.nii.gz", True),
        ("sub-02/", "sub-02/dwi/a.nii.gz", True),
        ("./sub-02", "sub-02/dwi/a.nii.gz", True),
        ("sub-0[12]", "sub-02/dwi/a.nii.gz", True),
        ("sub-02", "sub-021/dwi/a.nii.gz", False),
        ("*_bold.*", "sub-01/func/sub-01_bold.nii.gz", True),
        ("*_bold.*", "sub-01/dwi/sub-01_dwi.nii.gz", False),
        ("sub-*/anat", "sub-01/anat/a", True),
        ("sub-*/anat", "x/sub-01/anat/a", False),
        ("sub-*/*.json", "sub-01/anat/a.json", False),
        ("sub-*/**/*.json", "sub-01/anat/a.json", True),
        ("sub-*/**/*.json", "sub-01/a.json", True),
        ("**/anat", "sub-01/ses-1/anat/a", True),
        ("/sub-01/anat", "sub-01/anat/a", True),
        ("SUB-01", "sub-01/a", False),
        ("/", "sub-01/a", False),
        ("", "sub-01/a", False),
    ],
)
def test_a_glob_is_compared_with_names_and_paths(glob: str, path: str, is_excluded: bool) -> None:
    assert UploadSelection(exclude=[glob]).left_out(path) == ("excluded" if is_excluded else "")


@pytest.mark.parametrize(
    ("include", "exclude", "path", "group"),
    [
        ("sourcedata", "", "sourcedata/a/b", ""),
        ("sourcedata/a", "", "sourcedata/b", "sourcedata"),
        ("sourcedata", "b", "sourcedata/a/b", "excluded"),
        ("derivatives/fmriprep", "", "derivatives/fmriprep/x", ""),
        ("derivatives/fmriprep", "", "derivatives/m2g/x", "derivatives"),
        (".bidsignore2", "", ".bidsignore2", ""),
        (".bidsignore2", "", ".other", "hidden"),
        ("sourcedata", "", "sub-01/x", ""),
    ],
)
def test_what_is_left_out_is_sent_when_it_is_named(include: str, exclude: str, path: str, group: str) -> None:
    selection = UploadSelection(include=[include], exclude=[exclude] if exclude else [])
    assert selection.left_out(path) == group


@pytest.mark.parametrize(("include", "may"), [([], False), (["code"], False), ([".git"], True), (["**/x"], True)])
def test_a_hidden_folder_is_entered_only_for_who_asks(include: list[str], may: bool) -> None:
    assert UploadSelection(include=include).may_enter(".git") is may


def test_many_files_are_fetched_by_their_folders() -> None:
    few = [f"sub-{number:02d}/dwi/a" for number in range(10)]
    assert get_command("ds/", few).split()[2:] == [f"ds/{path}" for path in few]
    many = [f"sub-{number % 3:02d}/dwi/{number}" for number in range(11)]
    assert get_command("ds", many) == "datalad get ds/sub-00/dwi ds/sub-01/dwi ds/sub-02/dwi"
    more = [f"sub-{number % 3:02d}/ses-{number}/dwi/a" for number in range(11)]
    assert get_command("ds", more) == "datalad get ds/sub-00 ds/sub-01 ds/sub-02"


def test_what_git_annex_leaves_in_the_place_of_a_file() -> None:
    assert is_annex_link("../../.git/annex/objects/aa/bb/MD5E-s1--c/MD5E-s1--c")
    assert not is_annex_link("../shared/annex/objects.nii.gz")
    assert is_annex_pointer(b"/annex/objects/MD5E-s1--c\n")
    assert not is_annex_pointer(b"0 1000 1000\n")
    assert not is_annex_pointer(b"/annex/objects/" + b"x" * 2000)


def test_the_rate_is_of_the_last_seconds() -> None:
    rate = TransferRate(now=100.0)
    rate.sample(500, now=100.5)
    assert (rate.bytes_per_second, rate.seconds_left(9_000)) == (None, None)
    rate.sample(2_000, now=102.0)
    assert (rate.bytes_per_second, rate.seconds_left(9_000)) == (1_000, 7)
    for second in range(103, 150):
        rate.sample(2_000 + 100 * (second - 102), now=float(second))
    assert rate.bytes_per_second == 100
    for second in range(150, 170):
        rate.sample(6_700, now=float(second))
    assert rate.bytes_per_second is None, "it stands still: no time left is known"
