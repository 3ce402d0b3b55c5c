"""The preview's diffusion pipeline on the sample's real scans, and on fibres whose direction is known."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from opsctl.local.preview.__main__ import main
from opsctl.local.preview.parcels import NAMES, divide
from opsctl.local.preview.volumes import brain_mask
from opsctl.local.sample import write_sample


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample as a job stages it: without the JSON sidecars of the scans."""
    folder = tmp_path_factory.mktemp("staged") / "input"
    write_sample(folder)
    for sidecar in folder.glob("sub-*/**/*.json"):
        sidecar.unlink()
    return folder


@pytest.fixture(scope="module")
def by_model(staged: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One scan's output folder for each model."""
    folders = {}
    for model in ("csa", "csd"):
        output = tmp_path_factory.mktemp(model)
        assert main([*_arguments(staged, output), "--diffusion_model", model]) == 0
        folders[model] = output / "sub-01/ses-1"
    return folders


def _arguments(staged: Path, output: Path, subject: str = "01", session: str = "1") -> list[str]:
    arguments = [str(staged), str(output), "--participant_label", subject, "--session_label", session]
    return [*arguments, "--seeds", "1"]


def _connectome(folder: Path, atlas: str = "preview8") -> np.ndarray:
    (path,) = (folder / "connectomes_d" / atlas).glob(f"*_dwi_{atlas}_connectome.csv")
    return np.loadtxt(path, delimiter=",")


@pytest.mark.parametrize("model", ["csa", "csd"])
def test_the_connectome_is_a_graph_of_counts(by_model: dict[str, Path], model: str) -> None:
    matrix = _connectome(by_model[model])
    assert matrix.shape == (8, 8)
    assert np.array_equal(matrix, matrix.astype(int))
    assert np.array_equal(matrix, matrix.T)
    assert not matrix.diagonal().any()
    assert np.count_nonzero(np.triu(matrix)) > 20


def test_the_models_differ(by_model: dict[str, Path]) -> None:
    assert not np.array_equal(_connectome(by_model["csa"]), _connectome(by_model["csd"]))


def test_the_sessions_differ_but_resemble_each_other(staged: Path, by_model: dict[str, Path], tmp_path: Path) -> None:
    """Half the directions against the other half of the same voxels: other numbers, the same anatomy."""
    assert main([*_arguments(staged, tmp_path, session="2"), "--diffusion_model", "csd"]) == 0
    one, other = _connectome(by_model["csd"]), _connectome(tmp_path / "sub-01/ses-2")
    pairs = np.triu_indices(8, k=1)
    assert not np.array_equal(one, other)
    assert np.corrcoef(one[pairs], other[pairs])[0, 1] > 0.7


def test_the_connectome_counts_the_streamlines_that_were_saved(by_model: dict[str, Path]) -> None:
    """Counted once more, in the scanner's millimetres, from the track file and the label image alone."""
    folder = by_model["csd"]
    image = nib.load(folder / "anat_d/registered/preview8_in_dwi.nii.gz")
    labels = np.asarray(image.dataobj)
    to_voxels = np.linalg.inv(image.affine)
    expected = np.zeros((8, 8), dtype=int)
    for line in nib.streamlines.load(folder / "dwi/fiber/streamlines.trk").streamlines:
        voxels = np.floor(nib.affines.apply_affine(to_voxels, line) + 0.5).astype(int)
        for first, second in combinations(sorted(set(labels[tuple(voxels.T)]) - {0}), 2):
            expected[first - 1, second - 1] += 1
            expected[second - 1, first - 1] += 1
    # A point on a voxel's face may fall to either side: the file rounds to 32 bits.
    assert np.abs(expected - _connectome(folder)).max() <= 2


def test_two_runs_leave_the_same_bytes(staged: Path, by_model: dict[str, Path], tmp_path: Path) -> None:
    assert main([*_arguments(staged, tmp_path), "--diffusion_model", "csa"]) == 0
    assert _digests(tmp_path / "sub-01/ses-1") == _digests(by_model["csa"])


def test_it_leaves_m2gs_folders_with_something_in_each(by_model: dict[str, Path]) -> None:
    folder = by_model["csa"]
    for part in ("connectomes_d", "dwi", "anat_d", "qa_d", "tmp_d"):
        files = [path for path in (folder / part).rglob("*") if path.is_file()]
        assert files
        assert all(path.stat().st_size for path in files)
    pictures = list((folder / "qa_d").rglob("*.png"))
    assert len(pictures) == 2
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)


