"""Discovery finds the same scans as pybids' BIDSLayout, for every dataset that a disk can hold."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bids_agreement import datasets, discovery_of, found_by, primary, reference, write
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.bids_trees import dwi, images, reasons

from opsctl.core.dataset.scan import Discovery
from opsctl.core.dataset_argument import dataset_location
from opsctl.core.location import parse_uri
from opsctl.core.runs.m2g_options import Pipeline


def check_accounts(discovery: Discovery, meant: Sequence[str]) -> None:
    """Every image is listed once, each exclusion has a reason, and the scans' names can be folders side by side."""
    assert images(discovery) == sorted(meant)
    assert all(exclusion.reason.strip() for exclusion in discovery.excluded)
    names = [scan.name for scan in discovery.scans]
    assert len(set(names)) == len(names)
    assert not [(outer, inner) for outer in names for inner in names if inner.startswith(f"{outer}/")]


ANY_DATASET = given(
    datasets(),
    st.sampled_from(["dwi", "dwi", "func", "both"]),
    st.sampled_from([None, None, "any-session", "*_run-*", "*ses-2?_*"]),
    st.randoms(use_true_random=False),
)


def check_agreement(paths: list[str], pipeline: Pipeline, t1w: str | None, random: object) -> None:
    empty = [path for path in paths if random.random() < 0.03]  # type: ignore[attr-defined]
    discovery = discovery_of(paths, pipeline=pipeline, t1w=t1w, empty=empty)
    check_accounts(discovery, [f"HNU1/{path}" for path in primary(paths, pipeline)])
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), paths, empty=empty)
        assert found_by(discovery) == reference(Path(folder), pipeline=pipeline, t1w=t1w)


# A third of a second each: the campaign has time for more.
@pytest.mark.parametrize("examples", [40, pytest.param(120, marks=pytest.mark.campaign)])
def test_any_dataset(examples: int) -> None:
    # No shrinking, because each try indexes a folder, and failing datasets are small anyway.
    limits = settings(max_examples=examples, phases=[Phase.explicit, Phase.generate])
    limits(ANY_DATASET(check_agreement))()


def t1w(place: str, tail: str = "", end: str = ".nii.gz") -> str:
    return f"{place}/anat/{place.replace('/', '_')}{tail}_T1w{end}"


def session(place: str, *tails: str, image: str = ".nii.gz") -> list[str]:
    """A folder `sub-X[/ses-Y]` with a T1w and an image for each tail."""
    pairs = place.replace("/", "_")
    return [t1w(place), *(path for tail in tails for path in dwi(f"{place}/dwi/{pairs}{tail}", image=image))]


@dataclass(frozen=True)
class Case:
    """A dataset, the names of its scans, the reasons of its exclusions, and some expected inputs."""

    paths: Sequence[str]
    names: Sequence[str]
    reasons: Mapping[str, str] = field(default_factory=dict)
    taken: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pipeline: Pipeline = "dwi"
    t1w: str | None = None
    empty: Sequence[str] = ()


