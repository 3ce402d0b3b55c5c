"""What the preview refuses: what m2g refuses, with one sentence as the last line and the right exit code."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from opsctl.core.atlases.atlas import name_of
from opsctl.core.runs.m2g_options import M2gOptions, argv
from opsctl.local.preview.__main__ import main
from opsctl.local.preview.arguments import parse
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
        (["--participant_label", "01", "--session_label", "1", "--parcellation", "../../x"], "No valid parcellations"),
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
    "arguments",
    [
        ["--sp", "native", "--filtering_type", "local"],
        ["--dataset", "HNU1"],
        ["--diffusion_model", "dti"],
        ["--voxelsize", "3mm"],
        ["--skull", "none"],
        ["--seeds", "many"],
        ["--seeds", "0"],
        ["--parcellation"],
    ],
)
def test_what_m2g_does_not_know_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([str(tmp_path), str(tmp_path), *arguments])
    assert end.value.code == 2


@pytest.mark.parametrize(
    "options",
    [
        M2gOptions().for_job(vcpus=2, memory_mib=15_200),
        M2gOptions(pipeline="func", tr=1.5, acquisition="seqplus", mem_gb=8, n_cpus=2, space="native_dsn"),
        M2gOptions(
            diffusion_model="csd",
            mod="prob",
            track_type="particle",
            seeds=3,
            voxelsize="4mm",
            parcellation=("Desikan", "AAL_"),
            skull="eye",
            n_cpus=1,
            mem_gb=20,
        ),
    ],
)
def test_a_jobs_command_line_comes_back_as_its_options(options: M2gOptions) -> None:
    request = parse(argv(options, subject="0025427", session=None)[1:])
    read = dataclasses.replace(request.options, parcellation=tuple(map(name_of, request.options.parcellation)))
    for name, value in options.as_dict().items():
        # What is not on the command line has m2g's own default.
        if value not in (None, []) and f"--{name}" in argv(options, subject="0025427", session=None):
            assert read.as_dict()[name] == value, name
    assert request.subjects == ("0025427",)
    assert request.sessions == ("nosession",)


def test_a_job_that_reuses_the_registration_passes_both_flags_of_m2g() -> None:
    options = M2gOptions(reuse_registration=True)
    assert parse(argv(options, subject="01", session="1")[1:]).skips == ("skipeddy", "skipreg")