def test_an_atlas_folder_for_each_parcellation(staged: Path, tmp_path: Path) -> None:
    assert main([*_arguments(staged, tmp_path, subject="02"), "--parcellation", "Desikan", "AAL_", "Desikan"]) == 0
    folder = tmp_path / "sub-02/ses-1"
    assert sorted(path.name for path in (folder / "connectomes_d").iterdir()) == ["AAL_-preview8", "Desikan-preview8"]
    assert np.array_equal(_connectome(folder, "Desikan-preview8"), _connectome(folder, "AAL_-preview8"))


def test_probabilistic_tracking_is_another_and_repeats_itself(
    staged: Path, by_model: dict[str, Path], tmp_path: Path
) -> None:
    for repetition in ("one", "two"):
        arguments = [*_arguments(staged, tmp_path / repetition), "--diffusion_model", "csd", "--mod", "prob"]
        assert main([*arguments, "--track_type", "particle"]) == 0
    one = _connectome(tmp_path / "one/sub-01/ses-1")
    assert np.array_equal(one, _connectome(tmp_path / "two/sub-01/ses-1"))
    assert not np.array_equal(one, _connectome(by_model["csd"]))


def test_as_a_program_it_says_what_it_is_and_what_it_does(staged: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "opsctl.local.preview", *_arguments(staged, tmp_path, subject="02")]
    arguments = ["--space", "native_dsn", "--skipeddy", "--push_location", "s3://bucket/x"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("PREVIEW")
    assert "not m2g" in lines[0]
    assert lines[-1].startswith("PREVIEW")
    assert "not m2g" in (tmp_path / "sub-02/ses-1/PREVIEW.txt").read_text()
    ignored = next(line for line in lines if "does not act on" in line)
    assert "--space native_dsn" in ignored
    assert "--skipeddy" in ignored
    assert "--push_location s3://bucket/x" in ignored
    log = done.stdout
    assert "6 x 10 x 10 voxels, 34 volumes, 1 of them b=0, 33 directions" in log
    assert "order 6: 28 coefficients from 33 directions" in log
    kept, found = map(int, re.search(r"Kept (\d+) of (\d+) streamlines", log).groups())
    joining, of, edges, weights = map(int, re.search(_JOINING, log).groups())
    matrix = np.triu(_connectome(tmp_path / "sub-02/ses-1"))
    assert found >= kept == of >= joining > 0
    assert edges == np.count_nonzero(matrix)
    # A streamline that joins two parcels adds 1, one that runs through more adds each pair.
    assert weights == matrix.sum() >= joining


_JOINING = r"(\d+) of (\d+) streamlines join two or more of 8 parcels: (\d+) edges, weights of (\d+)"


@pytest.mark.parametrize("model", ["csa", "csd"])
@pytest.mark.parametrize(
    ("axis", "codes", "differ"),
    [(0, "RAS", 0), (0, "LAS", 0), (0, "ASR", 1), (2, "RAS", 2), (1, "PIR", 2)],
)
def test_fibres_join_the_parcels_along_them(tmp_path: Path, model: str, axis: int, codes: str, differ: int) -> None:
    """All fibres run along one image axis; `differ` is the place in a parcel's name that this axis decides."""
    _stage_fibres(tmp_path / "in", axis=axis, codes=codes)
    arguments = [*_arguments(tmp_path / "in", tmp_path / "out"), "--diffusion_model", model]
    assert main(arguments) == 0
    matrix = _connectome(tmp_path / "out/sub-01/ses-1")
    along = [
        (row, column)
        for row, column in combinations(range(8), 2)
        if [place for place in range(3) if NAMES[row][place] != NAMES[column][place]] == [differ]
    ]
    assert len(along) == 4
    across = [matrix[pair] for pair in combinations(range(8), 2) if pair not in along]
    # Not all of them: the nearest of the sphere's 724 directions lies a few degrees off the axis.
    assert min(matrix[pair] for pair in along) > 3 * max(across)


def _stage_fibres(folder: Path, *, axis: int, codes: str) -> None:
    """A noiseless scan of one fibre population along an image axis, stored in an orientation such as LAS."""
    generator = np.random.default_rng(1)
    directions = generator.normal(size=(40, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    diffusivities = np.full(3, 0.3e-3)
    diffusivities[axis] = 1.7e-3
    signal = 1000 * np.exp(-1000 * (directions**2 @ diffusivities))
    data = np.empty((8, 8, 8, 41), dtype=np.float32)
    data[..., 0], data[..., 1:] = 1000, signal
    affine = np.diag([0.0, 0.0, 0.0, 1.0])
    for image_axis, code in enumerate(codes):
        world_axis = next(number for number, ends in enumerate(("LR", "PA", "IS")) if code in ends)
        affine[world_axis, image_axis] = 2.0 if code in "RAS" else -2.0
    assert "".join(nib.aff2axcodes(affine)) == codes
    base = folder / "sub-01/ses-1"
    for name in ("dwi", "anat"):
        (base / name).mkdir(parents=True)
    nib.save(nib.Nifti1Image(data, affine), base / "dwi/sub-01_ses-1_dwi.nii.gz")
    nib.save(nib.Nifti1Image(data[..., 0], affine), base / "anat/sub-01_ses-1_T1w.nii.gz")
    np.savetxt(base / "dwi/sub-01_ses-1_dwi.bval", [[0, *[1000] * 40]], fmt="%d")
    np.savetxt(base / "dwi/sub-01_ses-1_dwi.bvec", np.vstack([np.zeros(3), directions]).T)


@pytest.mark.parametrize("shape", [(2, 2, 2), (10, 8, 2), (9, 1, 5), (7, 7, 7)])
def test_every_parcel_has_its_share(shape: tuple[int, int, int]) -> None:
    counts = np.bincount(divide(np.ones(shape, dtype=bool), np.eye(4)).ravel(), minlength=9)[1:]
    assert counts.min() >= 1
    assert counts.max() - counts.min() <= 1


def test_parcels_are_named_by_where_they_lie() -> None:
    affine = np.diag([-2.0, 2.0, 2.0, 1.0])
    labels = divide(np.ones((4, 4, 4), dtype=bool), affine)
    # The first axis runs to the left, so its low end is the right side.
    assert NAMES[labels[0, 0, 0] - 1] == "RPI"
    assert NAMES[labels[3, 0, 3] - 1] == "LPS"
    assert NAMES[labels[3, 3, 0] - 1] == "LAI"


def test_a_whole_head_is_parted_from_the_air_and_a_cut_out_is_taken_whole() -> None:
    distance = np.linalg.norm(np.indices((40, 40, 40)) - 19.5, axis=0)
    head = np.where(distance < 14, 500, 5).astype(np.float32)
    mask, how = brain_mask(head)
    assert how == "median_otsu"
    assert (mask != (distance < 14)).mean() < 0.02
    # Inside a brain: tissue, and fluid that is many times as bright.
    cut_out = np.where(np.indices((10, 10, 10))[0] < 3, 1500, 200).astype(np.float32)
    mask, _ = brain_mask(cut_out)
    assert mask.all()


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
