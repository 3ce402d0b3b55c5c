"""The sample: a valid BIDS dataset of real voxels, the same bytes each time, never over anything."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from bids import BIDSLayout
from bids_validator import BIDSValidator
from dipy.data import get_fnames

from opsctl.core.errors import Problem
from opsctl.local.sample import SampleSummary, write_sample

_SOURCES = {"01": "small_64D", "02": "small_101D"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleSummary:
    return write_sample(tmp_path_factory.mktemp("made") / "sample")


def test_the_summary_counts_what_is_there(sample: SampleSummary) -> None:
    files = [path for path in sample.folder.rglob("*") if path.is_file()]
    assert sample.subjects == 3
    assert sample.scans == 5
    assert sample.files == len(files)
    assert sample.size_bytes == sum(path.stat().st_size for path in files) < 1_000_000


def test_pybids_finds_every_scan_with_its_sidecars(sample: SampleSummary) -> None:
    layout = BIDSLayout(sample.folder, validate=True)
    scans = layout.get(suffix="dwi", extension=".nii.gz")
    assert [(scan.entities["subject"], scan.entities["session"]) for scan in scans] == [
        (subject, session) for subject in ("01", "02") for session in ("1", "2")
    ]
    for scan in scans:
        where = {"subject": scan.entities["subject"], "session": scan.entities["session"]}
        volumes = scan.get_image().shape[3]
        assert np.loadtxt(layout.get_bval(scan.path)).shape == (volumes,)
        assert np.loadtxt(layout.get_bvec(scan.path)).shape == (3, volumes)
        assert len(layout.get(suffix="T1w", extension=".nii.gz", **where)) == 1
        assert "directions" in scan.get_metadata()["Description"]
    (bold,) = layout.get(suffix="bold", extension=".nii.gz")
    assert bold.get_metadata()["RepetitionTime"] == pytest.approx(bold.get_image().header.get_zooms()[3])


def test_every_file_has_a_bids_name(sample: SampleSummary) -> None:
    names = [f"/{path.relative_to(sample.folder).as_posix()}" for path in sample.folder.rglob("*") if path.is_file()]
    assert [name for name in names if not BIDSValidator().is_bids(name)] == []


@pytest.mark.parametrize("subject", ["01", "02"])
def test_the_voxels_are_dipys_and_the_sessions_share_no_direction(sample: SampleSummary, subject: str) -> None:
    image, bval, bvec = get_fnames(name=_SOURCES[subject])
    source = np.asarray(nib.load(image).dataobj)
    bvals, bvecs = np.loadtxt(bval), np.nan_to_num(np.loadtxt(bvec))
    bvecs = bvecs if bvecs.shape[0] == 3 else bvecs.T
    taken = []
    for session in ("1", "2"):
        stem = sample.folder / f"sub-{subject}/ses-{session}/dwi/sub-{subject}_ses-{session}_dwi"
        volumes = json.loads(stem.with_suffix(".json").read_text())["SourceVolumes"]
        written = nib.load(f"{stem}.nii.gz")
        assert np.array_equal(np.asarray(written.dataobj), source[..., volumes])
        assert np.allclose(written.affine, nib.load(image).affine)
        assert np.allclose(np.loadtxt(f"{stem}.bval"), bvals[volumes], atol=0.01)
        weighted = bvals[volumes] > 50
        assert np.allclose(np.loadtxt(f"{stem}.bvec")[:, weighted], bvecs[:, volumes][:, weighted], atol=1e-6)
        taken.append({volume for volume in volumes if bvals[volume] > 50})
    assert min(map(len, taken)) >= 28
    assert not taken[0] & taken[1]


def test_it_says_what_stands_in_for_what(sample: SampleSummary) -> None:
    readme = (sample.folder / "README").read_text()
    assert "The T1w images of sub-01 and sub-02 are the b=0 volume" in readme
    assert "share no diffusion-weighted volume" in readme
    description = json.loads((sample.folder / "dataset_description.json").read_text())
    assert description["DatasetType"] == "raw"
    assert {"Name", "BIDSVersion", "License", "GeneratedBy", "SourceDatasets"} <= description.keys()
    sidecar = sample.folder / "sub-01/ses-1/anat/sub-01_ses-1_T1w.json"
    assert "Not a T1w image" in json.loads(sidecar.read_text())["Description"]


def test_a_second_one_has_the_same_bytes(sample: SampleSummary, tmp_path: Path) -> None:
    again = write_sample(tmp_path / "deeper" / "again")
    assert _contents(again.folder) == _contents(sample.folder)


def test_no_gzip_file_holds_a_time(sample: SampleSummary) -> None:
    """Two samples written within a second would have the same bytes even with one."""
    headers = [path.read_bytes()[:10] for path in sample.folder.rglob("*.nii.gz")]
    assert len(headers) == 10
    assert all(header[4:8] == b"\0\0\0\0" for header in headers)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(Problem) as raised:
        write_sample(tmp_path)
    assert "not empty" in raised.value.what
    assert raised.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_in_the_way_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem, match="not a folder to write to"):
        write_sample(tmp_path / "file")


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
