"""The lists of runs and datasets: right, and from few calls; and runs by a part of their id."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.batch_world import NOW, RATES, BatchWorld, Child, made_run, submitted
from support.bids_trees import PATTERNS
from support.run_world import ATLASES, put_run, result_json
from support.stored_json import stored_json

from opsctl.assets import atlas_table
from opsctl.aws.s3.cache import Cache
from opsctl.aws.s3.storage import Storage
from opsctl.commands.dataset.datasets import datasets
from opsctl.commands.runs.completion_cache import CompletionReader
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_list import RunList, runs
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.costs.money import spent
from opsctl.core.errors import Problem
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.names import find_run
from opsctl.core.runs.snapshot import Pricing
from opsctl.render.runs import ago_text

A, B, C = "HNU1-20261120-120000-aaaa", "HNU1-20261121-120000-bbbb", "ragged-20261122-120000-cccc"


NAMES = {"a": f"{A}-00", "b": f"{B}-00", "c": f"{C}-00"}


@pytest.fixture
def calls(s3: Any) -> Iterator[Counter[str]]:
    """What S3 was asked, by operation."""
    counted: Counter[str] = Counter()

    def note(model: Any, **_: Any) -> None:
        counted[model.name] += 1

    s3.meta.events.register("before-call.s3", note, unique_id="calls")
    yield counted
    s3.meta.events.unregister("before-call.s3", unique_id="calls")


def finish(storage: Storage, run_id: str, *indices: int, status: str = "succeeded") -> None:
    run = stored_json(storage, f"opsctl/runs/{run_id}/run.json")
    assert run is not None
    for index in indices:
        scan = f"sub-0{index + 1}"
        files = (
            [(f"{run['output']}/{scan}/connectomes_d/A/x_connectome.csv", b"1 2 3")] if status == "succeeded" else []
        )
        value = result_json(index, scan, files, status=status, run_id=run_id)
        storage.put_json("data", f"opsctl/runs/{run_id}/results/{index:05d}.json", value)


def listed(records: Records, world: BatchWorld, **asked: Any) -> RunList:
    return runs(records=records, batch=world.adapter, atlases=atlas_table(), now=lambda: NOW, **asked)


def test_every_run_with_what_it_came_to(storage: Storage, records: Records) -> None:
    put_run(storage, A)
    finish(storage, A, 0, 1)
    run = put_run(
        storage,
        B,
        m2g={**M2gOptions(parcellation=ATLASES).as_dict(), "seeds": 1},
        output="s3://data/HNU1/derivatives/quick",
    )
    records.put_submission(B, submitted(run, job_id="b"))
    finish(storage, B, 0)
    failed = put_run(storage, C, dataset="s3://elsewhere/ragged", output="s3://data/ragged/derivatives/m2g-csa-native")
    records.put_submission(C, submitted(failed, job_id="c"))
    finish(storage, C, 0)
    finish(storage, C, 1, status="failed")
    world = BatchWorld(
        {"b": [Child("SUCCEEDED"), Child("RUNNING")], "c": [Child("SUCCEEDED"), Child("FAILED")]}, job_names=NAMES
    )
    run_list = listed(records, world)
    assert [line.run_id for line in run_list.lines] == [A, B, C]
    assert [(line.state, line.done, line.failed, line.active, line.total) for line in run_list.lines] == [
        ("done", 2, 0, 0, 2),
        ("active", 1, 0, 1, 2),
        ("failed", 1, 1, 0, 2),
    ]
    assert [dict(line.options) for line in run_list.lines] == [{}, {"seeds": 1}, {}]
    assert [line.output.rpartition("/")[2] for line in run_list.lines] == ["m2g-csa-native", "quick", "m2g-csa-native"]


def test_what_a_run_has_cost_is_what_cost_says(storage: Storage, tmp_path: Path) -> None:
    run = put_run(storage, A)
    records = Records(storage, data_bucket="data", cache=Cache(tmp_path / "cache"))
    records.put_submission(A, submitted(run, job_id="a"))
    finish(storage, A, 0)
    finish(storage, A, 1, status="failed")
    world = BatchWorld({"a": [Child("SUCCEEDED"), Child("FAILED")]}, job_names=NAMES)
    dear, cheap = pricing(2.0), pricing(1.0)
    snapshot = SnapshotReader(run, records=records, batch=world.adapter, now=lambda: NOW).progress()
    first = listed(records, world, pricing_of=lambda _: dear)
    assert first.cost(first.lines[0]) == spent(snapshot.bill(dear.rates).usd, is_local=False)
    assert first.cost(first.lines[0]).usd > 0  # type: ignore[union-attr]
    # An ended run is read once; the price is today's.
    world.calls.clear()
    again = listed(records, world, pricing_of=lambda _: cheap)
    assert again.cost(again.lines[0]) == spent(snapshot.bill(cheap.rates).usd, is_local=False)
    assert not world.calls
    assert again.as_json()["runs"][0]["cost"]["usd_is"] == "charged"
    # Without prices the list says nothing of costs.
    assert listed(records, world).as_json()["runs"][0]["cost"] is None


def pricing(usd_per_hour: float) -> Pricing:
    rates = replace(RATES, instance_usd_per_hour=usd_per_hour)
    return Pricing(rates=rates, is_local=False)


def test_a_cancelled_scan_has_not_failed(storage: Storage, records: Records) -> None:
    run = put_run(storage, A)
    records.put_submission(A, submitted(run, job_id="a"))
    finish(storage, A, 0)
    cancelled = Child("FAILED", reason="opsctl cancel: by ada")
    line = listed(records, BatchWorld({"a": [Child("SUCCEEDED"), cancelled]}, job_names=NAMES)).lines[0]
    assert (line.done, line.failed, line.cancelled, line.state) == (1, 0, 1, "cancelled")


def test_batch_is_not_asked_about_a_run_whose_results_are_all_there(storage: Storage, records: Records) -> None:
    run = put_run(storage, A)
    records.put_submission(A, submitted(run, job_id="a"))
    finish(storage, A, 0, 1)
    world = BatchWorld({"a": [Child("SUCCEEDED"), Child("SUCCEEDED")]}, job_names=NAMES)
    assert listed(records, world).lines[0].state == "done"
    assert not world.calls


def test_a_hundred_runs_that_have_ended_are_one_call(storage: Storage, tmp_path: Path, calls: Counter[str]) -> None:
    for number in range(100):
        run_id = f"HNU1-20261120-{number:06d}-aaaa"
        run = put_run(storage, run_id)
        records = Records(storage, data_bucket="data")
        records.put_submission(run_id, submitted(run, job_id=f"p{number}"))
        finish(storage, run_id, 0, 1, status="failed" if number % 2 else "succeeded")
    run = put_run(storage, B)
    Records(storage, data_bucket="data").put_submission(B, submitted(run, job_id="b"))
    failed = {f"p{number}": [Child("FAILED"), Child("FAILED")] for number in range(100)}
    names = {f"p{number}": f"HNU1-20261120-{number:06d}-aaaa-00" for number in range(100)}
    world = BatchWorld({**failed, "b": [Child("RUNNING"), Child("RUNNING")]}, job_names={**NAMES, **names})
    records = Records(storage, data_bucket="data", cache=Cache(tmp_path / "cache"))
    first = listed(records, world)
    assert Counter(line.state for line in first.lines) == {"done": 50, "failed": 50, "active": 1}
    calls.clear()
    world.calls.clear()
    again = listed(Records(storage, data_bucket="data", cache=Cache(tmp_path / "cache")), world)
    assert again == first
    # One listing of the runs; record, results and submissions of the run that is not over; one call of Batch.
    assert sum(calls.values()) <= 6
    assert sum(world.calls.values()) <= 2


@pytest.mark.parametrize("value", [{}, [], "x", {"run_id": A, "later": 1}])
def test_an_end_that_another_version_stored_is_read_anew(storage: Storage, records: Records, value: object) -> None:
    run = put_run(storage, A)
    records.put_submission(A, submitted(run, job_id="a"))
    finish(storage, A, 0, 1)
    expected = listed(records, BatchWorld())
    records.completion_cache.end(A, value)  # type: ignore[arg-type]
    assert listed(records, BatchWorld()) == expected
    stored = {**dataclasses.asdict(expected.lines[0]), "later": 1, "done": 1}
    records.completion_cache.end(A, stored)
    assert listed(records, BatchWorld()).lines[0].done == 1


def test_a_run_that_goes_on_is_asked_about_again(storage: Storage, records: Records) -> None:
    run = put_run(storage, B)
    records.put_submission(B, submitted(run, job_id="b"))
    world = BatchWorld({"b": [Child("RUNNING"), Child("RUNNABLE")]}, job_names=NAMES)
    assert listed(records, world).lines[0].active == 2
    finish(storage, B, 0, 1)
    world.arrays["b"] = [Child("SUCCEEDED"), Child("SUCCEEDED")]
    assert listed(records, world).lines[0].state == "done"


def test_a_run_that_was_cut_short_may_go_on(storage: Storage, records: Records) -> None:
    """Nothing was submitted, or nobody wrote it down: whoever types the run again submits it."""
    run = put_run(storage, B)
    world = BatchWorld(job_names=NAMES)
    assert listed(records, world).lines[0].state == "failed"
    records.put_submission(B, submitted(run, job_id="b"))
    world.arrays["b"] = [Child("RUNNING"), Child("RUNNING")]
    assert listed(records, world).lines[0].state == "active"


def test_a_job_that_still_runs_keeps_a_failed_result_from_being_the_last_word(
    storage: Storage, records: Records
) -> None:
    run = put_run(storage, B)
    records.put_submission(B, submitted(run, job_id="b"))
    finish(storage, B, 0)
    finish(storage, B, 1, status="failed")
    world = BatchWorld({"b": [Child("SUCCEEDED"), Child("RUNNING")]}, job_names=NAMES)
    listed(records, world)
    finish(storage, B, 1)
    world.arrays["b"] = [Child("SUCCEEDED"), Child("SUCCEEDED")]
    assert listed(records, world).lines[0].state == "done"


def test_the_last_runs_only_and_those_of_a_dataset(storage: Storage, records: Records) -> None:
    for run_id in (A, B):
        put_run(storage, run_id)
    put_run(storage, C, dataset="s3://elsewhere/ragged", output="s3://data/ragged/derivatives/m2g-csa-native")
    world = BatchWorld()
    run_list = listed(records, world, last=1)
    assert ([line.run_id for line in run_list.lines], run_list.earlier) == ([C], 2)
    assert [line.run_id for line in listed(records, world, dataset="HNU1").lines] == [A, B]
    assert [line.run_id for line in listed(records, world, dataset="HNU1", last=1).lines] == [B]
    assert [line.run_id for line in listed(records, world, dataset="s3://elsewhere/ragged").lines] == [C]
    assert listed(records, world, dataset="s3://data/ragged").lines == ()
    assert listed(records, world, dataset="HNU").lines == ()


def test_a_run_without_a_readable_record_does_not_hide_the_others(storage: Storage, records: Records) -> None:
    put_run(storage, A)
    storage.put_json("data", f"opsctl/runs/{B}/run.json", {"schema_version": 99, "run_id": B})
    storage.put_json("data", f"opsctl/runs/{C}/scans/00000.json", {})
    run_list = listed(records, BatchWorld())
    assert [line.run_id for line in run_list.lines] == [A]
    # C was stopped before it submitted anything: it is no run.
    assert run_list.unread == (B,)
    assert run_list.as_json()["unread"] == [B]


def test_datasets_with_their_subjects_and_derivatives(
    s3: Any, storage: Storage, records: Records, calls: Counter[str]
) -> None:
    for key in (
        "HNU1/dataset_description.json",
        "HNU1/sub-01/dwi/a.nii.gz",
        "HNU1/sub-02/dwi/a.nii.gz",
        "HNU1/derivatives/m2g-csa-native/sub-01/x",
        "HNU1/derivatives/quick/x",
        "HNU10/sub-01/x",
        "ragged/derivatives/m2g-csa-native/x",
        "opsctl/runs/R/run.json",
        "README",
    ):
        s3.put_object(Bucket="data", Key=key, Body=b"x")
    calls.clear()
    named = {"mine": "s3://elsewhere/ragged", "same": "s3://data/HNU1"}
    lines = datasets(
        storage, data_bucket="data", completion_cache=records.completion_cache, patterns=PATTERNS, named=named
    )
    assert [(line.name, line.subjects, line.derivatives) for line in lines] == [
        ("HNU1", 2, ("m2g-csa-native", "quick")),
        ("HNU10", 1, ()),
        ("ragged", 0, ("m2g-csa-native",)),
        ("mine", None, ("m2g-csa-native",)),
    ]
    # The bucket, the root of each dataset, two folders of derivatives, and the subjects of HNU1 and HNU10.
    assert calls == {"ListObjectsV2": 9}


def test_what_a_dataset_holds_and_what_a_run_leaves_out(s3: Any, storage: Storage, records: Records) -> None:
    scan = [f"sub-01/dwi/sub-01_dwi.{ending}" for ending in ("nii.gz", "bval", "bvec")]
    for path in (
        *("dataset_description.json", "sub-01/anat/sub-01_T1w.nii.gz", *scan),
        *("sub-02/func/sub-02_task-rest_bold.nii.gz", "sub-02/anat/sub-02_T1w.nii.gz"),
        *("sub-03/anat/sub-03_T1w.nii.gz", "sub-04/dwi/sub-04_dwi.nii.gz"),
        *("sourcedata/z.dcm", "derivatives/m2g/x", "code/x.py"),
    ):
        s3.put_object(Bucket="data", Key=f"HNU1/{path}", Body=b"12345")
    last = s3.head_object(Bucket="data", Key="HNU1/sub-04/dwi/sub-04_dwi.nii.gz")["LastModified"]
    (line,) = datasets(storage, data_bucket="data", completion_cache=records.completion_cache, patterns=PATTERNS)
    contents = line.contents
    assert contents is not None
    assert (line.subjects, contents.dwi_scans, contents.func_scans, contents.excluded) == (4, 1, 1, 1)
    assert contents.without_scans == ("sub-03", "sub-04")
    assert contents.size_bytes == 9 * 5
    assert contents.changed == last
    assert contents.other_folders == ("code", "sourcedata")
    assert line.as_json()["contents"]["changed"] == last.isoformat()


def test_a_dataset_that_cannot_be_counted_does_not_hide_the_others(s3: Any, storage: Storage, records: Records) -> None:
    for key in ("BAD/sub-a/dwi/sub-a_dwi.nii.gz", "BAD/sub-A/dwi/sub-A_dwi.nii.gz", "GOOD/sub-01/x"):
        s3.put_object(Bucket="data", Key=key, Body=b"x")
    bad, good = datasets(storage, data_bucket="data", completion_cache=records.completion_cache, patterns=PATTERNS)
    assert bad.contents is None
    assert "differ" in bad.fault
    assert good.contents is not None
    assert (bad.subjects, good.subjects) == (2, 1)


def test_a_run_by_its_beginning_or_its_end() -> None:
    ids = [A, B, C]
    assert [find_run(ids, typed) for typed in (A, "rag", "HNU1-20261121", "aaaa", "cccc")] == [A, C, B, A, C]
    with pytest.raises(Problem, match="2 runs could be HNU1") as caught:
        find_run(ids, "HNU1")
    assert f"{B}, {A}" in caught.value.hint
    with pytest.raises(Problem, match="There is no run HNU1-20261121-120000-bbbc") as caught:
        find_run(ids, "HNU1-20261121-120000-bbbc")
    assert caught.value.hint.startswith(f"Near: {B}")
    assert "opsctl runs" in caught.value.hint
    for typed in ("", "aaa", "120000", "zzzz"):
        with pytest.raises(Problem, match="There is no run"):
            find_run(ids, typed)


def test_a_run_is_found_by_a_part_of_its_id(storage: Storage, records: Records) -> None:
    put_run(storage, A)
    put_run(storage, C)
    assert records.run("aaaa").run_id == A
    assert records.run("ragged").run_id == C
    storage.put_json("data", f"opsctl/runs/{B}/scans/00000.json", {})
    with pytest.raises(Problem, match="has no record"):
        records.run("bbbb")


def test_the_runs_of_a_dataset_whose_name_no_job_may_have(storage: Storage, records: Records) -> None:
    """A run's id is safe as a job's name, whatever the dataset is called: its earlier runs are found all the same."""
    for run_id in ("my-data-v1-2-20261120-120000-aaaa", "my-data-20261120-120000-aaaa"):
        put_run(storage, run_id)
    assert [run.run_id for run in records.runs_of("my data.v1.2")] == ["my-data-v1-2-20261120-120000-aaaa"]


def test_what_was_looked_at_is_known_to_completion(storage: Storage, tmp_path: Path) -> None:
    path = tmp_path / "cache"
    records = Records(storage, data_bucket="data", cache=Cache(path))
    put_run(storage, A)
    put_run(
        storage,
        C,
        dataset="s3://elsewhere/ragged",
        output="s3://data/ragged/derivatives/m2g-csa-native",
        scans=("sub-alice",),
        keys=("k",),
        sizes=(1,),
    )
    records.run(None)
    known = CompletionReader(path, "data")
    assert known.runs() == [A, C]
    assert known.scans(None) == known.scans_of("s3://elsewhere/ragged") == ["sub-alice"]
    assert (known.scans(A), known.datasets()) == ([], ["s3://elsewhere/ragged"])
    records.run(A)
    assert known.scans(A) == known.scans_of("HNU1") == ["sub-01", "sub-02"]
    storage.put_json("data", "lab/sub-01/x", {})
    datasets(storage, data_bucket="data", completion_cache=records.completion_cache, patterns=PATTERNS)
    assert known.datasets() == ["lab", "s3://elsewhere/ragged"]
    assert CompletionReader(tmp_path / "none", "data").runs() == []
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "just now"), (179, "2 min ago"), (5400, "1 h ago"), (47 * 3600, "47 h ago"), (49 * 3600, "2 d ago")],
)
def test_moments_are_short(seconds: int, words: str) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert ago_text(now - timedelta(seconds=seconds), now=now) == words


def test_a_run_keeps_its_line_as_it_was(storage: Storage, tmp_path: Path) -> None:
    """What is remembered of an ended run is all that the list shows."""
    run = dataclasses.replace(made_run(2, run_id=A), m2g=M2gOptions(parcellation=("AAL", "Desikan")).as_dict())
    storage.put_json("data", f"opsctl/runs/{A}/run.json", run.as_json())
    finish(storage, A, 0, 1)
    records = Records(storage, data_bucket="data", cache=Cache(tmp_path / "cache"))
    first = listed(records, BatchWorld())
    storage.client.delete_object(Bucket="data", Key=f"opsctl/runs/{A}/results/00000.json")
    assert listed(records, BatchWorld()) == first
    # `Desikan` would select DesikanKlein too.
    assert first.lines[0].options == {"parcellation": ["AAL", "Desikan_"]}
