"""`upload`: what belongs to a dataset goes up, once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opsctl.aws.s3.storage import Storage
from opsctl.commands.dataset.upload import Sending, compare, send
from opsctl.core.dataset.upload_selection import UploadSelection
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
        "sub-01/x.py",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def sent(folder: Path, storage: Storage) -> list[str]:
    upload = compare(folder, HERE, storage)
    sending = Sending()
    send(upload, storage, sending)
    assert sending.sent == upload.sizes
    assert sending.size_bytes == sum(sending.sent.values()) == upload.size_bytes
    assert not sending.failed
    return sorted(sending.sent)


def test_a_second_time_sends_only_what_changed(folder: Path, storage: Storage) -> None:
    first = sent(folder, storage)
    assert first == [
        "HNU1/dataset_description.json",
        "HNU1/sub-01/anat/sub-01_T1w.nii.gz",
        "HNU1/sub-01/dwi/sub-01_dwi.nii.gz",
        "HNU1/sub-01/x.py",
    ]
    assert sorted(obj.key for obj in storage.below(HERE)) == first
    assert sent(folder, storage) == []
    assert compare(folder, HERE, storage).unchanged == 4
    # The same size, other bytes.
    (folder / "sub-01/x.py").write_text("sub-01/y.py")
    (folder / "new").write_text("n")
    assert sent(folder, storage) == ["HNU1/new", "HNU1/sub-01/x.py"]


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
        ("sourcedata/x", False),
        ("code/x", False),
        ("sub-01/code/x", True),
        ("code", True),
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


def test_a_broken_link_is_named_and_the_others_go_up(folder: Path, storage: Storage) -> None:
    (folder / "sub-01/dwi/gone.nii.gz").symlink_to("nowhere")
    assert len(sent(folder, storage)) == 4
    faults = compare(folder, HERE, storage).faults
    assert [(fault.path, fault.reason) for fault in faults] == [
        ("sub-01/dwi/gone.nii.gz", "is a link to nowhere, which does not exist")
    ]


def test_a_linked_subject_is_not_lost(folder: Path, storage: Storage, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "dwi").mkdir(parents=True)
    (elsewhere / "dwi/sub-02_dwi.nii.gz").write_text("x")
    (folder / "sub-02").symlink_to(elsewhere)
    assert "HNU1/sub-02/dwi/sub-02_dwi.nii.gz" in compare(folder, HERE, storage).files


@pytest.mark.parametrize("name", ["none", "dataset_description.json"])
def test_what_is_no_folder(folder: Path, storage: Storage, name: str) -> None:
    with pytest.raises(Problem, match="is not a folder"):
        compare(folder / name, HERE, storage)


def test_what_is_no_dataset(folder: Path, storage: Storage) -> None:
    (folder / "sub-01/sub-99").write_text("a file is no subject")
    with pytest.raises(Problem, match="holds no sub-"):
        compare(folder / "sub-01", HERE, storage)


def test_a_missing_bucket_is_told_before_anything_is_read(folder: Path, storage: Storage) -> None:
    with pytest.raises(Problem, match="bucket nosuch does not exist"):
        compare(folder, Location("nosuch", "HNU1"), storage)


def test_a_large_file_is_compared_by_its_parts(folder: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    # Parts of 5 MiB, the smallest that S3 takes, in the place of 64.
    part = 5 * 1024 * 1024
    monkeypatch.setattr("opsctl.aws.s3.file_upload.PART_BYTES", part)
    monkeypatch.setattr("opsctl.commands.dataset.same_bytes.PART_BYTES", part)
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
        (os.mkfifo, "is a pipe, not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device, not a file"),
        (lambda path: path.symlink_to("."), "is a link to a folder that holds it, so it has no end"),
        (lambda path: path.symlink_to("/"), "is a link to a folder that holds it, so it has no end"),
        (lambda path: path.symlink_to(path.name), "cannot be read (Too many levels of symbolic links)"),
    ],
)
def test_what_has_no_end_is_one_line_and_the_others_go_up(
    folder: Path, storage: Storage, make: Callable[[Path], None], sentence: str
) -> None:
    make(folder / "sub-01" / "trap")
    assert len(sent(folder, storage)) == 4
    faults = compare(folder, HERE, storage).faults
    assert [(fault.path, fault.reason) for fault in faults] == [("sub-01/trap", sentence)]
    # What nobody asks for needs no mending.
    assert compare(folder, HERE, storage, UploadSelection(exclude=["trap"])).faults == []


def test_two_links_that_lead_to_each_other_end(folder: Path, storage: Storage) -> None:
    (folder / "sub-02").mkdir()
    (folder / "sub-01" / "a").symlink_to("../sub-02")
    (folder / "sub-02" / "b").symlink_to("../sub-01")
    faults = compare(folder, HERE, storage).faults
    assert [fault.path for fault in faults] == ["sub-01/a/b", "sub-02/b/a"]


def test_what_is_left_out_is_counted(folder: Path, storage: Storage) -> None:
    for path in ("sourcedata/a/z.dcm", "sourcedata/y", "code/a", ".git/objects/aa/b", ".git/config", "sub-01/.x"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x")
    (folder / "sourcedata/loop").symlink_to(".")
    upload = compare(folder, HERE, storage, UploadSelection(include=["code"], exclude=["*_T1w.*"]))
    assert upload.left_out == {"sourcedata": 3, "hidden": 2, "excluded": 1}
    assert "HNU1/code/a" in upload.files
    assert "HNU1/sub-01/anat/sub-01_T1w.nii.gz" not in upload.files
    assert upload.faults == []


def test_files_that_datalad_has_not_fetched_are_named_together(folder: Path, storage: Storage) -> None:
    dwi = folder / "sub-01/dwi"
    (dwi / "locked.nii.gz").symlink_to("../../.git/annex/objects/aa/bb/MD5E-s9--c/MD5E-s9--c")
    (dwi / "un locked.nii.gz").write_text("/annex/objects/MD5E-s9--c.nii.gz\n")
    upload = compare(folder, HERE, storage)
    assert upload.annexed == ["sub-01/dwi/locked.nii.gz", "sub-01/dwi/un locked.nii.gz"]
    assert upload.get_command == f"datalad get {dwi}/locked.nii.gz '{dwi}/un locked.nii.gz'"
    assert len(sent(folder, storage)) == 4


def test_one_refused_key_does_not_end_the_upload(folder: Path, storage: Storage, s3: Any) -> None:
    def refuse(params: dict[str, Any], **_: Any) -> None:
        if params["Key"].endswith("T1w.nii.gz"):
            raise denied("PutObject")

    s3.meta.events.register("provide-client-params.s3.PutObject", refuse, unique_id="refuse")
    try:
        upload, sending = compare(folder, HERE, storage), Sending()
        send(upload, storage, sending)
    finally:
        s3.meta.events.unregister("provide-client-params.s3.PutObject", unique_id="refuse")
    assert len(sending.sent) == 3
    assert [fault.path for fault in sending.failed] == ["sub-01/anat/sub-01_T1w.nii.gz"]
    assert "does not permit PutObject" in sending.failed[0].reason
    assert sending.size_bytes == sum(sending.sent.values())


def test_where_every_key_is_refused_that_is_the_error(folder: Path, storage: Storage, s3: Any) -> None:
    tries: list[str] = []

    def refuse(params: dict[str, Any], **_: Any) -> None:
        tries.append(params["Key"])
        raise denied("PutObject")

    for number in range(100):
        (folder / f"sub-01/{number}").write_text("x")
    s3.meta.events.register("provide-client-params.s3.PutObject", refuse, unique_id="refuse")
    try:
        with pytest.raises(Problem, match="does not permit PutObject"):
            send(compare(folder, HERE, storage), storage, Sending())
    finally:
        s3.meta.events.unregister("provide-client-params.s3.PutObject", unique_id="refuse")
    assert len(tries) < 60


def denied(operation: str) -> ClientError:
    reply: Any = {"Error": {"Code": "AccessDenied", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    return ClientError(reply, operation)


def test_a_file_that_vanishes_while_others_are_sent_is_one_line(folder: Path, storage: Storage) -> None:
    upload, sending = compare(folder, HERE, storage), Sending()
    (folder / "sub-01/x.py").unlink()
    send(upload, storage, sending)
    assert [fault.path for fault in sending.failed] == ["sub-01/x.py"]
    assert len(sending.sent) == 3
