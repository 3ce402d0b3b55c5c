"""A run's record, its id, and its scans' keys and JSONs."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.core_examples import MOMENT, run, scan
from support.run_world import PLATFORM

from opsctl.assets import atlas_table
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.manifest import (
    Origin,
    Run,
    document_key,
    make_run_id,
    mixing_run,
    recorded_command_line,
    run_moment,
    timestamp,
)
from opsctl.core.runs.scan_document import ScanDocuments

#: 2 vCPUs and 15,200 MiB.
JOB = PLATFORM.models["csd"]


def test_a_runs_id_tells_dataset_and_moment() -> None:
    assert make_run_id("HNU1", moment=MOMENT, token="ab12") == "HNU1-20261122-120000-ab12"
    berlin = MOMENT.astimezone(timezone(timedelta(hours=1)))
    assert make_run_id("HNU1", moment=berlin, token="ab12") == "HNU1-20261122-120000-ab12"
    assert timestamp(berlin) == "2026-11-22T12:00:00Z"


@given(st.text(max_size=200))
@example("../../etc")
@example("a b; rm -rf /")
@example("数据集")
@example("-_-")
@example("é" * 300)
@example("a" * 300)
def test_a_runs_id_is_safe_whatever_the_dataset_is_called(name: str) -> None:
    run_id = make_run_id(name, moment=MOMENT, token="ab12")
    # AWS Batch's rule for job names, with room for the number of the array.
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,124}", run_id)
    assert run_moment(run_id) == "20261122-120000-ab12"


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=5, unique=True), st.sampled_from(["A", "Z", "zz-9"]))
def test_runs_sort_by_time_whatever_the_datasets_are_called(seconds: list[int], name: str) -> None:
    run_ids = [
        make_run_id(name if number % 2 else "m", moment=MOMENT + timedelta(seconds=number), token="ffff")
        for number in seconds
    ]
    by_time = [run_id for _, run_id in sorted(zip(seconds, run_ids, strict=True))]
    assert sorted(run_ids, key=run_moment) == by_time


FACTS = ("schema_version", "run_id", "index", "dataset", "image", "image_digest", "opsctl_version", "output")


def test_a_scans_document_says_all_that_its_job_needs() -> None:
    document = ScanDocuments(
        M2gOptions(pipeline="both"),
        run=run(run_id="R", image="repo:1", output="s3://data/HNU1/derivatives/m2g-both-csa-native"),
        atlases=(),
        job=JOB,
        image_digest="sha256:abc",
    ).document(scan(), 1)
    assert json.loads(json.dumps(document)) == document
    assert {name: document[name] for name in FACTS} == {
        "schema_version": 1,
        "run_id": "R",
        "index": 1,
        "dataset": "s3://data/HNU1",
        "image": "repo:1",
        "image_digest": "sha256:abc",
        "opsctl_version": "0.1.0",
        "output": "s3://data/HNU1/derivatives/m2g-both-csa-native/sub-01/ses-1",
    }
    assert document["scan"] == {
        "name": "sub-01/ses-1",
        "subject": "01",
        "session": "1",
        "entities": {"subject": "01", "session": "1", "suffix": "dwi"},
    }
    assert document["inputs"][1] == {
        "uri": "s3://data/HNU1/sub-01/ses-1/dwi/sub-01_ses-1_dwi.bval",
        "role": "bval",
        "size_bytes": 10,
        "etag": "e2",
    }
    assert document["m2g"]["pipeline"] == "dwi"
    assert document["argv"][:5] == ["m2g", "INPUT_DIR", "OUTPUT_DIR", "--pipeline", "dwi"]
    assert document["key"] == "key-1"


@pytest.mark.parametrize(
    ("pipeline", "memory_mib", "kept", "resources"),
    [
        ("dwi", None, 66, ["--n_cpus", "1"]),
        # C-PAC takes the whole atlas.
        ("func", None, 134, ["--mem_gb", "12.8", "--n_cpus", "2"]),
        ("func", 30_400, 134, ["--mem_gb", "27.6", "--n_cpus", "2"]),
    ],
)
def test_a_scans_document_names_the_atlases_and_what_the_job_has(
    pipeline: Any, memory_mib: int | None, kept: int, resources: list[str]
) -> None:
    document = ScanDocuments(
        M2gOptions(pipeline="both", parcellation=("MICCAI",)),
        run=run(memory_mib=memory_mib),
        atlases=[atlas_table()["MICCAI"]],
        job=JOB,
    ).document(scan(pipeline=pipeline), 0)
    folder = "MICCAI_space-MNI152NLin6_res-2x2x2"
    assert document["atlases"] == [
        {"name": "MICCAI", "argument": folder.removesuffix("2x2x2"), "folder": folder, "regions": 134, "kept": kept}
    ]
    assert document["m2g"]["parcellation"] == ["MICCAI"]
    assert document["argv"][-len(resources) :] == resources
    assert (document["m2g"]["n_cpus"], document["m2g"]["mem_gb"]) == (None, None)


def test_keys_of_documents_sort_by_index() -> None:
    assert document_key("opsctl/runs/R", "results", 42) == "opsctl/runs/R/results/00042.json"


def decoded(run: Run) -> Run:
    return Run.decode(json.dumps(run.as_json()).encode(), f"s3://data/opsctl/runs/{run.run_id}/run.json")


def test_a_run_survives_its_json() -> None:
    recorded = run(3)
    value = json.loads(json.dumps(recorded.as_json()))
    assert value["count"] == 3
    assert value["schema_version"] == 1
    assert decoded(recorded) == recorded


def other_options(**changes: Any) -> dict[str, Any]:
    return {**M2gOptions().as_dict(), **changes}


def test_a_run_with_other_options_in_the_same_place_is_found() -> None:
    same, other = run(run_id="one"), run(run_id="two", m2g=other_options(seeds=1))
    same_work = ("s3://data/HNU1", M2gOptions().as_dict())
    assert mixing_run(*same_work, [same, other]) == other
    assert mixing_run(*same_work, [same]) is None
    assert mixing_run(*same_work, []) is None


@pytest.mark.parametrize(
    ("earlier", "changes"),
    [
        ({"pipeline": "func"}, {"pipeline": "func", "mem_gb": 8.0, "n_cpus": 4}),
        ({"pipeline": "func"}, {"diffusion_model": "csd"}),
        ({"parcellation": ("Desikan", "AAL")}, {"parcellation": ("AAL", "Desikan", "AAL")}),
        ({}, {"tr": 1.5}),
    ],
)
def test_runs_that_ask_m2g_for_the_same_are_not_mixed(earlier: dict[str, Any], changes: dict[str, Any]) -> None:
    options = M2gOptions(**earlier)
    recorded = decoded(run(m2g=options.as_dict()))
    assert mixing_run("s3://data/HNU1", dataclasses.replace(options, **changes).as_dict(), [recorded]) is None


@pytest.mark.parametrize("changes", [{"pipeline": "dwi"}, {"tr": 1.5}, {"mod": "prob"}, {"parcellation": ("AAL",)}])
def test_what_either_pipeline_reads_is_compared_where_both_run(changes: dict[str, Any]) -> None:
    both = M2gOptions(pipeline="both")
    earlier = run(m2g=both.as_dict())
    assert mixing_run("s3://data/HNU1", dataclasses.replace(both, **changes).as_dict(), [earlier]) == earlier


def test_two_datasets_of_one_name_are_not_mixed() -> None:
    other = run(run_id="two", dataset="s3://other/x/HNU1")
    assert mixing_run("s3://data/HNU1", M2gOptions().as_dict(), [other]) == other


def test_an_adopted_scans_records_are_where_it_was_made() -> None:
    recorded = run(3, sizes=(1,), adopted=(Origin("early", 7), Origin("other", 0)))
    assert [recorded.origin(index) for index in range(3)] == [
        Origin(recorded.run_id, 0),
        Origin("early", 7),
        Origin("other", 0),
    ]
    assert recorded.submitted_count == 1
    assert decoded(recorded) == recorded


def test_what_was_not_asked_for_may_be_missing() -> None:
    assert decoded(run()).memory_mib is None
    assert decoded(run(memory_mib=30400, max_spend_usd=20.0)).memory_mib == 30400


def test_a_command_line_that_no_record_could_hold_is_recorded_so_that_it_can_be_read() -> None:
    recorded = run(2, command_line=recorded_command_line(["opsctl", "run", "\udcff", "x" * 100_000]))
    assert recorded.command_line[2:] == ("\ufffd", "x" * 4_000)
    assert decoded(recorded) == recorded


def test_an_adopted_scan_is_of_the_m2g_that_did_it() -> None:
    """A run with m2g keeps the scans that the preview did, and the other way round."""
    adopting = dataclasses.replace(
        run(1),
        scans=("a", "b", "c"),
        keys=("k@preview:1", "k@preview:2", "k@sha256:3"),
        adopted=(Origin("r", 0), Origin("r", 1)),
    )
    of_m2g, of_preview = (
        dataclasses.replace(adopting, image=image) for image in ("repository:1", "opsctl-preview:0.1.0")
    )
    assert [of_m2g.is_previewed(index) for index in range(3)] == [False, True, False]
    assert [of_preview.is_previewed(index) for index in range(3)] == [True, True, False]
