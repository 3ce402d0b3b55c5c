"""The preview's functional pipeline: known correlations come back, and real BOLD is taken."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from opsctl import assets
from opsctl.local.preview.__main__ import main
from opsctl.local.preview.atlases import parcellation
from opsctl.local.preview.label_image import BrainSpace
from opsctl.local.sample import write_sample

ATLAS = "Desikan_space-MNI152NLin6_res-2x2x2.nii.gz"
NAMES = ["--parcellation", "Desikan_space"]

#: Nodes of the atlas, two with one signal, and one with its opposite.
_SAME = (1, 8)
_OPPOSITE = (1, 4)


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    """A series whose regions' signals are known, with noise in each voxel and one drift in all."""
    generator = np.random.default_rng(7)
    shape, volumes = (16, 16, 16), 80
    affine = np.diag([3.0, 3.0, 4.0, 1.0])
    signals = generator.normal(size=(71, volumes))
    signals[8] = signals[1]
    signals[4] = -signals[1]
    atlas = parcellation(assets.atlas_table()["Desikan"], "2mm")
    nodes = BrainSpace(np.ones(shape, dtype=bool), affine).parcellate(atlas).nodes
    drift = np.linspace(0, 60, volumes)
    data = 1000 + 10 * signals[nodes] + drift + generator.normal(scale=5, size=(*shape, volumes))
    return _stage(tmp_path / "in", data.astype(np.float32), affine)


def _stage(folder: Path, data: np.ndarray, affine: np.ndarray, session: str = "1", task: str = "task-rest") -> Path:
    base = folder / f"sub-01/ses-{session}"
    for name in ("func", "anat"):
        (base / name).mkdir(parents=True)
    nib.save(nib.Nifti1Image(data, affine), base / f"func/sub-01_ses-{session}_{task}_bold.nii.gz")
    nib.save(nib.Nifti1Image(data[..., 0], affine), base / f"anat/sub-01_ses-{session}_T1w.nii.gz")
    return folder


def _arguments(staged: Path, output: Path, subject: str = "01") -> list[str]:
    return [str(staged), str(output), "--pipeline", "func", "--participant_label", subject, *NAMES]


def test_known_correlations_come_back(staged: Path, tmp_path: Path) -> None:
    assert main(_arguments(staged, tmp_path / "out")) == 0
    folder = tmp_path / "out/sub-01/ses-1"
    signed = _edges(folder / f"connectomes_f/{ATLAS}/sub-01_ses-1_func_{ATLAS}_edgelist.csv")
    absolute = _edges(folder / f"connectomes_f/{ATLAS}/sub-01_ses-1_func_{ATLAS}_abs_edgelist.csv")
    assert signed[_SAME] > 0.95
    assert signed[_OPPOSITE] < -0.95
    # The drift that all regions share joins none of the others: 80 draws of chance stay below this.
    rest = {pair: weight for pair, weight in signed.items() if not set(pair) <= {1, 4, 8}}
    assert max(abs(weight) for weight in rest.values()) < 0.5
    assert absolute == {pair: abs(weight) for pair, weight in signed.items()}


def test_the_edge_list_is_m2gs(staged: Path, tmp_path: Path) -> None:
    assert main(_arguments(staged, tmp_path / "out")) == 0
    (path,) = (tmp_path / "out").rglob(f"*_func_{ATLAS}_edgelist.csv")
    lines = path.read_text().splitlines()
    assert [line.split(" ")[:2] for line in lines[:2]] == [["1", "2"], ["1", "3"]]
    assert lines[-1].startswith("69 70 ")
    assert len(lines) == 70 * 69 / 2
    assert all(re.fullmatch(r"\d+ \d+ -?\d\.\d{6}", line) for line in lines)


@pytest.mark.parametrize(("session", "digits"), [("1", "1"), ("baseline", ""), ("2b", "2"), ("nosession", "")])
def test_of_the_session_only_leading_digits_are_in_the_names(tmp_path: Path, session: str, digits: str) -> None:
    _stage(tmp_path / "in", _noise(20), np.eye(4), session=session)
    assert main(_arguments(tmp_path / "in", tmp_path / "out")) == 0
    folder = tmp_path / f"out/sub-01/ses-{session}/connectomes_f/{ATLAS}"
    assert {path.name for path in folder.iterdir()} == {
        f"sub-01_ses-{digits}_func_{ATLAS}_{kind}.csv" for kind in ("edgelist", "abs_edgelist")
    }


