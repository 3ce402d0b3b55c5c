"""From keys on S3 to what m2g reads and back: opsctl finds the scans, the runner stages them, pybids reads them.

Both sides are the real ones: opsctl's listing, discovery and scan's JSON, then the runner as a process. The `m2g` of
these tests reads its input with pybids, as m2g does.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from bids import BIDSLayout
from support.example_platform import platform
from support.job_world import BUCKET, IMAGE, RUN, RUN_ID, World, nifti, table

from opsctl.assets import atlas_table, entity_patterns
from opsctl.aws.s3.storage import Storage
from opsctl.core.dataset.discovery import discover
from opsctl.core.dataset_argument import dataset_location
from opsctl.core.location import derivatives
from opsctl.core.runs.m2g_options import M2gOptions, Pipeline
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.scan_document import ScanDocuments
from opsctl.core.runs.scan_key import ScanKeys

# In the place of the stand-in's own reading: every file of the session that pybids indexes, as m2g asks for them.
READ_BY_PYBIDS = """
def read(root, subject, session, suffix):
    from bids import BIDSLayout

    files = BIDSLayout(root).get(subject=subject, session=session, suffix=suffix)
    assert all(file.entities["session"] == session for file in files)
    return sorted(Path(file.path) for file in files)


main()
"""


@dataclass(frozen=True)
class Case:
    """A dataset's files, and for each scan's name what its job stages from where."""

    files: Sequence[str]
    scans: Mapping[str, Mapping[str, str]]
    pipeline: Pipeline = "dwi"
    t1w: str | None = None


def staged(
    place: str, image: str, *, bval: str, bvec: str, t1w: str, to: str = "", end: str = ".nii.gz"
) -> dict[str, str]:
    """A dwi scan's files under m2g's names: `image` is the stem in the dataset, `to` the one in the job."""
    to = to or image.rsplit("/", 1)[-1]
    anatomical = f"{place}/anat/{place.replace('/', '_')}_T1w.{t1w.split('.', 1)[1]}"
    return {
        f"{place}/dwi/{to}{end}": f"{image}{end}",
        f"{place}/dwi/{to}.bval": bval,
        f"{place}/dwi/{to}.bvec": bvec,
        anatomical: t1w,
    }


def whole(place: str, image: str, t1w: str, **more: str) -> dict[str, str]:
    return staged(place, image, bval=f"{image}.bval", bvec=f"{image}.bvec", t1w=t1w, **more)


A = "sub-01/ses-a"
STEM = f"{A}/dwi/sub-01_ses-a_dwi"
T1W = f"{A}/anat/sub-01_ses-a_T1w.nii.gz"
RUNS = {number: f"{A}/dwi/sub-01_ses-a_run-{number}_dwi" for number in ("1", "2")}
NO_SESSION = whole(
    "sub-01/ses-nosession", "sub-01/dwi/sub-01_dwi", "sub-01/anat/sub-01_T1w.nii.gz", to="sub-01_ses-nosession_dwi"
)
NAMED_LABELS = whole(
    "sub-a1/ses-retest",
    "sub-a1/ses-retest/dwi/sub-a1_ses-retest_acq-b_dwi",
    "sub-a1/ses-retest/anat/sub-a1_ses-retest_T1w.nii.gz",
)
NII = whole(A, STEM, T1W.removesuffix(".gz"), end=".nii")
OTHERS_T1W = "sub-01/ses-b/anat/sub-01_ses-b_T1w.nii.gz"
LONG_T1W = f"{A}/anat/sub-01_ses-a_acq-mprage_rec-norm_run-01_T1w.nii.gz"
PLUS = whole(
    "sub-0plus1/ses-1plus",
    "sub-0+1/ses-1+/dwi/sub-0+1_ses-1+_acq-a+b_dwi",
    "sub-0+1/ses-1+/anat/sub-0+1_ses-1+_T1w.nii.gz",
    to="sub-0plus1_ses-1plus_acq-aplusb_dwi",
)
BOLD = {number: f"{A}/func/sub-01_ses-a_task-rest_run-{number}_bold.nii.gz" for number in ("1", "2")}
STAGED_BOLD = f"{A}/func/sub-01_ses-a_task-rest_bold.nii.gz"
ROOT = staged(A, STEM, bval="dwi.bval", bvec="dwi.bvec", t1w=T1W)
SESSIONS = staged(A, STEM, bval=f"{A}/sub-01_ses-a_dwi.bval", bvec=f"{A}/sub-01_ses-a_dwi.bvec", t1w=T1W)


def case_of(
    scans: Mapping[str, Mapping[str, str]], *beside: str, pipeline: Pipeline = "dwi", t1w: str | None = None
) -> Case:
    return Case(sorted({*beside, *(key for inputs in scans.values() for key in inputs.values())}), scans, pipeline, t1w)


CASES = {
    "gradients at the root": case_of({A: ROOT}),
    "gradients at the session": case_of({A: SESSIONS}, "dwi.bval", "dwi.bvec"),
    "no session": case_of({"sub-01": NO_SESSION}),
    "words as labels": case_of({"sub-a1/ses-retest": NAMED_LABELS}),
    "several runs": case_of({f"{A}/run-{number}": whole(A, image, T1W) for number, image in RUNS.items()}),
    "uncompressed": case_of({A: NII}),
    "T1w of another session": case_of({A: whole(A, STEM, OTHERS_T1W)}, t1w="any-session"),
    "T1w with further entities": case_of({A: whole(A, STEM, LONG_T1W)}, LONG_T1W.replace("run-01", "run-02")),
    "JSON sidecars": case_of({A: whole(A, STEM, T1W)}, f"{STEM}.json", T1W.replace(".nii.gz", ".json"), "dwi.json"),
    "func": case_of(
        {f"{A}/task-rest_run-{number}": {STAGED_BOLD: image, T1W: T1W} for number, image in BOLD.items()},
        f"{STEM}.nii.gz",
        "task-rest_bold.json",
        BOLD["1"].replace("bold.nii.gz", "events.tsv"),
        pipeline="func",
    ),
    "a plus in labels": case_of({"sub-0+1/ses-1+": PLUS}),
}


def content(path: str) -> bytes:
    """A good file for its name; every one differs."""
    number = int(hashlib.md5(path.encode()).hexdigest()[:6], 16)
    if path.endswith((".bval", ".bvec")):
        return f"{number} ".encode() + table(7, 1 if path.endswith(".bval") else 3)[4:]
    if ".nii" not in path:
        return f'{{"of": "{path}"}}'.encode()
    image = bytearray(nifti(1 if "T1w" in path else 7))
    image[148:228] = path.encode()[-80:].ljust(80, b"\0")  # NIfTI's free text
    return gzip.compress(bytes(image), mtime=0) if path.endswith(".gz") else bytes(image)


def submit(world: World, case: Case, dataset: str) -> list[str]:
    """What `opsctl run` does up to the submission: the scans' JSON, written from the bucket's own listing."""
    location = dataset_location(dataset, data_bucket=BUCKET)
    discovery = discover(
        Storage(world.s3.client).dataset(location),
        entity_patterns(),
        bucket=location.bucket,
        prefix=location.key_prefix,
        pipeline=case.pipeline,
        t1w=case.t1w,
    )
    assert discovery.excluded == ()
    options = M2gOptions(pipeline=case.pipeline, parcellation=("Desikan",))
    output = derivatives(location, "m2g", data_bucket=BUCKET)
    run = Run(
        run_id=RUN_ID,
        dataset=location.uri,
        output=output.uri,
        m2g=options.as_dict(),
        model="csa",
        image=IMAGE,
        platform="m2g",
        region="us-east-1",
        scans=tuple(scan.name for scan in discovery.scans),
        created_at="2026-11-22T12:00:00Z",
        created_by="somebody",
        command_line=("opsctl", "run", dataset),
        opsctl_version="0.1.0",
        keys=tuple(ScanKeys({}, IMAGE).key(scan.inputs) for scan in discovery.scans),
        sizes=(len(discovery.scans),),
        resources="csa",
        attempt_timeout_seconds=21_600,
    )
    job = platform().models["csa"]
    documents = ScanDocuments(options, run=run, atlases=[atlas_table()["Desikan"]], job=job)
    for index, scan in enumerate(discovery.scans):
        document = documents.document(scan, index)
        world.put(f"{RUN}/scans/{index:05d}.json", json.dumps(document).encode())
    return [scan.name for scan in discovery.scans]


@pytest.fixture
def reading_world(world: World) -> World:
    fake = world.folder / "fake_m2g.py"
    fake.write_text(fake.read_text().removesuffix("main()\n") + READ_BY_PYBIDS.lstrip("\n"))
    return world


@pytest.mark.parametrize("name", CASES)
def test_m2g_sees_one_tidy_session_and_its_outputs_come_back_under_the_scans_name(
    name: str, reading_world: World
) -> None:
    world, case = reading_world, CASES[name]
    for path in case.files:
        world.put(f"DS1/{path}", content(path))
        world.put(f"DS10/{path}", b"of another dataset")
    names = submit(world, case, "DS1/")
    assert names == sorted(case.scans)
    for index, scan in enumerate(names):
        job = f"job-{index}"
        code, output = world.run(job, AWS_BATCH_JOB_ARRAY_INDEX=str(index))
        assert code == 0, output
        check_staged(world.folder / f"work-{job}" / "input", case.scans[scan], case.pipeline)
        check_outputs(world, scan, index)
    connectomes = [key for key in world.keys("DS1/derivatives/") if "/connectomes_" in key]
    assert len(connectomes) == len(names) * (1 if case.pipeline == "dwi" else 2)
    assert all(any(key.startswith(f"DS1/derivatives/m2g/{scan}/connectomes_") for scan in names) for key in connectomes)
    assert not [key for key in world.keys("DS1/derivatives/") if "nosession" in key or "plus" in key]


def check_staged(root: Path, inputs: Mapping[str, str], pipeline: Pipeline) -> None:
    """One subject, one session, and in it the files that m2g unpacks, byte for byte the dataset's."""
    staged_files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert staged_files == {"dataset_description.json", *inputs}
    for staged_path, path in inputs.items():
        assert (root / staged_path).read_bytes() == content(path)
    layout = BIDSLayout(root)
    assert {Path(path).relative_to(root).as_posix() for path in layout.get_files()} == staged_files
    (subject,), (session,) = layout.get_subjects(), layout.get_sessions()
    entities = {"subject": subject, "session": session}
    (t1w,) = layout.get(suffix="T1w", **entities)
    assert t1w.entities["datatype"] == "anat"
    if pipeline == "dwi":
        bval, bvec, image = sorted(layout.get(suffix="dwi", **entities), key=lambda file: file.entities["extension"])
        assert layout.get_bval(image.path) == bval.path
        assert layout.get_bvec(image.path) == bvec.path
    else:
        (image,) = layout.get(suffix="bold", **entities)
    assert image.entities["extension"] in (".nii", ".nii.gz")


def check_outputs(world: World, scan: str, index: int) -> None:
    result = world.result(index)
    assert (result["scan"], result["status"]) == (scan, "succeeded")
    place = f"s3://{BUCKET}/DS1/derivatives/m2g/{scan}/"
    files = [entry["uri"] for entry in world.files(index)]
    assert all(uri.startswith(place) for uri in files)
    assert all(world.keys(uri.removeprefix(f"s3://{BUCKET}/")) for uri in files)
