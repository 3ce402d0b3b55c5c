"""`run`: nothing is written when it refuses; records before submission; what is told when it is cut short."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from run_world import MOMENT, PLATFORM, batch, order, prepared, put_dataset, put_run

from opsctl.aws.s3 import Storage
from opsctl.commands.records import Records
from opsctl.commands.run import Prepared, keep_documents, submit
from opsctl.core.errors import Interrupted, Problem
from opsctl.core.location import Location
from opsctl.core.m2g import M2gOptions
from opsctl.core.manifest import Run, Submission

DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "SubmitJob")
SUBJECTS = ("sub-01", "sub-02/ses-1", "sub-02/ses-retest", "sub-03")


@pytest.fixture
def dataset(s3: Any) -> None:
    put_dataset(s3, *SUBJECTS)


@pytest.mark.usefixtures("dataset")
def test_what_is_prepared(storage: Storage, records: Records) -> None:
    made = prepared(storage, records)
    assert made.run.run_id == "HNU1-20261122-120000-0000"
    assert made.run.scans == SUBJECTS
    assert made.run.output == "s3://data/HNU1/derivatives/m2g-csa-native"
    assert made.run.command_line == ("opsctl", "run", "HNU1")
    assert (made.run.model, made.run.image, made.run.platform) == ("csa", "repo:0.1.0", "m2g")
    assert [one["index"] for one in made.documents] == [0, 1, 2, 3]
    assert made.documents[2]["output"] == "s3://data/HNU1/derivatives/m2g-csa-native/sub-02/ses-retest"
    assert [one["arrayProperties"] for one in made.requests] == [{"size": 4}]
    assert made.estimate.usd > 0
    value = made.as_json()
    assert json.loads(json.dumps(value)) == value


@pytest.mark.usefixtures("dataset")
def test_preparing_writes_nothing(storage: Storage, records: Records, journal: list[str]) -> None:
    prepared(storage, records)
    assert journal == []


@pytest.mark.usefixtures("dataset")
def test_records_are_written_before_they_are_needed(storage: Storage, records: Records, journal: list[str]) -> None:
    made = prepared(storage, records)
    asked: list[dict[str, Any]] = []

    def ask(request: dict[str, Any]) -> None:
        journal.append("SubmitJob")
        asked.append(request)

    done = submit(made, PLATFORM, storage, batch("job-1", asked=ask), now=lambda: MOMENT)
    folder = "opsctl/runs/HNU1-20261122-120000-0000"
    scans = [f"{folder}/scans/{index:05d}.json" for index in range(4)]
    assert sorted(journal[:4]) == scans
    assert journal[4:] == [f"{folder}/run.json", "SubmitJob", f"{folder}/submissions/00.json"]
    assert asked == list(made.requests)
    assert done == [
        Submission(
            job_id="job-1", job_name=f"{made.run.run_id}-00", offset=0, size=4, submitted_at="2026-11-22T12:00:00Z"
        )
    ]
    assert records.run(None) == made.run
    assert records.submissions(made.run.run_id) == done
    assert [storage.get_json("data", key) for key in scans] == list(made.documents)


@pytest.fixture
def small_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four scans are two arrays, as 20,000 are on AWS."""
    monkeypatch.setattr("opsctl.core.manifest.LARGEST_ARRAY", 2)


@pytest.mark.usefixtures("dataset", "small_arrays")
def test_several_arrays(storage: Storage, records: Records) -> None:
    made = prepared(storage, records)
    done = submit(made, PLATFORM, storage, batch("a", "b"), now=lambda: MOMENT)
    assert [(one.job_id, one.offset, one.size) for one in done] == [("a", 0, 2), ("b", 2, 2)]
    assert records.submissions(made.run.run_id) == done


CUT_SHORT = [
    pytest.param(KeyboardInterrupt(), Interrupted, "Stopped. 2 of 4 scans of", 130, id="Ctrl-C"),
    pytest.param(DENIED, Problem, "not you. 2 of 4 scans of", 1, id="refused"),
]


