"""The sample for `reliability`: a valid dataset, the same bytes each time, and a D that is known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from bids import BIDSLayout
from bids_validator import BIDSValidator

from opsctl.assets import atlas_nodes, atlas_table
from opsctl.commands.reliability.folder_graphs import FolderGraphs
from opsctl.commands.reliability.graph_stacks import Atlases, read_stacks
from opsctl.core.reliability.discriminability import discriminability
from opsctl.core.reliability.distances import distances
from opsctl.core.reliability.suspects import scans_to_look_at
from opsctl.local.sample_files import SampleSummary
from opsctl.local.sample_reliability import SWAPPED, write_reliability_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleSummary:
    return write_reliability_sample(tmp_path_factory.mktemp("written") / "sample", is_swapped=False)


def image(folder: Path, subject: str, session: str) -> Path:
    return folder / f"sub-{subject}/ses-{session}/dwi/sub-{subject}_ses-{session}_dwi.nii.gz"


def test_it_is_a_small_bids_dataset(sample: SampleSummary) -> None:
    assert (sample.subjects, sample.scans) == (12, 24)
    assert sample.size_bytes < 1_200_000
    names = [f"/{path.relative_to(sample.folder).as_posix()}" for path in sample.folder.rglob("*") if path.is_file()]
    assert [name for name in names if not BIDSValidator().is_bids(name)] == []
    layout = BIDSLayout(sample.folder, validate=True)
    assert len(layout.get(suffix="dwi", extension=".nii.gz")) == 24
    assert len(layout.get(suffix="T1w", extension=".nii.gz")) == 24
    assert "Perturbed" in layout.get(suffix="dwi", extension=".nii.gz")[0].get_metadata()["Description"]


def test_sessions_differ_less_than_subjects(sample: SampleSummary) -> None:
    voxels = {
        (subject, session): np.asarray(nib.load(image(sample.folder, subject, session)).dataobj, dtype=float)
        for subject in ("01", "02", "03")
        for session in "12"
    }
    within = [np.abs(voxels[subject, "1"] - voxels[subject, "2"]).mean() for subject in ("01", "02", "03")]
    between = [np.abs(voxels["01", "1"] - voxels[subject, "2"]).mean() for subject in ("02", "03")]
    assert 0 < max(within) < min(between)


def test_the_swapped_variant_differs_in_two_scans_only(sample: SampleSummary, tmp_path: Path) -> None:
    """It is a second sample as well: its other files have the same bytes."""
    swapped = write_reliability_sample(tmp_path / "swapped", is_swapped=True).folder
    first, second = SWAPPED
    assert image(swapped, *first).read_bytes() == image(sample.folder, *second).read_bytes()
    assert image(swapped, *second).read_bytes() == image(sample.folder, *first).read_bytes()
    differing = {
        path.relative_to(swapped).parts[:2]
        for path in swapped.rglob("*")
        if path.is_file() and path.read_bytes() != (sample.folder / path.relative_to(swapped)).read_bytes()
    }
    assert differing == {(f"sub-{subject}", f"ses-{session}") for subject, session in SWAPPED} | {("README",)}
    assert "the labels of sub-03/ses-2 and sub-09/ses-2 are exchanged" in (swapped / "README").read_text()


@pytest.mark.campaign
@pytest.mark.timeout(1800)
def test_d_is_known_and_the_exchanged_labels_are_found(sample: SampleSummary, tmp_path: Path) -> None:
    """What the README of the sample promises: 24 scans through the preview, about a minute and a half of one core."""
    staged, outputs = tmp_path / "staged", tmp_path / "outputs"
    for path in sample.folder.glob("sub-*/ses-*/*/*"):
        # m2g takes no sidecars; the job stages none.
        if path.suffix != ".json":
            target = staged / path.relative_to(sample.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "opsctl.local.preview", str(staged), str(outputs)]
    subprocess.run([*command, "--parcellation", "Desikan_", "AAL_"], check=True, capture_output=True)
    files = sorted(outputs.glob("sub-*/ses-*/connectomes_d/*/*_connectome.csv"))
    rows = [
        f"{'/'.join(path.relative_to(outputs).parts[:2])}\t{path.relative_to(outputs)}\tstreamlines\tn/a\tn/a"
        for path in files
    ]
    (outputs / "connectomes.tsv").write_text("scan\tfile\tkind\tregions\tlost\n" + "\n".join(rows) + "\n")
    stacks = list(read_stacks(FolderGraphs(outputs), atlases=Atlases(table=atlas_table(), nodes=atlas_nodes())))
    documented = {"AAL": 0.97, "Desikan": 0.96}
    assert [stack.parcellation for stack in stacks] == sorted(documented)
    for stack in stacks:
        compared = distances(stack)
        result = discriminability(compared, stack.subjects)
        assert result.value == pytest.approx(documented[stack.parcellation], abs=0.03)
        assert scans_to_look_at(stack, compared, result).swapped is None
        # The variant's connectomes are the same with two labels exchanged.
        places = [[scan.name for scan in stack.scans].index(f"sub-{sub}/ses-{ses}") for sub, ses in SWAPPED]
        order = np.arange(len(stack.scans))
        order[places] = order[places[::-1]]
        exchanged = compared[np.ix_(order, order)]
        answer = scans_to_look_at(stack, exchanged, discriminability(exchanged, stack.subjects))
        assert ("sub-03/ses-2", "sub-09/ses-2") in answer.swapped_names
