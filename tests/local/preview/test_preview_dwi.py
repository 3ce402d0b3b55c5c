"""The preview's diffusion pipeline on the sample's real scans, and on fibres whose direction is known."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from opsctl import assets
from opsctl.local.preview.__main__ import main
from opsctl.local.preview.volumes import brain_mask
from opsctl.local.sample import write_sample

DESIKAN = "Desikan_space-MNI152NLin6_res-2x2x2"
HEMISPHERES = "Hemispheric_space-MNI152NLin6_res-2x2x2"


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
    return [*arguments, "--seeds", "1", "--parcellation", "Desikan_space", "MICCAI", "Hemispheric"]


def _edges(folder: Path, atlas: str = DESIKAN) -> dict[tuple[int, int], float]:
    (path,) = (folder / "connectomes_d" / atlas).glob(f"*_dwi_{atlas}_connectome.csv")
    rows = [line.split(" ") for line in path.read_text().splitlines()]
    assert all(re.fullmatch(r"\d+\.0", weight) for _, _, weight in rows)
    return {(int(first), int(second)): float(weight) for first, second, weight in rows}


@pytest.mark.parametrize("model", ["csa", "csd"])
def test_the_connectome_is_m2gs_edge_list_of_counts(by_model: dict[str, Path], model: str) -> None:
    edges = _edges(by_model[model])
    assert list(edges) == sorted(edges)
    assert all(1 <= first < second <= 70 for first, second in edges)
    assert min(edges.values()) >= 1
    assert len(edges) > 70


def test_the_models_differ(by_model: dict[str, Path]) -> None:
    assert _edges(by_model["csa"]) != _edges(by_model["csd"])


def test_the_sessions_differ_but_resemble_each_other(staged: Path, by_model: dict[str, Path], tmp_path: Path) -> None:
    """Half the directions against the other half of the same voxels: other numbers, the same anatomy."""
    assert main([*_arguments(staged, tmp_path, session="2"), "--diffusion_model", "csd"]) == 0
    first, second = _edges(by_model["csd"]), _edges(tmp_path / "sub-01/ses-2")
    pairs = sorted(first.keys() | second.keys())
    assert first != second
    weights = [[edges.get(pair, 0.0) for pair in pairs] for edges in (first, second)]
    assert np.corrcoef(weights)[0, 1] > 0.7


def test_node_k_is_the_kth_label_of_the_atlas(by_model: dict[str, Path]) -> None:
    """Counted once more, from the track file and the label image alone: MICCAI's labels are not its nodes' numbers."""
    folder, atlas = by_model["csd"], "MICCAI_space-MNI152NLin6_res-2x2x2"
    image = nib.load(folder / f"anat_d/registered/{atlas}_reor_RAS_nores_aligned_atlas.nii.gz")
    labels = np.asarray(image.dataobj)
    nodes = {node.label: number for number, node in enumerate(assets.atlas_nodes()["MICCAI"], start=1)}
    assert nodes[44] == 14
    to_voxels = np.linalg.inv(image.affine)
    counts: Counter[tuple[int, int]] = Counter()
    for line in nib.streamlines.load(folder / "dwi/fiber/streamlines.trk").streamlines:
        voxels = np.floor(nib.affines.apply_affine(to_voxels, line) + 0.5).astype(int)
        on_the_way = sorted(nodes[label] for label in set(labels[tuple(voxels.T)].tolist()) - {0})
        counts.update(combinations(on_the_way, 2))
    edges = _edges(folder, atlas)
    # A point on a voxel's face may fall to either side: the file rounds to 32 bits.
    assert max(abs(counts[pair] - edges.get(pair, 0)) for pair in counts.keys() | edges.keys()) <= 2


def test_the_lost_regions_stand_beside_the_connectome(by_model: dict[str, Path]) -> None:
    folder, atlas = by_model["csa"], "MICCAI_space-MNI152NLin6_res-2x2x2"
    lost = (folder / "connectomes_d" / atlas / "lost_roi.csv").read_text()
    labels = nib.load(folder / f"anat_d/registered/{atlas}_reor_RAS_nores_aligned_atlas.nii.gz").get_fdata()
    present = set(np.unique(labels).astype(int)) - {0}
    every = {node.label for node in assets.atlas_nodes()["MICCAI"]}
    assert lost == ",".join(str(label) for label in sorted(every - present)) + "\n"
    assert len(present) <= 66
    assert not (folder / "connectomes_d" / HEMISPHERES / "lost_roi.csv").exists()


def test_two_runs_leave_the_same_bytes(staged: Path, by_model: dict[str, Path], tmp_path: Path) -> None:
    assert main([*_arguments(staged, tmp_path), "--diffusion_model", "csa"]) == 0
    assert _digests(tmp_path / "sub-01/ses-1") == _digests(by_model["csa"])


def test_the_files_and_folders_are_m2gs(by_model: dict[str, Path]) -> None:
    """Compared with every file and empty folder that m2g's own code left of a scan with one b=0 volume."""
    folder = by_model["csa"]
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() or not any(path.iterdir())}
    expected = Path(__file__).with_name("m2g_files.txt").read_text().split()
    each = [name.replace("ATLAS", atlas) for name in expected if "ATLAS" in name for atlas in _ATLASES]
    assert names - {name for name in names if name.endswith("lost_roi.csv")} == {
        "PREVIEW.txt",
        *each,
        *(name for name in expected if "ATLAS" not in name),
    }
    assert all(path.stat().st_size for path in folder.rglob("*") if path.is_file())