@pytest.mark.usefixtures("dataset", "small_arrays")
@pytest.mark.parametrize(("fault", "kind", "words", "code"), CUT_SHORT)
def test_cut_short_in_the_second_array_it_says_how_many_are_submitted(
    storage: Storage, records: Records, fault: BaseException, kind: type[Problem], words: str, code: int
) -> None:
    made = prepared(storage, records)
    with pytest.raises(kind) as caught:
        submit(made, PLATFORM, storage, batch("a", fault), now=lambda: MOMENT)
    assert words in caught.value.what
    assert made.run.run_id in caught.value.what
    assert caught.value.exit_code == code
    # What is submitted is recorded: the run can be followed.
    assert [one.job_id for one in records.submissions(made.run.run_id)] == ["a"]


@pytest.mark.usefixtures("dataset")
@pytest.mark.parametrize("fault", [KeyboardInterrupt(), DENIED], ids=["Ctrl-C", "refused"])
def test_cut_short_at_once_it_says_that_none_is(storage: Storage, records: Records, fault: BaseException) -> None:
    with pytest.raises(Problem, match="0 of 4 scans"):
        submit(prepared(storage, records), PLATFORM, storage, batch(fault), now=lambda: MOMENT)


@pytest.mark.usefixtures("dataset")
def test_nothing_is_submitted_when_the_records_cannot_be_written(
    s3: Any, storage: Storage, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = prepared(storage, records)
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "PutObject")
    real = s3.put_object

    def put_object(**request: Any) -> Any:
        if request["Key"].endswith("00002.json"):
            raise denied
        return real(**request)

    monkeypatch.setattr(s3, "put_object", put_object)
    # `batch()` has no answer: a submission would be an IndexError.
    with pytest.raises(Problem, match="AWS does not permit PutObject"):
        submit(made, PLATFORM, storage, batch(), now=lambda: MOMENT)


REFUSED = [
    pytest.param(
        {"participant_labels": ("99",)}, r"--participant-label 99 leaves no scan\. There are: 01, 02, 03", id="p"
    ),
    pytest.param({"session_labels": ("x",)}, r"--session-label x leaves no scan\. There are: 1, retest", id="s"),
    pytest.param(
        {"participant_labels": ("01",), "session_labels": ("1",)}, "--session-label 1 leaves no scan", id="both filters"
    ),
    pytest.param({"dataset": Location("data", "HNU2")}, r"nothing at s3://data/HNU2\. There is: HNU1", id="no dataset"),
    pytest.param({"dataset": Location("nosuch", "HNU1")}, "bucket nosuch does not exist", id="no bucket"),
    pytest.param({"options": M2gOptions(pipeline="func")}, "There is no bold image in s3://data/HNU1", id="no image"),
    pytest.param(
        {"options": M2gOptions(seeds=1)}, "HNU1-20261121-120000-aaaa, which ran with other options", id="mixed"
    ),
]


@pytest.mark.usefixtures("dataset")
@pytest.mark.parametrize(("changes", "words"), REFUSED)
def test_a_refusal_says_why_and_writes_nothing(
    storage: Storage, records: Records, changes: dict[str, Any], words: str, journal: list[str]
) -> None:
    put_run(storage, "HNU1-20261121-120000-aaaa")
    journal.clear()
    with pytest.raises(Problem, match=words) as caught:
        prepared(storage, records, **changes)
    assert caught.value.exit_code == 1
    assert journal == []


def test_when_all_is_excluded_the_reasons_are_told(s3: Any, storage: Storage, records: Records) -> None:
    s3.put_object(Bucket="data", Key="HNU1/sub-01/dwi/sub-01_dwi.nii.gz", Body=b"x")
    s3.put_object(Bucket="data", Key="HNU1/sub-02/dwi/sub-02_dwi.nii.gz", Body=b"")
    with pytest.raises(Problem) as caught:
        prepared(storage, records)
    assert "all 2 dwi images are excluded" in caught.value.what
    assert "it is empty (0 bytes); no bval and no bvec and no T1w" in caught.value.what


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"participant_labels": ("01",)}, ["sub-01"]),
    ({"participant_labels": ("sub-02", "03")}, ["sub-02/ses-1", "sub-02/ses-retest", "sub-03"]),
    ({"participant_labels": ("0[13]",)}, ["sub-01", "sub-03"]),
    ({"session_labels": ("ses-retest",)}, ["sub-02/ses-retest"]),
    ({"session_labels": ("*",)}, list(SUBJECTS)),
    ({"participant_labels": ("02",), "session_labels": ("1",)}, ["sub-02/ses-1"]),
    ({"first": 2}, ["sub-01", "sub-02/ses-1"]),
    ({"first": 99}, list(SUBJECTS)),
    ({"first": 1, "participant_labels": ("03",)}, ["sub-03"]),
]


