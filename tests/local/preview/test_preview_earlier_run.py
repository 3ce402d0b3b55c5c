"""`--skipeddy`, `--skipreg` and `--space native_dsn`: what m2g does with an empty folder and an earlier run's files."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from opsctl.local.preview.__main__ import main
from opsctl.local.sample import write_sample


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("staged") / "input"
    write_sample(folder)
    for sidecar in folder.glob("sub-*/**/*.json"):
        sidecar.unlink()
    return folder


def _run(staged: Path, output: Path, *options: str, atlas: str = "Tissue") -> int:
    arguments = [str(staged), str(output), "--participant_label", "02", "--session_label", "1", "--seeds", "1"]
    return main([*arguments, "--parcellation", atlas, *options])


def test_skipeddy_in_an_empty_folder_corrects_after_all(
    staged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(staged, tmp_path, "--skipeddy") == 0
    printed = capsys.readouterr().out
    assert "Cannot skip preprocessing if it has not already been run!" in printed
    assert "Calling eddy_correct." in printed


def test_skipreg_in_an_empty_folder_fails(staged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(staged, tmp_path, "--skipreg") == 1
    brain = tmp_path / "sub-02/ses-1/anat_d/preproc/t1w_brain.nii.gz"
    assert capsys.readouterr().err.splitlines()[-1] == f"FileNotFoundError: No such file or no access: '{brain}'"


def test_an_earlier_runs_files_are_used(staged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(staged, tmp_path) == 0
    folder = tmp_path / "sub-02/ses-1"
    first = (folder / "connectomes_d").glob("Tissue*/*.csv")
    before = next(first).read_text()
    kept = [folder / "tmp_d/reg_a/mni2t1w_warp.nii.gz", folder / "anat_d/registered/t1w_in_dwi.nii.gz"]
    times = [path.stat().st_mtime_ns for path in kept]
    capsys.readouterr()
    assert _run(staged, tmp_path, "--skipeddy", "--skipreg", atlas="JHU") == 0
    printed = capsys.readouterr().out
    for step in ("gentissue", "t1w2dwi", "tissue2dwi"):
        assert f"Found existing {step} run!" in printed
    assert "Calling eddy_correct." not in printed
    assert "using linear template registration" not in printed
    assert [path.stat().st_mtime_ns for path in kept] == times
    assert len(list((folder / "connectomes_d").glob("JHU*/*_connectome.csv"))) == 1
    assert next((folder / "connectomes_d").glob("Tissue*/*.csv")).read_text() == before


def test_skipeddy_fits_the_earlier_runs_series(staged: Path, tmp_path: Path) -> None:
    """Where that series is another one, so are the counts."""
    assert _run(staged, tmp_path) == 0
    folder = tmp_path / "sub-02/ses-1"
    (connectome,) = folder.glob("connectomes_d/Tissue*/*_connectome.csv")
    before = connectome.read_text()
    corrected = folder / "dwi/preproc/eddy_corrected_data.nii.gz"
    image = nib.load(corrected)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[::-1].copy(), image.affine), corrected)
    assert _run(staged, tmp_path, "--skipeddy", "--skipreg") == 0
    assert connectome.read_text() != before


@pytest.mark.parametrize(
    ("missing", "again", "warns"),
    [
        ("tmp_d/reg_a/mni2t1w_warp.nii.gz", "Function 't1w2dwi_align' finished", False),
        ("tmp_d/reg_a/t1w_vent_csf_in_dwi.nii.gz", "Function 'tissue2dwi_align' finished", False),
        ("tmp_d/reg_m/t1wtissue2dwi_xfm.mat", "Found existing t1w2dwi run!", True),
    ],
)
def test_a_missing_file_is_made_again_or_falls_back(
    staged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], missing: str, again: str, warns: bool
) -> None:
    assert _run(staged, tmp_path) == 0
    (tmp_path / "sub-02/ses-1" / missing).unlink()
    capsys.readouterr()
    assert _run(staged, tmp_path, "--skipeddy", "--skipreg") == 0
    printed = capsys.readouterr().out
    assert again in printed
    assert ("using linear template registration" in printed) == warns


def test_without_the_flags_the_earlier_files_go(
    staged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(staged, tmp_path) == 0
    old = tmp_path / "sub-02/ses-1/anat_d/preproc/old.nii.gz"
    old.write_bytes(b"x")
    assert _run(staged, tmp_path) == 0
    assert not old.exists()
    assert f"Previous directory found at {old.parent}. Removing." in capsys.readouterr().out


def test_native_dsn_needs_the_folder_that_m2g_forgets(
    staged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(staged, tmp_path, "--space", "native_dsn") == 1
    printed = capsys.readouterr()
    folder = tmp_path / "sub-02/ses-1"
    assert printed.err.splitlines()[-1] == (
        f"FileNotFoundError: [Errno 2] No such file or directory: '{folder}/tmp/transformed_sagittal.png'"
    )
    assert "Streamlines complete" in printed.out
    (folder / "tmp").mkdir()
    assert _run(staged, tmp_path, "--space", "native_dsn") == 0
    assert {path.name for path in (folder / "tmp").iterdir()} == {
        f"transformed_{plane}.png" for plane in ("sagittal", "coronal", "axial")
    }
    assert (folder / "dwi/fiber/streamlines_dsn.trk").is_file()
    assert (folder / "dwi/preproc/tensor_fa.nii.gz").is_file()