_ATLASES = (DESIKAN, HEMISPHERES, "MICCAI_space-MNI152NLin6_res-2x2x2")


def test_every_picture_says_that_it_is_the_previews(by_model: dict[str, Path]) -> None:
    """The notice is the same in all: a strip of yellow with text at the top."""
    pictures = list((by_model["csa"] / "qa_d").rglob("*.png"))
    assert len(pictures) == 9 + 2 * len(_ATLASES)
    strips = {Image.open(path).convert("RGB").crop((0, 0, 240, 24)).tobytes() for path in pictures}
    assert len(strips) == 1
    assert len(set(zip(*[iter(strips.pop())] * 3, strict=True))) > 2


def test_a_scan_whose_voxels_have_another_size_is_resliced_under_m2gs_name(staged: Path, tmp_path: Path) -> None:
    assert main([*_arguments(staged, tmp_path, subject="02")]) == 0
    resliced = nib.load(tmp_path / "sub-02/ses-1/dwi/preproc/eddy_corrected_data_reor_RAS_res.nii.gz")
    assert resliced.header.get_zooms()[:3] == (2.0, 2.0, 2.0)
    assert resliced.shape[:3] == (8, 12, 12)
    assert (tmp_path / "sub-02/ses-1/anat_d/preproc/sub-02_ses-1_T1w_reor_RAS_res.nii.gz").is_file()


def test_probabilistic_tracking_is_another_and_repeats_itself(
    staged: Path, by_model: dict[str, Path], tmp_path: Path
) -> None:
    for repetition in ("one", "two"):
        arguments = [*_arguments(staged, tmp_path / repetition), "--diffusion_model", "csd", "--mod", "prob"]
        assert main([*arguments, "--track_type", "particle"]) == 0
    one = _edges(tmp_path / "one/sub-01/ses-1")
    assert one == _edges(tmp_path / "two/sub-01/ses-1")
    assert one != _edges(by_model["csd"])


