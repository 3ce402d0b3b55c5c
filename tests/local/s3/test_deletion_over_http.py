"""`delete` on the local platform over HTTP: nothing of a subject is left in bucket, on disk, or after a restart."""

from __future__ import annotations

from pathlib import Path

from support.deletion_world import LABEL, DeletionWorld, subject_target, whole_target
from support.local_aws import running
from support.run_world import RunWorld

from opsctl.aws.s3.storage import Storage

NAME = f"sub-{LABEL}/".encode()


def _on_disk(home: Path) -> list[Path]:
    return [path for path in (home / "local/objects/blobs").rglob("*") if path.is_file() and NAME in path.read_bytes()]


def test_a_subject_and_then_its_dataset(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with running(home) as aws:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="data")
        world = DeletionWorld.begin(s3, RunWorld(Storage(s3), tmp_path))
        world.finished_run()
        s3.create_multipart_upload(Bucket="data", Key=f"HNU1/sub-{LABEL}/unfinished")
        assert _on_disk(home)
        receipt = world.delete(subject_target())
        assert (receipt.state, receipt.aborted_uploads) == ("complete", 1)
        assert world.naming(LABEL) == set()
        assert _on_disk(home) == []
        before = world.versions()
        assert any(not version.is_current for version in before)
    with running(home) as aws:
        s3 = aws.client("s3")
        world = DeletionWorld(s3, RunWorld(Storage(s3), tmp_path))
        assert world.versions() == before
        # No run writes into a folder of such a name: no lease is held on it.
        s3.put_object(Bucket="data", Key="HNU1/derivatives/\x1b[31mred\x07/nul\x01.csv", Body=b"1")
        assert world.delete(whole_target()).state == "complete"
        assert world.keys("HNU1/") == set()
    index = (home / "local/objects/index.sqlite3").read_bytes()
    assert NAME not in index
    assert b"HNU1/" not in index
