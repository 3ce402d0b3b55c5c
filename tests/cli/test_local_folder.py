"""A BIDS folder on this machine: `scans`, `check` and `run --dry-run` say of it what they say once it is on S3."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.batch_world import RATES
from support.fake_batch import FakeBatch
from support.input_cases import CASES
from support.moto_s3 import s3, s3_client, storage, whole_storage  # noqa: F401 fixtures
from support.run_world import PLATFORM

from opsctl.aws.s3.storage import Storage
from opsctl.core.dataset_argument import LocalFolder, folder_argument, parse_dataset
from opsctl.core.diagnosis.account.obstacles import RunFacts
from opsctl.home import Home

Opsctl = Callable[..., Any]

CONTENT = CASES["sound"].inputs().files()
NAMES = {"dwi": "dwi/{}_dwi.nii.gz", "bval": "dwi/{}_dwi.bval", "bvec": "dwi/{}_dwi.bvec", "T1w": "anat/{}_T1w.nii.gz"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """sub-01 is sound, sub-02 has a short bval, sub-03 a cut image, sub-04 none; one name is not BIDS."""
    folder = tmp_path / "HNU1"
    for subject in ("sub-01", "sub-02", "sub-03"):
        for role, body in CONTENT.items():
            path = folder / subject / NAMES[role].format(subject)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
    (folder / "sub-02/dwi/sub-02_dwi.bval").write_bytes(b"0 1000\n")
    cut = folder / "sub-03/dwi/sub-03_dwi.nii.gz"
    cut.write_bytes(cut.read_bytes()[:-100])
    (folder / "sub-04/anat").mkdir(parents=True)
    (folder / "sub-04/anat/sub-04_T1w.nii.gz").write_bytes(b"x")
    (folder / "sub-01/dwi/notes.txt").write_text("x")
    (folder / "code").mkdir()
    (folder / "code/x.py").write_text("x")
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def on_s3(storage: Storage, home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """The platform, with the same files in its data bucket."""
    for path in folder.rglob("*"):
        if path.is_file() and "code" not in path.parts:
            storage.client.put_object(Bucket="data", Key=f"HNU1/{path.relative_to(folder)}", Body=path.read_bytes())
    Home(home).keep(PLATFORM)
    batch = FakeBatch()
    monkeypatch.setattr("opsctl.cli.context.storage_of", lambda _: storage)
    monkeypatch.setattr("opsctl.cli.context.batch_of", lambda _: batch.adapter())
    monkeypatch.setattr("opsctl.aws.pricing.rates", lambda *_, **__: RATES)
    monkeypatch.setattr("opsctl.commands.diagnosis.account_look.start_run_facts", lambda *_: lambda: RunFacts())


def document(said: Any) -> Any:
    return json.loads(said.out)


def test_a_folder_has_the_scans_that_it_has_on_s3(opsctl: Opsctl, on_s3: None, folder: Path) -> None:
    of_folder, of_s3 = document(opsctl("scans", "./HNU1", "--json")), document(opsctl("scans", "HNU1", "--json"))
    assert of_folder.pop("folder") == str(folder)
    assert (of_folder.pop("failed"), of_folder.pop("not_fetched")) == ([], [])
    of_s3.pop("folder")
    for scan in of_folder["scans"]:
        for file in scan["inputs"]:
            # The file is there, and nothing of it was read.
            path = Path(file["uri"].removeprefix("file://"))
            assert path.stat().st_size == file["size_bytes"]
            assert file.pop("etag") == ""
            file["uri"] = f"s3://data/HNU1/{path.relative_to(folder)}"
    for scan in of_s3["scans"]:
        for file in scan["inputs"]:
            file.pop("etag")
    assert of_folder == of_s3


@pytest.mark.parametrize("whole", [(), ("--whole",)])
def test_check_says_the_same_of_both(opsctl: Opsctl, on_s3: None, whole: tuple[str, ...]) -> None:
    of_folder, of_s3 = opsctl("check", "./HNU1", "--json", *whole), opsctl("check", "HNU1", "--json", *whole)
    assert of_folder.code == of_s3.code == 1
    assert document(of_folder)["scans"] == document(of_s3)["scans"]
    levels = [scan["verdict"] for scan in document(of_folder)["scans"]]
    assert levels == ["fine", "wrong", "wrong" if whole else "fine"]


def test_a_dry_run_submits_the_same_work(opsctl: Opsctl, on_s3: None) -> None:
    of_folder, of_s3 = (document(opsctl("run", name, "--dry-run", "--json")) for name in ("./HNU1", "HNU1"))
    assert len(of_folder["scans"]) == 3
    assert [scan["inputs"] for scan in of_folder["scans"]] == [scan["inputs"] for scan in of_s3["scans"]]


def test_no_platform_has_to_be_up(opsctl: Opsctl, folder: Path) -> None:
    assert opsctl("scans", "./HNU1").code == 0
    said = opsctl("check", "./HNU1")
    assert said.code == 1
    assert "`" not in said.out
    assert "opsctl upload ./HNU1" in said.err


def test_check_says_what_pybids_says_of_the_names(opsctl: Opsctl, folder: Path) -> None:
    said = opsctl("check", "./HNU1")
    assert "pybids: 1 of 14 names is not valid BIDS:\n  sub-01/dwi/notes.txt" in said.err
    assert "pybids: 'dataset_description.json' is missing" in said.err
    bids = document(opsctl("check", "./HNU1", "--json"))["bids"]
    assert (bids["names"], bids["invalid_names"]) == (14, ["sub-01/dwi/notes.txt"])


def test_a_folder_is_not_submitted(opsctl: Opsctl, folder: Path) -> None:
    said = opsctl("run", "./HNU1")
    assert said.code == 2
    assert "`opsctl upload ./HNU1` copies it, then `opsctl run HNU1` runs it." in " ".join(said.err.split())


@pytest.mark.parametrize("verb", ["audit", "delete"])
def test_other_verbs_say_that_they_need_a_dataset_on_s3(opsctl: Opsctl, on_s3: None, verb: str) -> None:
    words = [verb, "./HNU1"] if verb == "audit" else ["delete", "dataset", "./HNU1"]
    said = opsctl(*words)
    assert said.code == 2
    assert "./HNU1 is a folder on this machine" in said.err


@pytest.mark.parametrize("verb", [("check",), ("scans",), ("run",)])
def test_a_name_that_is_only_here_is_told(
    opsctl: Opsctl, on_s3: None, tmp_path: Path, folder: Path, verb: tuple[str, ...]
) -> None:
    folder.rename(tmp_path / "OTHER")
    said = opsctl(*verb, "OTHER")
    assert said.code == 1
    assert "`opsctl check ./OTHER` reads the folder of that name on this machine." in " ".join(said.err.split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("./nothing",), "nothing is not a folder."),
        (("./HNU1/sub-01",), "HNU1/sub-01 holds no sub-*/ folder"),
        (("./HNU1", "--bucket", "other"), "--bucket is for a dataset on S3, and ./HNU1 is a folder on this machine."),
        (("./HNU1", "--no-sign-request"), "--no-sign-request is for a dataset on S3"),
    ],
)
def test_what_is_no_folder_of_a_dataset(opsctl: Opsctl, folder: Path, words: tuple[str, ...], sentence: str) -> None:
    said = opsctl("check", *words)
    assert said.code in (1, 2)
    assert sentence in " ".join(said.err.split())


def test_files_that_datalad_has_not_fetched_are_told(opsctl: Opsctl, folder: Path) -> None:
    image = folder / "sub-01/dwi/sub-01_dwi.nii.gz"
    image.unlink()
    image.symlink_to("../../.git/annex/objects/x/y/z.nii.gz")
    said = opsctl("check", "./HNU1")
    told = " ".join(said.err.split())
    assert "1 file of a DataLad dataset is not on this machine. This fetches it: datalad get" in told
    assert document(opsctl("scans", "./HNU1", "--json"))["not_fetched"] == ["sub-01/dwi/sub-01_dwi.nii.gz"]


def test_a_file_that_cannot_be_read_is_a_finding(opsctl: Opsctl, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def opened(path: Path, *arguments: Any, **named: Any) -> Any:
        if path.name == "sub-01_dwi.bvec":
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", opened)
    said = opsctl("check", "./HNU1")
    assert "sub-01_dwi.bvec cannot be read (Permission denied)" in " ".join(said.out.split())


def test_upload_checks_first_where_it_is_asked_to(opsctl: Opsctl, on_s3: None, storage: Storage) -> None:  # noqa: F811
    said = opsctl("upload", "HNU1", "--name", "NEW", "--check")
    assert said.code == 1
    assert "Nothing was sent: m2g cannot process 1 of 3 scans." in " ".join(said.err.split())
    assert not list(storage.client.list_objects_v2(Bucket="data", Prefix="NEW/").get("Contents", ()))
    said = opsctl("upload", "HNU1", "--name", "NEW", "--check", "--exclude", "sub-02", "--dry-run")
    # What is not sent does not matter.
    assert said.code == 0
    said = opsctl("upload", "HNU1", "--name", "NEW")
    assert "`opsctl check ./HNU1` finds scans that m2g cannot process." in said.err
    assert said.code == 0


@pytest.mark.parametrize("path", ["HNU1", "a/HNU1", ".hidden", "./HNU1", "../HNU1", "/data/HNU1", "~/HNU1", ".", ".."])
def test_a_folder_is_typed_so_that_it_is_read_as_one(path: str) -> None:
    typed = folder_argument(path)
    assert isinstance(parse_dataset(typed), LocalFolder)
    assert typed in (path, f"./{path}")