def test_as_a_program_it_says_what_it_is_and_prints_m2gs_lines_in_m2gs_order(staged: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "opsctl.local.preview", *_arguments(staged, tmp_path, subject="02")]
    done = subprocess.run([*command, "--skull", "eye"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("PREVIEW")
    assert "not m2g" in lines[0]
    assert lines[-1].startswith("PREVIEW")
    assert "not m2g" in (tmp_path / "sub-02/ses-1/PREVIEW.txt").read_text()
    ignored = next(line for line in lines if "does not act on" in line)
    assert "--skull eye" in ignored
    places = [next(place for place, line in enumerate(lines) if re.match(pattern, line)) for pattern in _IN_ORDER]
    assert places == sorted(places)
    assert done.stdout.count("Graph saved. Output location here: ") == 3
    log = done.stdout
    assert "6 x 10 x 10 voxels, 34 volumes, 1 of them b=0, 33 directions" in log
    assert "order 6: 28 coefficients from 33 directions" in log


#: As in a log of m2g's own.
_IN_ORDER = (
    r"Beginning m2g \.\.\.",
    r"dwi = ",
    r"Checking inputs\.\.\.",
    r"Welcome to m2g!",
    r"Calling eddy_correct\.",
    r"Rescaling b-vectors\.\.\.",
    r"Calling reorient_dwi\.",
    r"Function 'make_gtab_and_bmask' finished in \d+\.\d{4} secs",
    r"Calling reorient_t1w\.",
    r"Running registration in native space\.\.\.",
    r"Calling t1w_skullstrip\.",
    r"Function 't1w_skullstrip' finished in ",
    r"Calling segment_t1w\.",
    r"Function 'gen_tissue' finished in ",
    r"Calling align_nonlinear\.",
    r"Function 'align_nonlinear' finished in ",
    r"Function 't1w2dwi_align' finished in ",
    r"Function 'tissue2dwi_align' finished in ",
    r"Input \S+Desikan_space\S+_reor_RAS_nores\.nii\.gz found\.",
    r"WARNING: The atlas has lost an roi due to alignment!",
    r"Using \d+ seeds\.\.\.",
    r"Beginning tractography in native space\.\.\.",
    r"Fitting CSA ODF model\.\.\.",
    r"Function 'odf_mod_est' finished in ",
    r"Obtaining peaks from model\.\.\.",
    r"Reconstructing tractogram streamlines\.\.\.",
    r"Function 'local_tracking' finished in ",
    r"Function 'run' finished in ",
    r"Streamlines complete",
    r"Tractography runtime: ",
    r"Generating graph for /m2g_atlases/atlases/label/Human/Desikan_space\S+ parcellation\.\.\.",
    r"Building connectivity matrix\.\.\.",
    r"# of Streamlines: \d+",
    r"Function 'make_graph' finished in ",
    r"Number of nodes: 71",
    r"Graph saved\. Output location here: ",
    r"Total execution time: ",
    r"M2G Complete\.",
    r"Connectome Locations: \['",
)


@pytest.mark.parametrize("model", ["csa", "csd"])
@pytest.mark.parametrize(
    ("axis", "codes", "along"),
    [(0, "RAS", 0), (0, "LAS", 0), (0, "ASR", 1), (2, "RAS", 2), (1, "PIR", 2)],
)
def test_fibres_join_the_regions_along_them(tmp_path: Path, model: str, axis: int, codes: str, along: int) -> None:
    """All fibres run along one image axis, which is left-right (0), posterior-anterior or inferior-superior."""
    _stage_fibres(tmp_path / "in", axis=axis, codes=codes)
    arguments = [*_arguments(tmp_path / "in", tmp_path / "out"), "--diffusion_model", model]
    assert main(arguments) == 0
    folder = tmp_path / "out/sub-01/ses-1"
    lines = nib.streamlines.load(folder / "dwi/fiber/streamlines.trk").streamlines
    extents = np.median([np.abs(line[-1] - line[0]) for line in lines], axis=0)
    assert extents.argmax() == along
    between = _edges(folder, HEMISPHERES).get((1, 2), 0)
    # Not exactly: the nearest of the sphere's 724 directions lies a few degrees off the axis.
    assert (between > len(lines) / 2) == (along == 0)


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
