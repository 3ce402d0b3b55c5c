"""`upload`: what belongs to a dataset goes up, once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from opsctl.aws.s3.storage import Storage
from opsctl.commands.dataset.upload import compare, send
from opsctl.core.errors import Problem
from opsctl.core.location import Location

HERE = Location("data", "HNU1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "HNU1"
    for name in (
        "dataset_description.json",
        "sub-01/dwi/sub-01_dwi.nii.gz",
        "sub-01/anat/sub-01_T1w.nii.gz",
        "code/x.py",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def sent(folder: Path, storage: Storage) -> list[str]:
    upload = compare(folder, HERE, storage)
    arrived: dict[str, int] = {}
    send(upload, storage, on_file=arrived.__setitem__)
    assert sum(arrived.values()) == upload.size_bytes
    assert set(arrived) == set(upload.files)
    return sorted(arrived)


def test_a_second_time_sends_only_what_changed(folder: Path, storage: Storage) -> None:
    first = sent(folder, storage)
    assert first == [
        "HNU1/code/x.py",
        "HNU1/dataset_description.json",
        "HNU1/sub-01/anat/sub-01_T1w.nii.gz",
        "HNU1/sub-01/dwi/sub-01_dwi.nii.gz",
    ]
    assert sorted(obj.key for obj in storage.below(HERE)) == first
    assert sent(folder, storage) == []
    assert compare(folder, HERE, storage).unchanged == 4
    # The same size, other bytes.
    (folder / "code/x.py").write_text("code/y.py")
    (folder / "new").write_text("n")
    assert sent(folder, storage) == ["HNU1/code/x.py", "HNU1/new"]


@pytest.mark.parametrize(
    ("path", "goes"),
    [
        ("derivatives/fmriprep/sub-01/x", False),
        ("sub-01/derivatives/x", True),
        (".git/objects/aa", False),
        (".DS_Store", False),
        ("sub-01/.DS_Store", False),
        ("sub-01/.hidden/x", False),
        (".bidsignore", True),
        ("sub-01/.bidsignore", False),
        ("sourcedata/x", True),
        ("sub-01/dwi/a b é+%20", True),
    ],
)
def test_what_is_left_out(folder: Path, storage: Storage, path: str, goes: bool) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text("x")
    assert (f"HNU1/{path}" in compare(folder, HERE, storage).files) is goes


def test_an_empty_file_goes_up_and_is_then_unchanged(folder: Path, storage: Storage) -> None:
    (folder / "CHANGES").write_bytes(b"")
    assert "HNU1/CHANGES" in sent(folder, storage)
    assert sent(folder, storage) == []


def test_a_linked_file_goes_up_as_what_it_links_to(folder: Path, storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "annexed").write_text("bytes")
    (folder / "sub-01/dwi/link.bval").symlink_to(tmp_path / "annexed")
    assert "HNU1/sub-01/dwi/link.bval" in sent(folder, storage)
    assert {obj.key: obj.size_bytes for obj in storage.below(HERE)}["HNU1/sub-01/dwi/link.bval"] == 5


def test_a_broken_link_is_named_before_anything_is_sent(folder: Path, storage: Storage) -> None:
    (folder / "sub-01/dwi/gone.nii.gz").symlink_to("nowhere")
    with pytest.raises(Problem, match=r"gone\.nii\.gz cannot be read") as caught:
        compare(folder, HERE, storage)
    assert "broken link" in caught.value.hint.lower()
    assert list(storage.below(HERE)) == []


def test_a_linked_subject_is_not_lost(folder: Path, storage: Storage, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "dwi").mkdir(parents=True)
    (elsewhere / "dwi/sub-02_dwi.nii.gz").write_text("x")
    (folder / "sub-02").symlink_to(elsewhere)
    try:
        upload = compare(folder, HERE, storage)
    except Problem as problem:
        assert "sub-02" in problem.what  # noqa: PT017  # saying so is as good as sending it
        return
    assert "HNU1/sub-02/dwi/sub-02_dwi.nii.gz" in upload.files


@pytest.mark.parametrize("name", ["none", "dataset_description.json"])
def test_what_is_no_folder(folder: Path, storage: Storage, name: str) -> None:
    with pytest.raises(Problem, match="is not a folder"):
        compare(folder / name, HERE, storage)


def test_what_is_no_dataset(folder: Path, storage: Storage) -> None:
    (folder / "code/sub-99").write_text("a file is no subject")
    with pytest.raises(Problem, match="holds no sub-"):
        compare(folder / "code", HERE, storage)


def test_a_missing_bucket_is_told_before_anything_is_read(folder: Path, storage: Storage) -> None:
    with pytest.raises(Problem, match="bucket nosuch does not exist"):
        compare(folder, Location("nosuch", "HNU1"), storage)


def test_a_large_file_is_compared_by_its_parts(folder: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    # Parts of 5 MiB, the smallest that S3 takes, in the place of 64.
    part = 5 * 1024 * 1024
    from boto3.s3.transfer import TransferConfig

    config = TransferConfig(multipart_threshold=part + 1, multipart_chunksize=part, use_threads=False)
    monkeypatch.setattr("opsctl.aws.s3.file_upload._TRANSFER", config)
    monkeypatch.setattr("opsctl.commands.dataset.upload.PART_BYTES", part)
    (folder / "sub-01/dwi/large.nii").write_bytes(bytes(part) + b"x")
    (folder / "sub-01/dwi/exact.nii").write_bytes(bytes(part))
    assert len(sent(folder, storage)) == 6
    etags = {obj.key.rsplit("/", 1)[-1]: obj.etag for obj in storage.below(HERE)}
    assert etags["large.nii"].endswith("-2")
    assert "-" not in etags["exact.nii"]
    assert sent(folder, storage) == []


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (os.mkfifo, "is no file, but a pipe"),
        (lambda path: path.symlink_to("/dev/zero"), "is no file, but a pipe, a device"),
        (lambda path: path.symlink_to("."), "is a link to a folder that holds it"),
        (lambda path: path.symlink_to("/"), "is a link to a folder that holds it"),
        (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
    ],
)
def test_what_has_no_end_is_refused(
    folder: Path, storage: Storage, make: Callable[[Path], None], sentence: str
) -> None:
    make(folder / "sub-01" / "trap")
    with pytest.raises(Problem, match=sentence):
        compare(folder, HERE, storage)


def test_two_links_that_lead_to_each_other_are_refused(folder: Path, storage: Storage) -> None:
    (folder / "sub-02").mkdir()
    (folder / "sub-01" / "a").symlink_to("../sub-02")
    (folder / "sub-02" / "b").symlink_to("../sub-01")
    with pytest.raises(Problem, match="holds it"):
        compare(folder, HERE, storage)