NO_LABEL = " is not a BIDS entity and label (letters and digits only)"
IMAGE = "sub-1/ses-a/dwi/sub-1_ses-a_acq-x_run-1_dwi"
BARE = [f"{IMAGE}.nii.gz", t1w("sub-1/ses-a")]
TWO = ["sub-1/ses-a/sub-1_ses-a_acq-x_dwi.bval", "sub-1/ses-a/sub-1_ses-a_run-1_dwi.bval"]
OTHER = [*dwi("sub-1/ses-b/dwi/sub-1_ses-b"), t1w("sub-1/ses-a"), t1w("sub-2/ses-b")]
SEVERAL = [
    *dwi("sub-1/dwi/sub-1"),
    *(t1w("sub-1", tail) for tail in ("_run-10", "_run-2", "_run-02", "_acq-b_rec-n_run-03")),
]
FUNC = ["task-rest_run-1_echo-1", "task-nback", "task-rest_run-2_part-phase"]
CASES = {
    "sessions as words": Case(
        session("sub-1/ses-test", "") + session("sub-1/ses-2a", "") + session("sub-1/ses-2b", ""),
        ["sub-1/ses-2a", "sub-1/ses-2b", "sub-1/ses-test"],
    ),
    "no sessions": Case(session("sub-1", "") + session("sub-a1", ""), ["sub-1", "sub-a1"]),
    "some subjects with and some without": Case(
        session("sub-1", "") + session("sub-2/ses-1", ""), ["sub-1", "sub-2/ses-1"]
    ),
    "one subject with and without": Case(
        session("sub-1", "") + session("sub-1/ses-1", ""), ["sub-1/dwi", "sub-1/ses-1"]
    ),
    "several runs": Case(session("sub-1/ses-1", "_run-1", "_run-2"), ["sub-1/ses-1/run-1", "sub-1/ses-1/run-2"]),
    "acquisitions and directions": Case(
        session("sub-1", "_acq-x_dir-AP", "_acq-x_dir-PA", "_acq-y"),
        ["sub-1/acq-x_dir-AP", "sub-1/acq-x_dir-PA", "sub-1/acq-y"],
    ),
    "magnitude and phase": Case(
        session("sub-1", "_part-mag", "_part-phase"),
        ["sub-1"],
        {"sub-1/dwi/sub-1_part-phase_dwi.nii.gz": "part-phase is not a magnitude image"},
    ),
    "sidecars at the root": Case([*BARE, "dwi.bval", "dwi.bvec", "dwi.json"], ["sub-1/ses-a"]),
    "the subject's sidecars before the root's": Case(
        [*BARE, "dwi.bvec", "dwi.bval", "sub-1/sub-1_dwi.bval", "sub-1/sub-1_dwi.json"],
        ["sub-1/ses-a"],
        taken={"bval": ["sub-1/sub-1_dwi.bval"], "bvec": ["dwi.bvec"]},
    ),
    "the session's sidecars before all": Case(
        [*BARE, "acq-x_run-1_dwi.bvec", "sub-1/sub-1_acq-x_dwi.bval", "sub-1/ses-a/sub-1_ses-a_dwi.bval"],
        ["sub-1/ses-a"],
        taken={"bval": ["sub-1/ses-a/sub-1_ses-a_dwi.bval"]},
    ),
    "a nearer sidecar with an entity that the image lacks": Case(
        [
            *BARE,
            "dwi.bvec",
            "run-1_dwi.bval",
            "sub-1/ses-a/sub-1_ses-a_run-2_dwi.bval",
            f"{IMAGE[:-4]}_part-mag_dwi.bval",
        ],
        ["sub-1/ses-a"],
        taken={"bval": ["run-1_dwi.bval"]},
    ),
    "in one folder the sidecar with the most entities": Case(
        [*BARE, "dwi.bvec", "acq-x_dwi.bvec", "dwi.bval", "acq-x_run-01_dwi.bval"],
        ["sub-1/ses-a"],
        taken={"bval": ["acq-x_run-01_dwi.bval"], "bvec": ["acq-x_dwi.bvec"]},
    ),
    "equally good sidecars": Case(
        [*BARE, "dwi.bval", "dwi.bvec", *TWO],
        [],
        {f"{IMAGE}.nii.gz": f"2 bval files fit it equally well ({', '.join(TWO)})"},
    ),
    "a run with and without a zero": Case(
        session("sub-1/ses-1", "_run-1", "_run-01"),
        ["sub-1/ses-1/run-01", "sub-1/ses-1/run-1"],
    ),
    "an empty image": Case(
        session("sub-1", "_run-1", "_run-2"),
        ["sub-1"],
        {"sub-1/dwi/sub-1_run-1_dwi.nii.gz": "it is empty (0 bytes)"},
        empty=["sub-1/dwi/sub-1_run-1_dwi.nii.gz"],
    ),
    "without compression": Case([*dwi("sub-1/dwi/sub-1", image=".nii"), t1w("sub-1", end=".nii")], ["sub-1"]),
    "one image in both ways": Case(
        [*session("sub-1", ""), "sub-1/dwi/sub-1_dwi.nii"],
        [],
        dict.fromkeys(
            ["sub-1/dwi/sub-1_dwi.nii", "sub-1/dwi/sub-1_dwi.nii.gz"],
            "the same image is there as .nii and as .nii.gz",
        ),
    ),
    "several T1w": Case(SEVERAL, ["sub-1"], taken={"T1w": [t1w("sub-1", "_run-02")]}),
    "several T1w, a glob": Case(SEVERAL, ["sub-1"], t1w="*_run-10_*", taken={"T1w": [t1w("sub-1", "_run-10")]}),
    "several T1w, a glob for none": Case(SEVERAL, [], {"sub-1/dwi/sub-1_dwi.nii.gz": "no T1w"}, t1w="*_run-4_*"),
    "T1w only in another session": Case(OTHER, [], {"sub-1/ses-b/dwi/sub-1_ses-b_dwi.nii.gz": "no T1w in its session"}),
    "T1w of any session": Case(OTHER, ["sub-1/ses-b"], t1w="any-session", taken={"T1w": [t1w("sub-1/ses-a")]}),
    "func": Case(
        [t1w("sub-1"), *(f"sub-1/func/sub-1_{entities}_bold.nii.gz" for entities in FUNC), "task-rest_bold.json"],
        ["sub-1/task-nback", "sub-1/task-rest_run-1_echo-1"],
        {"sub-1/func/sub-1_task-rest_run-2_part-phase_bold.nii.gz": "part-phase is not a magnitude image"},
        pipeline="func",
    ),
    "chunks of a series": Case(
        [t1w("sub-1"), *(f"sub-1/func/sub-1_task-rest_chunk-{number}_bold.nii.gz" for number in "12")],
        ["sub-1/task-rest_chunk-1", "sub-1/task-rest_chunk-2"],
        pipeline="func",
    ),
    "both pipelines": Case(
        [*session("sub-1", ""), "sub-1/func/sub-1_task-rest_bold.nii.gz"],
        ["sub-1/dwi", "sub-1/task-rest_bold"],
        pipeline="both",
    ),
    "what lies beside": Case(
        [
            *session("sub-1", ""),
            *(f"{place}/sub-9/dwi/sub-9_dwi.nii.gz" for place in ("derivatives/x", "sourcedata", "code", ".git")),
            "sub-1/dwi/.sub-1_run-2_dwi.nii.gz",
            "sub-1/fmap/sub-1_dir-AP_epi.nii.gz",
            "sub-1/perf/sub-1_asl.nii.gz",
            "sub-1/dwi/sub-1_sbref.nii.gz",
        ],
        ["sub-1"],
    ),
    # The file lists exceptions for the validator; pybids and opsctl ignore it.
    "bidsignore": Case([*session("sub-1", ""), ".bidsignore"], ["sub-1"]),
    "upper and lower case": Case(
        [*session("sub-A/ses-Test", "_acq-mB", "_acq-Mc"), "sub-A/ses-Test/dwi/sub-A_ses-Test_dwi.NII.GZ"],
        ["sub-A/ses-Test/acq-Mc", "sub-A/ses-Test/acq-mB"],
        {"sub-A/ses-Test/dwi/sub-A_ses-Test_dwi.NII.GZ": "its ending .NII.GZ is not lower case"},
    ),
    "letters and digits of other scripts": Case(
        [
            *session("sub-1", "", "_run-\N{ARABIC-INDIC DIGIT ONE}"),
            *session("sub-\N{LATIN SMALL LETTER E WITH ACUTE}", ""),
        ],
        ["sub-1"],
        {
            "sub-1/dwi/sub-1_run-\u0661_dwi.nii.gz": f"run-\u0661{NO_LABEL}",
            "sub-\xe9/dwi/sub-\xe9_dwi.nii.gz": f"sub-\xe9{NO_LABEL}",
        },
    ),
    "blanks": Case(
        [*session("sub-1", "", " copy"), "sub-1 /dwi/sub-1_dwi.nii.gz"],
        ["sub-1"],
        {
            "sub-1/dwi/sub-1 copy_dwi.nii.gz": f"sub-1 copy{NO_LABEL}",
            "sub-1 /dwi/sub-1_dwi.nii.gz": f"sub-1 {NO_LABEL}",
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_dataset(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    discovery = discovery_of(case.paths, pipeline=case.pipeline, t1w=case.t1w, empty=case.empty)
    assert [scan.name for scan in discovery.scans] == case.names
    assert reasons(discovery) == case.reasons
    found = found_by(discovery)
    taken = {role: [dict(inputs)[role] for _, _, inputs in found.scans] for role in case.taken}
    assert taken == case.taken
    check_accounts(discovery, [f"HNU1/{path}" for path in primary(case.paths, case.pipeline)])
    write(tmp_path, case.paths, empty=case.empty)
    assert found == reference(tmp_path, pipeline=case.pipeline, t1w=case.t1w)


@pytest.mark.parametrize(
    ("dataset", "place"),
    [
        ("HNU1", "HNU1/"),
        ("HNU1/", "HNU1/"),
        ("s3://data/HNU1", "HNU1/"),
        ("s3://data/HNU1//", "HNU1/"),
        ("s3://data", ""),
        ("s3://data/", ""),
    ],
)
def test_a_datasets_own_keys(dataset: str, place: str, tmp_path: Path) -> None:
    """Neither `HNU10` nor a folder of another dataset belongs to `HNU1`; a bucket's root is a dataset too."""
    prefix = dataset_location(dataset, data_bucket="data").key_prefix
    paths = [*session("sub-1", ""), *session("sub-2/ses-1", "")]
    bucket = [f"{place}{path}" for path in paths] + [f"HNU10/{path}" for path in session("sub-3", "")]
    bucket += [f"HNU1sub-4/{path.removeprefix('sub-4/')}" for path in session("sub-4", "")]
    paths = [key.removeprefix(prefix) for key in bucket if key.startswith(prefix)]
    discovery = discovery_of(paths, prefix=prefix)
    assert [scan.name for scan in discovery.scans] == ["sub-1", "sub-2/ses-1"]
    assert parse_uri(next(iter(discovery.scans[0].inputs)).uri).prefix.startswith(f"{prefix}sub-1/")
    assert discovery.excluded == ()
    write(tmp_path, paths)
    assert found_by(discovery, prefix=prefix) == reference(tmp_path)


ODD = [
    "/",
    "//",
    "sub-",
    "sub-/",
    "..",
    "sub-1/../dwi/x",
    "\n",
    "\x00",
    "\\",
    "%20",
    "+",
    "\u202e",
    "sub-1//dwi/sub-1",
    "🧠",
]


@pytest.mark.parametrize("text", ODD)
def test_odd_keys_end_in_words(text: str) -> None:
    keys = [f"sub-1/{text}_dwi.nii.gz", f"sub-{text}/dwi/sub-{text}_dwi.nii.gz", f"sub-1/dwi/sub-1_acq-{text}_dwi.nii"]
    keys += [f"sub-1/dwi/sub-1_run-1{text}_dwi.nii.gz", f"sub-1/dwi/sub-1_dwi.nii.gz{text}", text]
    discovery = discovery_of([*session("sub-1", ""), *keys])
    meant = [key for key in {*keys, "sub-1/dwi/sub-1_dwi.nii.gz"} if key in primary([key])]
    check_accounts(discovery, [f"HNU1/{key}" for key in meant])