@pytest.mark.usefixtures("dataset")
@pytest.mark.parametrize(("changes", "names"), FILTERS)
def test_filters(storage: Storage, records: Records, changes: dict[str, Any], names: list[str]) -> None:
    made = prepared(storage, records, **changes)
    assert [scan.name for scan in made.chosen] == names
    assert made.run.scans == tuple(names)
    assert [one["index"] for one in made.documents] == list(range(len(names)))
    assert len(made.discovery.scans) == 4


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "m2g-csa-native"),
        ({"options": M2gOptions(diffusion_model="csd", space="native_dsn")}, "m2g-csd-native_dsn"),
        ({"options": M2gOptions(pipeline="func")}, "m2g-func"),
        ({"options": M2gOptions(pipeline="both")}, "m2g-both-csa-native"),
        ({"modif": "quick", "options": M2gOptions(pipeline="func")}, "quick"),
    ],
)
def test_the_derivatives_folders_name(changes: dict[str, Any], name: str) -> None:
    assert order(**changes).output_name == name


@pytest.mark.usefixtures("dataset")
def test_other_options_go_where_another_modif_says_and_the_same_go_on(storage: Storage, records: Records) -> None:
    put_run(storage, "HNU1-20261121-120000-aaaa")
    other = prepared(storage, records, options=M2gOptions(seeds=1), modif="quick")
    assert other.run.output == "s3://data/HNU1/derivatives/quick"
    assert prepared(storage, records).run.output == "s3://data/HNU1/derivatives/m2g-csa-native"


@pytest.mark.usefixtures("dataset")
def test_runs_of_a_dataset_whose_name_begins_alike_do_not_count(storage: Storage, records: Records) -> None:
    put_run(
        storage,
        "HNU10-20261121-120000-aaaa",
        m2g=M2gOptions(seeds=1).as_dict(),
        output="s3://data/HNU10/derivatives/m2g-csa-native",
    )
    assert prepared(storage, records).run.scans == SUBJECTS


def test_a_dataset_of_another_bucket_is_read_there_and_its_outputs_go_home(
    s3: Any, storage: Storage, records: Records
) -> None:
    s3.create_bucket(Bucket="open")
    for name in ("dwi/sub-01_dwi.nii", "dwi/sub-01_dwi.bval", "dwi/sub-01_dwi.bvec", "anat/sub-01_T1w.nii"):
        s3.put_object(Bucket="open", Key=f"studies/KKI/sub-01/{name}", Body=b"x")
    made = prepared(storage, records, dataset=Location("open", "studies/KKI"))
    assert made.run.run_id.startswith("KKI-")
    assert made.documents[0]["inputs"][0]["uri"] == "s3://open/studies/KKI/sub-01/dwi/sub-01_dwi.nii"
    assert made.documents[0]["output"] == "s3://data/KKI/derivatives/m2g-csa-native/sub-01"


@pytest.fixture
def made(storage: Storage, records: Records, dataset: None) -> Prepared:
    return prepared(storage, records)


def test_the_documents_are_kept_here_too(made: Prepared, tmp_path: Path) -> None:
    keep_documents(made, tmp_path / "jobs")
    folder = tmp_path / "jobs" / made.run.run_id
    assert Run.from_json(json.loads((folder / "run.json").read_text())) == made.run
    kept = [json.loads(path.read_text()) for path in sorted((folder / "scans").iterdir())]
    assert kept == list(made.documents)


def test_a_folder_that_cannot_be_written_to_is_told(made: Prepared, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem, match="cannot be written"):
        keep_documents(made, tmp_path / "file")
