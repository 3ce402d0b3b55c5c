"""opsctl and the job's code import nothing of each other: here both read what the other one writes."""

from __future__ import annotations

import json
from dataclasses import asdict

import msgspec
import pytest
from m2g_job import causes, derivative
from m2g_job import environment as job_environment
from m2g_job import outputs as job_outputs
from m2g_job import record as job_record
from m2g_job import reuse as job_reuse
from m2g_job import scan as job_scan
from m2g_job.environment import Environment
from m2g_job.faults import Ending, ScanFailed
from m2g_job.result import ResultBuilder
from support.example_platform import platform

from opsctl.assets import atlas_table
from opsctl.core import preview
from opsctl.core.dataset.scan import Input, Scan
from opsctl.core.location import run_location
from opsctl.core.platform.options import PlatformOptions
from opsctl.core.runs import m2g_options, registration
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.manifest import Run, document_key
from opsctl.core.runs.result import Result
from opsctl.core.runs.scan_document import ScanDocuments
from opsctl.core.runs.submission import array_sizes, submissions_of, submit_request
from opsctl.core.size_limits import RECORD_BYTES

ATLASES = [atlas_table()[name] for name in ("Desikan", "AAL")]
JOB = platform().models["csd"]

BUCKET = "data-bucket"
PLATFORM = platform(data_bucket=BUCKET)
RUN_ID = "HNU1-20261122-120000-ab12"


def scan(*, subject: str = "0025427", session: str | None = "1", pipeline: str = "dwi", further: str = "") -> Scan:
    base = f"sub-{subject}" + (f"/ses-{session}" if session else "")
    stem = base.replace("/", "_")
    roles = ("dwi", "bval", "bvec", "T1w") if pipeline == "dwi" else ("bold", "T1w")
    endings = {"dwi": "dwi.nii.gz", "bval": "dwi.bval", "bvec": "dwi.bvec", "T1w": "T1w.nii.gz", "bold": "bold.nii"}
    return Scan(
        name=base + further,
        subject=subject,
        session=session,
        entities={"subject": subject, "suffix": roles[0]},
        pipeline=pipeline,
        inputs=tuple(
            Input(uri=f"s3://{BUCKET}/HNU1/{base}/{stem}_{endings[role]}", role=role, size_bytes=7, etag="e")
            for role in roles
        ),
    )


def run(count: int = 1) -> Run:
    return Run(
        run_id=RUN_ID,
        dataset=f"s3://{BUCKET}/HNU1",
        output=f"s3://{BUCKET}/HNU1/derivatives/m2g-csa-native",
        m2g={},
        model="csa",
        image="image",
        platform="m2g",
        region="us-east-1",
        scans=tuple(f"sub-{number}" for number in range(count)),
        created_at="2026-11-22T12:00:00Z",
        created_by="me",
        command_line=("opsctl",),
        opsctl_version="0",
        keys=tuple(str(number) for number in range(count)),
        sizes=tuple(array_sizes(count)),
        resources="csa",
        attempt_timeout_seconds=21_600,
    )


def environment(index: int) -> Environment:
    return job_environment.read(
        {
            "OPSCTL_RUN_URI": run_location(RUN_ID, data_bucket=BUCKET).uri,
            "OPSCTL_SCAN_OFFSET": "5",
            "AWS_BATCH_JOB_ARRAY_INDEX": str(index - 5),
            "AWS_BATCH_JOB_ID": "job:1",
            "AWS_BATCH_JOB_ATTEMPT": "2",
        }
    )


@pytest.mark.parametrize(
    "example",
    [
        scan(),
        scan(session=None),
        scan(session="retest"),
        scan(subject="01+a"),
        scan(further="/acq-x_run-2"),
        scan(pipeline="func"),
        scan(pipeline="func", session=None, further="/task-rest_run-1"),
    ],
    ids=lambda example: f"{example.name}-{example.pipeline}",
)
def test_the_job_reads_what_run_writes(example):
    options = M2gOptions(pipeline=example.pipeline, parcellation=("Desikan", "AAL"), skull="eye")
    document = ScanDocuments(options, run=run(8), atlases=ATLASES, job=JOB).document(example, 7)
    read = job_scan.parse(json.dumps(document).encode(), environment(7))
    assert read.name == example.name
    assert read.session == example.session
    assert [(file.uri, file.role) for file in read.inputs] == [(file.uri, file.role) for file in example.inputs]
    assert [asdict(atlas) for atlas in read.atlases] == [
        {"name": atlas.name, "folder": atlas.folder("2mm"), "regions": atlas.regions["2mm"], "kept": atlas.kept["2mm"]}
        for atlas in ATLASES
    ]
    assert read.output == f"{run().output}/{example.name}"
    assert read.key == document["key"]


def test_both_make_up_the_same_session():
    assert job_scan.MADE_UP_SESSION == m2g_options.MADE_UP_SESSION


def test_the_job_looks_where_run_writes():
    prefix = run_location(RUN_ID, data_bucket=BUCKET).prefix
    for folder in ("scans", "results"):
        assert environment(7).uri(folder) == f"s3://{BUCKET}/{document_key(prefix, folder, 7)}"