@pytest.mark.parametrize(
    ("task", "seconds", "line"),
    [
        ("task-rest", "16 s at a TR of 0.8 s", "No TR information found in "),
        ("task-rest_acq-2", "0.04 s at a TR of 0.002 s", "TR extracted from filename of "),
        ("task-rest_acq-1400", "28 s at a TR of 1.4 s", "TR extracted from filename of "),
        ("task-rest_acq-fast", "16 s at a TR of 0.8 s", "No TR information found in "),
        ("task-rest_acq-2_run-1", "16 s at a TR of 0.8 s", "No TR information found in "),
    ],
)
def test_a_number_after_acq_is_the_tr_in_milliseconds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], task: str, seconds: str, line: str
) -> None:
    _stage(tmp_path / "in", _noise(20), np.eye(4), task=task)
    assert main([*_arguments(tmp_path / "in", tmp_path / "out"), "--tr", "0.8"]) == 0
    printed = capsys.readouterr().out
    assert seconds in printed
    assert f"{line}sub-01_ses-1_{task}_bold.nii.gz" in printed


def test_a_name_without_a_task_fails_as_in_m2g(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _stage(tmp_path / "in", _noise(20), np.eye(4), task="run-1")
    assert main(_arguments(tmp_path / "in", tmp_path / "out")) == 1
    assert capsys.readouterr().err.endswith("AttributeError: 'NoneType' object has no attribute 'groups'\n")


def test_the_series_the_pictures_and_the_log_are_left(staged: Path, tmp_path: Path) -> None:
    assert main(_arguments(staged, tmp_path / "out")) == 0
    folder = tmp_path / "out/sub-01/ses-1"
    table = folder / f"func/register/roi_timeseries/{ATLAS}/roi_stats.csv"
    assert np.loadtxt(table, delimiter=",", skiprows=1).shape == (80, 70)
    stats = np.load(table.with_suffix(".npz"))["arr_0"]
    assert stats[0].tolist() == [node.label for node in assets.atlas_nodes()["Desikan"]]
    pictures = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    assert pictures == ["qa_f/carpet/carpet.png", "qa_f/skullstrip_vis/skull_vis.png"]
    log = (folder / "log_f/pypeline.log").read_text()
    assert log.startswith("PREVIEW")
    assert "80 volumes" in log
    assert "not m2g" in (folder / "PREVIEW.txt").read_text()
    assert list((folder / "anat_f").rglob("*.nii.gz"))
    assert list((folder / "func").rglob("*.nii.gz"))


def test_a_region_without_a_voxel_has_no_column_and_one_that_never_changes_has_zeros(tmp_path: Path) -> None:
    data = _noise(20)
    data[:2] = 100
    _stage(tmp_path / "in", data, np.eye(4))
    assert main(_arguments(tmp_path / "in", tmp_path / "out")) == 0
    folder = tmp_path / "out/sub-01/ses-1"
    (table,) = folder.rglob("roi_stats.csv")
    columns = table.read_text().splitlines()[0].split(",")
    (path,) = folder.rglob("*c_" + ATLAS + "_edgelist.csv")
    edges = _edges(path)
    assert max(second for _, second in edges) == len(columns) < 70
    assert 0.0 in edges.values()


def test_the_samples_real_series_is_taken_and_both_runs_both(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample")
    for sidecar in (tmp_path / "sample").glob("sub-*/**/*.json"):
        sidecar.unlink()
    assert main(_arguments(tmp_path / "sample", tmp_path / "real", subject="03")) == 0
    (path,) = (tmp_path / "real").rglob(f"sub-03_ses-1_func_{ATLAS}_edgelist.csv")
    weights = list(_edges(path).values())
    # Three slices do not hold all of the 70 regions.
    assert 1500 < len(weights) < 70 * 69 / 2
    assert all(-1 < weight < 1 for weight in weights)

    session = tmp_path / "sample/sub-02/ses-1"
    (session / "func").mkdir()
    (bold,) = (tmp_path / "sample/sub-03").rglob("*_bold.nii.gz")
    shutil.copy(bold, session / "func/sub-02_ses-1_task-unknown_bold.nii.gz")
    arguments = [str(tmp_path / "sample"), str(tmp_path / "both"), "--participant_label", "02", "--session_label", "1"]
    assert main([*arguments, "--pipeline", "both", "--seeds", "1", *NAMES]) == 0
    assert {"connectomes_d", "connectomes_f"} <= {path.name for path in (tmp_path / "both/sub-02/ses-1").iterdir()}


def test_a_series_that_says_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _stage(tmp_path / "in", _noise(5), np.eye(4))
    assert main(_arguments(tmp_path / "in", tmp_path / "out")) == 1
    assert "correlations need 10 or more" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*edgelist.csv"))


def _noise(volumes: int) -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=(6, 6, 6, volumes))
    return (100 + noise).astype(np.float32)


def _edges(path: Path) -> dict[tuple[int, int], float]:
    rows = (line.split(" ") for line in path.read_text().splitlines())
    return {(int(first), int(second)): float(weight) for first, second, weight in rows}
