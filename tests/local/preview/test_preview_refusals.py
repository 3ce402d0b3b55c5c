"""What the preview refuses: what m2g refuses, with one sentence as the last line and the right exit code."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from opsctl import assets
from opsctl.core.preview import MEMORY_VARIABLE
from opsctl.local.preview.__main__ import main
from opsctl.local.preview.atlases import check_memory
from opsctl.local.preview.m2g_error import M2gError
from opsctl.local.sample import write_sample

_STUB = "sub-01_ses-1"


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    write_sample(tmp_path / "in")
    for sidecar in (tmp_path / "in").glob("sub-*/**/*.json"):
        sidecar.unlink()
    return tmp_path / "in"


def _dwi(folder: Path, ending: str) -> Path:
    return folder / f"sub-01/ses-1/dwi/{_STUB}_dwi.{ending}"


def _fourth_file(folder: Path) -> None:
    _dwi(folder, "json").write_text("{}")


def _three_but_no_bvec(folder: Path) -> None:
    _dwi(folder, "bvec").rename(_dwi(folder, "json"))


def _second_t1w(folder: Path) -> None:
    (folder / f"sub-01/ses-1/anat/{_STUB}_run-2_T1w.nii.gz").write_bytes(b"x")


def _no_t1w(folder: Path) -> None:
    (folder / f"sub-01/ses-1/anat/{_STUB}_T1w.nii.gz").unlink()


def _no_session(folder: Path) -> None:
    for session in sorted((folder / "sub-01").iterdir()):
        session.rename(folder / f"sub-01/{session.name.replace('ses-', 'visit-')}")


def _no_image(folder: Path) -> None:
    _dwi(folder, "nii.gz").unlink()


def _bval_too_short(folder: Path) -> None:
    np.savetxt(_dwi(folder, "bval"), np.loadtxt(_dwi(folder, "bval"))[None, :-1])


def _both_too_short(folder: Path) -> None:
    for ending in ("bval", "bvec"):
        np.savetxt(_dwi(folder, ending), np.atleast_2d(np.loadtxt(_dwi(folder, ending)))[:, :-1])


def _no_b0(folder: Path) -> None:
    np.savetxt(_dwi(folder, "bval"), np.full((1, 33), 1000.0))
    bvecs = np.loadtxt(_dwi(folder, "bvec"))
    bvecs[0, ~bvecs.any(axis=0)] = 1
    np.savetxt(_dwi(folder, "bvec"), bvecs)


def _no_direction(folder: Path) -> None:
    bvecs = np.loadtxt(_dwi(folder, "bvec"))
    bvecs[:, 5] = 0
    np.savetxt(_dwi(folder, "bvec"), bvecs)


def _words_in_bval(folder: Path) -> None:
    _dwi(folder, "bval").write_text("b-values: none")


def _truncated(folder: Path) -> None:
    path = _dwi(folder, "nii.gz")
    path.write_bytes(path.read_bytes()[:4000])


def _not_gzip(folder: Path) -> None:
    _dwi(folder, "nii.gz").write_text("<html>")


def _one_volume(folder: Path) -> None:
    image = nib.load(_dwi(folder, "nii.gz"))
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[..., 0], image.affine), _dwi(folder, "nii.gz"))


def _black(folder: Path) -> None:
    image = nib.load(_dwi(folder, "nii.gz"))
    nib.save(nib.Nifti1Image(np.zeros(image.shape, dtype=np.int16), image.affine), _dwi(folder, "nii.gz"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_fourth_file, "holds 4 files with suffix dwi"),
        (_three_but_no_bvec, "an image, its bval, its bvec"),
        (_second_t1w, "holds 2 files with suffix T1w"),
        (_no_t1w, "holds 0 files with suffix T1w"),
        (_no_session, "sub-01 has no session folder"),
        (_no_image, "No session with a dwi image"),
        (_bval_too_short, "b-values and b-vectors shapes do not correspond"),
        (_both_too_short, "the image has 33 volumes, but there are 32 b-values."),
        (_no_b0, "no b=0 volume: the smallest b-value is 1000"),
        (_no_direction, "Encountered potentially corrupted bval/bvecs"),
        (_words_in_bval, "could not convert string to float: 'b-values:'"),
        (_truncated, "cannot be read as an image"),
        (_not_gzip, "cannot be read as an image"),
        (_one_volume, "has 3 dimensions, not 4"),
        (_black, "no brain in this image"),
    ],
)
def test_a_spoilt_scan_is_refused_with_its_cause_last(
    staged: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], spoil: Callable[[Path], None], message: str
) -> None:
    spoil(staged)
    assert main([str(staged), str(tmp_path / "out"), "--participant_label", "01", "--session_label", "1"]) == 1
    printed = capfd.readouterr()
    assert message in printed.err.splitlines()[-1]
    assert printed.err.startswith("m2g (preview): ")
    assert printed.out.startswith("PREVIEW")
    assert "done" not in printed.out
    assert not list((tmp_path / "out").rglob("*connectome.csv"))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["--participant_label", "99"], "No session with a dwi image in INPUT_DIR for sub-99 and every session"),
        (["--participant_label", "01", "--session_label", "3"], "for sub-01 and ses-3"),
        (["--participant_label", "../sub-01"], "No session with a dwi image"),
        (["--pipeline", "func", "--participant_label", "01"], "No session with a bold image"),
    ],
)
def test_what_is_not_there_is_said(
    staged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: list[str], message: str
) -> None:
    assert main([str(staged), str(tmp_path / "out"), *labels]) == 1
    assert message in capsys.readouterr().err


def test_a_missing_input_folder_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere"), str(tmp_path / "out")]) == 1
    assert "is not a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--parcellation", "desikan"], "ValueError: No valid parcellations found."),
        (["--parcellation", "../../x"], "ValueError: No valid parcellations found."),
        (
            ["--voxelsize", "3mm"],
            "ValueError: Voxel dimensions of input t1w image not currently supported by m2g.",
        ),
        (["--space", "mni"], "ValueError: Unsupported tractography space, must be native or native_dsn"),
        (["--seeds", "many"], "ValueError: invalid literal for int() with base 10: 'many'"),
        (
            ["--mod", "eudx"],
            "ValueError: Error: Either no seeds supplied, or no valid seeds found in white-matter interface",
        ),
        (["--diffusion_model", "dti"], "AttributeError: 'RunTrack' object has no attribute 'mod'"),
        (
            ["--parcellation", "DS72784"],
            "numpy.core._exceptions.MemoryError: Unable to allocate 36.8 GiB for an array with shape (70263, 70263) "
            "and data type float64",
        ),
    ],
)
def test_what_m2g_cannot_do_fails_in_its_words(
    staged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], line: str
) -> None:
    arguments = [str(staged), str(tmp_path / "out"), "--participant_label", "01", "--session_label", "1"]
    arguments += ["--parcellation", "Desikan_space"] if "--parcellation" not in options else []
    assert main([*arguments, *options]) == 1
    assert capsys.readouterr().err.splitlines()[-2:] == ["Traceback (most recent call last):", line]


def test_what_was_made_before_the_memory_ran_out_stays(staged: Path, tmp_path: Path) -> None:
    arguments = [str(staged), str(tmp_path / "out"), "--participant_label", "01", "--session_label", "1"]
    assert main([*arguments, "--parcellation", "DS72784", "AAL_space"]) == 1
    (connectome,) = (tmp_path / "out").rglob("*_connectome.csv")
    assert "AAL" in connectome.name


@pytest.mark.parametrize(
    ("model", "variable", "ends_well"),
    [("csa", None, True), ("csd", None, False), ("csd", "30400", True), ("csa", "15200", False)],
)
def test_an_atlas_must_fit_the_jobs_memory(
    monkeypatch: pytest.MonkeyPatch, model: str, variable: str | None, ends_well: bool
) -> None:
    monkeypatch.delenv(MEMORY_VARIABLE, raising=False)
    if variable:
        monkeypatch.setenv(MEMORY_VARIABLE, variable)
    atlas = assets.atlas_table()["DS16784"]
    with nullcontext() if ends_well else pytest.raises(M2gError, match=r"Unable to allocate 1\.98 GiB"):
        check_memory(atlas, "2mm", model=model)


def test_a_job_has_no_credentials_to_push_with(
    staged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(staged), str(tmp_path / "out"), "--participant_label", "01", "--session_label", "1"]
    assert main([*arguments, "--parcellation", "Tissue", "--push_location", "s3://bucket/x"]) == 1
    printed = capsys.readouterr()
    assert "Pushing to s3 at s3://bucket/x." in printed.out
    assert printed.err.splitlines()[-1] == "botocore.exceptions.NoCredentialsError: Unable to locate credentials"
