"""pybids reads the same datasets from disk and must find the same scans and entities."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from bids import BIDSLayout
from bids.layout import parse_file_entities
from bids_validator import BIDSValidator
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bids_trees import PATTERNS, discovered, dwi, inputs

from opsctl.core.dataset.discovery import SUFFIXES

ONE = ["sub-01/anat/sub-01_T1w.nii.gz", *dwi("sub-01/dwi/sub-01"), "sub-01/dwi/sub-01_dwi.json"]
TREES = {
    "no sessions": [*ONE, "sub-02/anat/sub-02_T1w.nii.gz", *dwi("sub-02/dwi/sub-02")],
    "sessions that are words": [
        *dwi("sub-01/ses-retest/dwi/sub-01_ses-retest"),
        "sub-01/ses-retest/anat/sub-01_ses-retest_T1w.nii.gz",
        *dwi("sub-01/ses-1b/dwi/sub-01_ses-1b"),
        "sub-01/ses-1b/anat/sub-01_ses-1b_T1w.nii.gz",
    ],
    "inherited": [
        "dwi.bval",
        "dwi.bvec",
        "sub-01/dwi/sub-01_dwi.nii.gz",
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-02/sub-02_dwi.bval",
        "sub-02/ses-1/sub-02_ses-1_dwi.bvec",
        "sub-02/ses-1/dwi/sub-02_ses-1_dwi.nii.gz",
        "sub-02/ses-1/anat/sub-02_ses-1_T1w.nii.gz",
        "sub-03/sub-03_dwi.bval",
        "sub-03/ses-1/dwi/sub-03_ses-1_dwi.bval",
        "sub-03/ses-1/dwi/sub-03_ses-1_dwi.nii.gz",
        "sub-03/ses-1/anat/sub-03_ses-1_T1w.nii.gz",
    ],
    "several of all": [
        "sub-01/ses-1/anat/sub-01_ses-1_run-1_T1w.nii.gz",
        *dwi("sub-01/ses-1/dwi/sub-01_ses-1_acq-x_dir-AP_run-1"),
        *dwi("sub-01/ses-1/dwi/sub-01_ses-1_acq-x_dir-PA_run-1"),
        *dwi("sub-01/ses-1/dwi/sub-01_ses-1_acq-x_dir-AP_run-02"),
        "sub-01/ses-1/dwi/sub-01_ses-1_acq-x_dir-AP_run-1_sbref.nii.gz",
        "sub-01/ses-1/func/sub-01_ses-1_task-rest_bold.nii.gz",
    ],
    "derivatives and sidecars beside": [
        *ONE,
        "derivatives/m2g/sub-01/dwi/sub-01_dwi.nii.gz",
        "sourcedata/sub-07/dwi/sub-07_dwi.nii.gz",
        "sub-01/func/sub-01_task-rest_bold.nii.gz",
        "participants.tsv",
    ],
}


@pytest.fixture(params=TREES, ids=str)
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[list[str], Path]:
    paths = [*TREES[request.param], "dataset_description.json"]
    for path in paths:
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text('{"Name": "t", "BIDSVersion": "1.8.0"}' if path.endswith(".json") else "0 1\n")
    return paths, tmp_path


def test_discovery_agrees_with_pybids(dataset: tuple[list[str], Path]) -> None:
    paths, root = dataset
    layout = BIDSLayout(root, derivatives=False)

    def short(path: str | None) -> str | None:
        return None if path is None else Path(path).relative_to(root).as_posix()

    discovery = discovered(paths)
    theirs = layout.get(suffix="dwi", extension=[".nii", ".nii.gz"], return_type="filename")
    excluded = [exclusion.key.removeprefix("HNU1/") for exclusion in discovery.excluded]
    assert sorted([inputs(scan)["dwi"] for scan in discovery.scans] + excluded) == sorted(map(short, theirs))
    for scan in discovery.scans:
        image = str(root / inputs(scan)["dwi"])
        assert inputs(scan)["bval"] == short(layout.get_bval(image))
        assert inputs(scan)["bvec"] == short(layout.get_bvec(image))
        their_entities = layout.get_file(image).get_entities()
        assert dict(scan.entities) == {name: their_entities[name] for name in scan.entities}
        assert set(their_entities) == set(scan.entities)
        same = {"subject": scan.subject, **({"session": scan.session} if scan.session else {})}
        anatomical = layout.get(suffix="T1w", extension=[".nii", ".nii.gz"], return_type="filename", **same)
        assert inputs(scan)["T1w"] in map(short, anatomical)
    assert {scan.subject for scan in discovery.scans} <= set(layout.get_subjects())
    assert {scan.session for scan in discovery.scans} - {None} <= set(layout.get_sessions())


_LABEL = st.text(string.ascii_letters + string.digits + "+", min_size=1, max_size=6)
_NUMBER = st.from_regex(r"[0-9]{1,3}", fullmatch=True)
_ENTITIES: dict[str, st.SearchStrategy[str]] = {
    "task": _LABEL,
    "acq": _LABEL,
    "ce": _LABEL,
    "rec": _LABEL,
    "dir": _LABEL,
    "run": _NUMBER,
    "mod": _LABEL,
    "echo": _NUMBER,
    "part": st.sampled_from(["mag", "phase", "real", "imag"]),
    "desc": _LABEL,
    "chunk": _NUMBER,
}


@st.composite
def _paths(draw: st.DrawFn) -> str:
    subject, session = draw(_LABEL), draw(st.none() | _LABEL)
    identity = [f"sub-{subject}", *([f"ses-{session}"] if session else [])]
    chosen = draw(st.lists(st.sampled_from(list(_ENTITIES)), unique=True, max_size=4))
    if draw(st.integers(0, 3)):
        chosen.sort(key=list(_ENTITIES).index)  # BIDS's order, most of the time
    pairs = [*identity, *(f"{entity}-{draw(_ENTITIES[entity])}" for entity in chosen)]
    folder = draw(st.sampled_from(["anat", "dwi", "func", "fmap", "perf", "other"]))
    suffix = draw(st.sampled_from(["dwi", "bold", "T1w", "T2w", "sbref", "epi", "scans", "events"]))
    ending = draw(st.sampled_from([".nii.gz", ".nii", ".bval", ".bvec", ".json", ".tsv", ".tsv.gz"]))
    depth = draw(st.sampled_from([f"{'/'.join(identity)}/{folder}/", f"{identity[0]}/", ""]))
    return f"{depth}{'_'.join(pairs)}_{suffix}{ending}"


@settings(max_examples=500)
@given(_paths())
def test_entities_agree_with_pybids(path: str) -> None:
    ours = PATTERNS.parse(path)
    if ours is None:
        # pybids' layout omits what its validator refuses. (Its path patterns lack the chunks of a bold series.)
        of_interest = path.endswith(tuple(f"{suffix}{end}" for suffix in SUFFIXES for end in (".nii.gz", ".nii")))
        assert not (of_interest and "chunk-" not in path and BIDSValidator().is_bids(f"/{path}"))
        return
    # The validator knows fewer of the places that BIDS's inheritance principle allows for a sidecar.
    is_inherited = path.endswith((".bval", ".bvec", ".json")) and path.count("/") < 2
    assert is_inherited or BIDSValidator().is_bids(f"/{path}")
    theirs = parse_file_entities(f"/{path}", config=["bids"])
    assert dict(ours.entities) == theirs
    # PaddedInt equals both 1 and "01"; JSON needs the plain types.
    assert {type(value) for value in ours.entities.values()} <= {str, int}


@pytest.mark.parametrize(
    ("path", "folder", "pairs"),
    [
        ("sub-01/dwi/sub-01_run-02_dwi.nii.gz", "sub-01/dwi", ("sub-01", "run-02")),
        ("dwi.bval", "", ()),
        ("acq-x_dwi.bvec", "", ("acq-x",)),
    ],
)
def test_a_path_is_taken_apart(path: str, folder: str, pairs: tuple[str, ...]) -> None:
    parsed = PATTERNS.parse(path)
    assert parsed is not None
    assert (parsed.folder, parsed.pairs) == (folder, pairs)


@pytest.mark.parametrize(
    "name", ["README", "sub-01_.nii", "sub-01_a b_dwi.nii", "sub_dwi.nii", ".bidsignore", "", "sub-01_dwi", "-_dwi.nii"]
)
def test_names_that_are_not_bids(name: str) -> None:
    assert PATTERNS.parse(f"sub-01/dwi/{name}") is None
