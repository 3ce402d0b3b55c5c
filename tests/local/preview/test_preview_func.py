"""The preview's functional pipeline: known correlations come back, and real BOLD is taken."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from opsctl.local.preview.__main__ import main
from opsctl.local.preview.parcels import divide
from opsctl.local.sample import write_sample

#: 1-based, as in the edge lists: two parcels with one signal, and one with its opposite.
_SAME = (1, 8)
_OPPOSITE = (1, 4)


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    """A series whose parcels' signals are known, with noise in each voxel and one drift in all."""
    generator = np.random.default_rng(7)
    shape, volumes = (12, 10, 6), 80
    affine = np.diag([3.0, 3.0, 4.0, 1.0])
    signals = generator.normal(size=(9, volumes))
    signals[8] = signals[1]
    signals[4] = -signals[1]
    labels = divide(np.ones(shape, dtype=bool), affine)
    drift = np.linspace(0, 60, volumes)
    data = 1000 + 10 * signals[labels] + drift + generator.normal(scale=5, size=(*shape, volumes))
    return _stage(tmp_path / "in", data.astype(np.float32), affine)


def _stage(folder: Path, data: np.ndarray, affine: np.ndarray) -> Path:
    base = folder / "sub-01/ses-1"
    for name in ("func", "anat"):
        (base / name).mkdir(parents=True)
    nib.save(nib.Nifti1Image(data, affine), base / "func/sub-01_ses-1_task-rest_bold.nii.gz")
    nib.save(nib.Nifti1Image(data[..., 0], affine), base / "anat/sub-01_ses-1_T1w.nii.gz")
    return folder


def _arguments(staged: Path, output: Path, subject: str = "01") -> list[str]:
    arguments = [str(staged), str(output), "--pipeline", "func", "--participant_label", subject]
    return [*arguments, "--session_label", "1"]


def test_known_correlations_come_back(staged: Path, tmp_path: Path) -> None:
    assert main(_arguments(staged, tmp_path / "out")) == 0
    folder = tmp_path / "out/sub-01/ses-1"
    signed = _edges(folder / "connectomes_f/preview8/sub-01_ses-1_func_preview8_edgelist.csv")
    absolute = _edges(folder / "connectomes_f/preview8/sub-01_ses-1_func_preview8_abs_edgelist.csv")
    assert signed[_SAME] > 0.95
    assert signed[_OPPOSITE] < -0.95
    # The drift that all parcels share joins none of the others: 80 draws of chance stay below this.
    rest = {pair: weight for pair, weight in signed.items() if not set(pair) <= {1, 4, 8}}
    assert max(abs(weight) for weight in rest.values()) < 0.45
    assert absolute == {pair: abs(weight) for pair, weight in signed.items()}


def test_the_edge_list_is_m2gs(staged: Path, tmp_path: Path) -> None:
    assert main([*_arguments(staged, tmp_path / "out"), "--parcellation", "Desikan"]) == 0
    (path,) = (tmp_path / "out").rglob("*_func_Desikan-preview8_edgelist.csv")
    lines = path.read_text().splitlines()
    assert [line.split(" ")[:2] for line in lines[:2]] == [["1", "2"], ["1", "3"]]
    assert lines[-1].startswith("7 8 ")
    assert len(lines) == 28


def test_the_series_the_picture_and_the_log_are_left(staged: Path, tmp_path: Path) -> None:
    assert main(_arguments(staged, tmp_path / "out")) == 0
    folder = tmp_path / "out/sub-01/ses-1"
    (series,) = folder.rglob("*_timeseries.csv")
    assert np.loadtxt(series, delimiter=",", skiprows=1).shape == (80, 8)
    (picture,) = (folder / "qa_f").glob("*.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    log = (folder / "log_f/preview.log").read_text()
    assert log.startswith("PREVIEW")
    assert "80 volumes" in log
    assert "not m2g" in (folder / "PREVIEW.txt").read_text()
    assert list((folder / "anat_f").rglob("*.nii.gz"))
    assert list((folder / "func").rglob("*.nii.gz"))


def test_the_samples_real_series_is_taken_and_both_runs_both(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample")
    for sidecar in (tmp_path / "sample").glob("sub-*/**/*.json"):
        sidecar.unlink()
    assert main(_arguments(tmp_path / "sample", tmp_path / "real", subject="03")) == 0
    (path,) = (tmp_path / "real").rglob("sub-03_ses-1_func_preview8_edgelist.csv")
    weights = list(_edges(path).values())
    assert len(set(weights)) == 28
    assert all(-1 < weight < 1 for weight in weights)

    session = tmp_path / "sample/sub-02/ses-1"
    (session / "func").mkdir()
    (bold,) = (tmp_path / "sample/sub-03").rglob("*_bold.nii.gz")
    shutil.copy(bold, session / "func/sub-02_ses-1_task-unknown_bold.nii.gz")
    arguments = [str(tmp_path / "sample"), str(tmp_path / "both"), "--participant_label", "02", "--session_label", "1"]
    assert main([*arguments, "--pipeline", "both", "--seeds", "1"]) == 0
    assert {"connectomes_d", "connectomes_f"} <= {path.name for path in (tmp_path / "both/sub-02/ses-1").iterdir()}


@pytest.mark.parametrize(
    ("volumes", "changing", "message"), [(5, True, "correlations need 10 or more"), (20, False, "never changes")]
)
def test_a_series_that_says_nothing_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], volumes: int, changing: bool, message: str
) -> None:
    data = np.full((4, 4, 4, volumes), 100, dtype=np.float32)
    if changing:
        data += np.random.default_rng(1).normal(size=data.shape).astype(np.float32)
    _stage(tmp_path / "in", data, np.eye(4))
    assert main(_arguments(tmp_path / "in", tmp_path / "out")) == 1
    assert message in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*edgelist.csv"))


def _edges(path: Path) -> dict[tuple[int, int], float]:
    rows = (line.split(" ") for line in path.read_text().splitlines())
    return {(int(first), int(second)): float(weight) for first, second, weight in rows}