def test_the_job_reads_the_environment_that_run_submits():
    submission = submissions_of(run(10_001), PLATFORM, at="t")[-1]
    last = submit_request(submission, run(10_001), PLATFORM)
    variables = {variable["name"]: variable["value"] for variable in last["containerOverrides"]["environment"]}
    environment_of_job = job_environment.read(
        {**variables, "AWS_BATCH_JOB_ARRAY_INDEX": str(last["arrayProperties"]["size"] - 1)}
    )
    assert environment_of_job.index == 10_000
    assert environment_of_job.run_id == RUN_ID


ENDINGS = (Ending(0), ScanFailed("why", causes.OUT_OF_MEMORY, peak_memory_mib=812).ending)

FILE = f"s3://{BUCKET}/HNU1/derivatives/m2g-csa-native/sub-0025427/ses-1/x.csv"
GRAPH = {
    "atlas": "Desikan_space-MNI152NLin6_res-2x2x2",
    "kind": "streamlines",
    "nodes": 68,
    "edges": 812,
    "regions": None,
    "lost": 2,
}


@pytest.mark.parametrize("exit_code", [0, 1])
def test_status_reads_what_the_job_writes(exit_code):
    builder = ResultBuilder(environment(7), log_stream="csa/default/abc")
    document = ScanDocuments(M2gOptions(), run=run(8), atlases=ATLASES, job=JOB).document(scan(), 7)
    builder.scan = job_scan.parse(json.dumps(document).encode(), environment(7))
    # A failed scan's lie beside the run's records.
    path = "attempt-2/x.csv" if exit_code else "x.csv"
    builder.files = [{"path": path, "size_bytes": 3, "sha256": "0" * 64, "graph": GRAPH}]
    builder.peak_disk_mib = 2048
    builder.warnings = [{"code": "regions_lost", "atlas": "Desikan", "text": "2 regions of Desikan lost."}]
    value = builder.build(ENDINGS[exit_code])
    result = Result.decode(json.dumps(value).encode(), environment(7).uri("results"))
    assert (result.index, result.scan, result.attempt) == (7, "sub-0025427/ses-1", 2)
    assert result.succeeded is (exit_code == 0)
    assert (result.cause, result.cause_code) == (("why", "out_of_memory") if exit_code else ("", ""))
    assert result.facts == ({"peak_memory_mib": 812} if exit_code else {})
    assert result.log_stream == "csa/default/abc"
    assert len(result.files) == (exit_code == 0)
    assert result.peak_disk_mib == 2048
    failures = f"s3://{BUCKET}/opsctl/runs/{RUN_ID}/failures/00007/{path}"
    uri = failures if exit_code else FILE
    assert [msgspec.structs.asdict(read) for read in result.graphs] == [{**GRAPH, "uri": uri}]
    assert [asdict(warning) for warning in result.warnings] == builder.warnings


def test_opsctl_reads_the_longest_record_that_a_job_writes():
    assert job_record.LARGEST_RECORD == RECORD_BYTES


def test_the_previews_outputs_do_not_pass_for_m2gs():
    options = PlatformOptions(
        name="local", region="us-east-1", account_id="123456789012", is_local=True, version="0.1.0"
    )
    generator = derivative._generator(options.platform_variables()["image"])
    assert generator["Name"] == "opsctl preview"
    assert derivative._generator("repository/opsctl-m2g:0.1.0")["Name"] == "m2g"
    assert derivative.PREVIEW_IMAGE == preview.IMAGE


def test_both_know_the_same_files_of_a_registration() -> None:
    for name in ("REGISTRATION", "TISSUES", "ENDINGS"):
        assert getattr(job_reuse, name) == getattr(registration, name), name


def test_the_runner_keeps_what_a_later_job_needs_of_the_intermediate_files() -> None:
    needed = {path for path in registration.REGISTRATION if path.startswith("tmp_d/")}
    assert set(job_outputs.REGISTRATION_FILES) == needed


def test_the_job_reads_what_is_reused() -> None:
    base = f"s3://{BUCKET}/HNU1/derivatives/m2g-csa-native/sub-0025427/ses-1"
    paths = (*registration.REGISTRATION, *(tissue + registration.ENDINGS[0] for tissue in registration.TISSUES))
    files = tuple(registration.RegistrationFile(path=path, size_bytes=7, sha256="ab" * 32, etag="e") for path in paths)
    reused = registration.Registration(run_id="HNU1-20261121-120000-ab12", base=base, files=files)
    options = M2gOptions(reuse_registration=True)
    documents = ScanDocuments(options, run=run(), atlases=ATLASES, job=JOB)
    document = documents.document(scan(), 0, registration=reused)
    job = job_reuse.parse(document["reuse"], argv=document["argv"], bucket=BUCKET)
    assert job is not None
    assert job.as_json() == reused.as_json()
    assert job.files[0].uri == f"{base}/{paths[0]}"
