"""`report`: which facts and files of a run it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from support.record_examples import SCAN
from support.results_world import OUTPUT, RUN, World

from opsctl.aws.batch.batch import Batch
from opsctl.commands.results.asset_reader import fetch
from opsctl.commands.results.report import Report, ReportSubject, gather
from opsctl.commands.results.report_asset import Asset
from opsctl.commands.results.report_assets import AssetSelection, choose, summarise
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.costs.estimate import Rates
from opsctl.core.errors import ErrorCode, Problem, UsageProblem
from opsctl.core.results.connectome_counts import ConnectomeCounts
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Origin
from opsctl.core.runs.result import Result
from opsctl.core.runs.result_record import ResultWarning
from opsctl.core.runs.snapshot import Pricing
from opsctl.core.runs.status import BatchJob, join

NOW = datetime(2026, 11, 22, 20, 0, 0, tzinfo=UTC)
DOLLAR = Rates(
    instance_usd_per_hour=1.0,
    disk_usd_per_gib_hour=0.0,
    address_usd_per_hour=0.0,
    root_volume_gib=1,
    source="a test's",
    kind="on-demand",
)
CONNECTOMES = {f"sub-01/ses-1/connectomes_d/{atlas}/x_{atlas}.csv": b"0,1\n1,0\n" for atlas in ("Yeo", "AAL", "DKT")}
QA = {f"sub-01/ses-1/qa_d/{place}.png": b"p" for place in ("graphs_plotting/a", "reg/b", "skull/c")}


DIGEST = f"sha256:{'ab' * 32}"


def gathered(world: World, *, run_id: str = RUN) -> Report:
    """Gather a report as the verb does, with a Batch that knows no job any more."""

    class Client:
        def describe_jobs(self, **_: Any) -> dict[str, Any]:
            return {"jobs": []}

        def get_paginator(self, _: str) -> Any:
            return self

        def paginate(self, **_: Any) -> list[Any]:
            return []

    client: Any = Client()
    batch = Batch(client, submit_client=client)
    reader = SnapshotReader(world.records.run(run_id), records=world.records, batch=batch, now=lambda: NOW)
    subject = ReportSubject(run=reader.run)
    report = gather(
        reader.whole(), subject=subject, pricing=Pricing(rates=DOLLAR, is_local=True), records=world.records
    )
    # The verb hands them to `choose` one by one.
    return replace(report, results={result.index: result for result in reader.on_s3.each_result()})


def put_attempt(world: World, index: int, number: int, stopped_at: str | None, *, run_id: str = RUN) -> None:
    value = {
        "schema_version": 1,
        "run_id": run_id,
        "index": index,
        "scan": "s",
        "job_id": "j",
        "attempt": number,
        "started_at": "2026-11-22T12:00:00Z",
        "stopped_at": stopped_at,
        "exit_code": None,
        "cause": "",
        "log_stream": "l",
    }
    world.storage.put_json("data", f"opsctl/runs/{run_id}/attempts/{index:05d}.{number}.0123abcd.json", value)


def chosen(world: World, report: Report) -> AssetSelection:
    return choose(report, summarise(report.run, report.results.values()), world.storage, data_bucket="data")


def names(choice: AssetSelection) -> list[tuple[int, str, str]]:
    return [(asset.index, asset.kind, asset.name) for asset in choice.assets]


def test_the_facts_of_a_run(world: World) -> None:
    world.publish(0, CONNECTOMES)
    world.publish(1, {}, status="failed", cause="out of memory", exit_code=1)
    world.storage.put_json("data", f"opsctl/runs/{RUN}/scans/00000.json", {**SCAN, "index": 0, "image_digest": DIGEST})
    put_attempt(world, 0, 1, "2026-11-22T14:00:00Z")
    report = gathered(world)
    assert [scan.state for scan in report.status.scans] == ["DONE", "FAILED"]
    assert (report.at, report.image_digest, sorted(report.results)) == ("2026-11-22T20:00:00Z", DIGEST, [0, 1])
    assert report.status.bill is not None and report.status.bill.usd == pytest.approx(2.0 + 3665 / 3600)
    assert report.status.is_local
    assert [attempt.seconds for attempt in report.attempts[0]] == [7200.0]


def test_a_lost_attempt_ends_with_batchs_word_of_it(world: World) -> None:
    earlier = "HNU1-20261121-120000-cd34"
    world.put_run(earlier)
    world.put_run(RUN, sizes=(1,), adopted=(Origin(earlier, 1),))
    put_attempt(world, 1, 1, None, run_id=earlier)
    word = Attempt(index=1, number=1, job_id="j", stopped_at="2026-11-22T12:30:00Z", reason="Host EC2 terminated.")
    world.records.save_final_job_states(earlier, {1: BatchJob(job_id="j", status="FAILED", attempts=(word,))})
    (attempt,) = gathered(world).attempts[1]
    assert (attempt.reason, attempt.seconds) == ("Host EC2 terminated.", 1800.0)


def test_one_connectome_of_each_scan_and_its_pictures(world: World) -> None:
    world.publish(0, {**CONNECTOMES, **QA, "sub-01/ses-1/dwi/a.png": b"n", "sub-01/ses-1/qa_d/log.txt": b"n"})
    choice = chosen(world, gathered(world))
    assert names(choice) == [(0, "connectome", "AAL"), (0, "QA", "b.png"), (0, "QA", "c.png"), (0, "QA", "a.png")]
    assert choice.left_out == ()


def test_the_pictures_are_chosen_by_what_they_show(world: World) -> None:
    atlas = "Desikan_space-MNI152NLin6_res-4x4x4"
    below = "sub-01/ses-1"
    # Another atlas, by name before the one whose connectome is shown.
    other = "reg/AAL_space-MNI152NLin6_res-4x4x4_reor_aligned_atlas_2_b.png"
    pictures = ("reg/a.png", "reg/b.png", "reg/c.png", other, f"reg/{atlas}_reor_aligned_atlas_2_b.png")
    useful = ("skull_strip/qa_skullstrip__x.png", "reg/qa_fast.png", "reg/t1w_in_dwi_2_nodif_B0_bet.png")
    files = {f"{below}/qa_d/{picture}": b"p" for picture in (*pictures, *useful)}
    world.publish(0, {f"{below}/connectomes_d/{atlas}/x_connectome.csv": b"1 2 3.0\n", **files})
    assert [asset.name for asset in chosen(world, gathered(world)).assets] == [
        atlas,
        *(picture.rpartition("/")[2] for picture in (*useful, pictures[4])),
    ]


def test_of_a_functional_scan_the_signed_correlations_are_shown(world: World) -> None:
    atlas = "AAL_space-MNI152NLin6_res-2x2x2"
    names_of = [f"sub-01/ses-1/connectomes_f/{atlas}.nii.gz/x_{name}.csv" for name in ("abs_edgelist", "edgelist")]
    for lost, nodes in ((0, 116), (2, None)):
        kinds = ("absolute correlation", "correlation")
        counted = {"atlas": atlas, "nodes": 3, "edges": 3, "regions": 116, "lost": lost}
        graphs = [
            {"uri": f"{OUTPUT}/{name}", "kind": kind, **counted} for name, kind in zip(names_of, kinds, strict=True)
        ]
        for given in (graphs, []):
            world.publish(0, dict.fromkeys(names_of, b"1 2 0.5\n"), graphs=given)
            (asset,) = chosen(world, gathered(world)).assets
            assert (asset.name, asset.graph_kind, asset.uri) == (atlas, "correlation", f"{OUTPUT}/{names_of[1]}")
            assert asset.graph_nodes == (nodes if given else None)


def test_scans_to_look_at_come_after_the_failed_ones(world: World) -> None:
    world.put_run(RUN, scans=("sub-01/ses-1", "sub-02", "sub-03"), sizes=(3,), keys=("k",) * 3)
    world.publish(0, {"sub-01/ses-1/qa_d/a.png": b"p"})
    warning = {"code": "few_edges", "atlas": "AAL", "text": "It has 3 edges."}
    world.publish(1, {"sub-02/qa_d/b.png": b"p"}, warnings=[warning])
    world.publish(2, {}, scan="sub-03", status="failed", cause="c")
    world.s3.put_object(Bucket="data", Key=f"opsctl/runs/{RUN}/failures/00002/attempt-1/qa_d/c.png", Body=b"p")
    pictures = [name for _, _, name in names(chosen(world, gathered(world))) if name.endswith(".png")]
    assert pictures == ["c.png", "b.png", "a.png"]


def test_a_failed_scans_pictures_lie_with_the_runs_records(world: World) -> None:
    world.publish(0, {**CONNECTOMES, "sub-01/ses-1/qa_d/reg/b.png": b"p"})
    world.publish(1, {}, status="failed", cause="c")
    for place in ("00001/attempt-9/qa_d/old.png", "00001/attempt-10/qa_d/new.png", "00001/attempt-10/m2g.log"):
        world.s3.put_object(Bucket="data", Key=f"opsctl/runs/{RUN}/failures/{place}", Body=b"p")
    world.s3.put_object(Bucket="data", Key=f"opsctl/runs/{RUN}/failures/00000/attempt-1/qa_d/x.png", Body=b"p")
    assert names(chosen(world, gathered(world))) == [
        (1, "log", "m2g.log"),
        (1, "QA", "new.png"),
        (0, "connectome", "AAL"),
        (0, "QA", "b.png"),
    ]


def of_scan(result: Result, index: int) -> Result:
    """A result as another scan's, whose files lie in its own folder."""

    def moved(uri: str) -> str:
        return uri.replace("/sub-01/ses-1/", f"/sub-{index}/")

    files = tuple(msgspec.structs.replace(file, uri=moved(file.uri)) for file in result.files)
    graphs = tuple(msgspec.structs.replace(graph, uri=moved(graph.uri)) for graph in result.graphs)
    return replace(result, index=index, files=files, graphs=graphs, connectomes=tuple(map(moved, result.connectomes)))


def many(world: World, count: int) -> Report:
    """A report of `count` scans, all with files as the first one's."""
    world.publish(0, {**CONNECTOMES, **QA})
    report = gathered(world)
    run = replace(
        report.run, scans=tuple(f"sub-{number}" for number in range(count)), sizes=(count,), keys=("k",) * count
    )
    results = {index: of_scan(report.results[0], index) for index in range(count)}
    return replace(report, run=run, results=results, status=join(run, results=results, jobs={}))


def test_of_many_scans_less_is_shown_and_said(world: World) -> None:
    choice = chosen(world, many(world, 31))
    assert [asset.kind for asset in choice.assets].count("QA") == 31
    assert any(sentence.startswith("62 more QA pictures") for sentence in choice.left_out)


WARNING = ResultWarning(code="few_edges", atlas="AAL", text="It has 3 edges.")


@pytest.mark.parametrize(
    ("count", "warned", "failed", "pictured"),
    [
        (300, (299,), (), range(300)),
        (301, (), (), range(200)),
        (900, (3, 700, 899), (450,), (*range(200), 450, 700, 899)),
        # Of very many to look at, those that failed come first.
        (1000, tuple(range(200, 700)), (998, 999), (*range(498), 998, 999)),
    ],
)
def test_of_very_many_scans_the_first_and_those_to_look_at_have_pictures(
    world: World, count: int, warned: Sequence[int], failed: Sequence[int], pictured: Sequence[int]
) -> None:
    report = many(world, count)
    results = {
        index: replace(result, warnings=(WARNING,) * (index in warned)) for index, result in report.results.items()
    }
    for index in failed:
        results[index] = replace(results[index], status="failed", files=(), connectomes=(), graphs=())
        key = f"opsctl/runs/{RUN}/failures/{index:05d}/attempt-1/qa_d/c.png"
        world.s3.put_object(Bucket="data", Key=key, Body=b"p")
    report = replace(report, results=results, status=join(report.run, results=results, jobs={}))
    choice = chosen(world, report)
    assert choice.pictured == set(pictured)
    assert {asset.index for asset in choice.assets if asset.kind == "QA"} == set(pictured)
    assert {asset.index for asset in choice.assets if asset.kind == "connectome"} == set(pictured) - set(failed)
    # The others have their numbers.
    assert set(choice.files) == set(range(count))
    said = [sentence for sentence in choice.left_out if "scans: the first 200" in sentence]
    assert len(said) == (len(pictured) < count)
    assert all(sentence.startswith(f"Pictures of {len(pictured)} of {count:,} scans") for sentence in said)


def test_the_numbers_of_a_scan_are_its_first_connectomes(world: World) -> None:
    atlas, other = "AAL_space-MNI152NLin6_res-2x2x2", "Yeo_space-MNI152NLin6_res-2x2x2"
    places = [
        f"sub-01/ses-1/connectomes_f/{name}.nii.gz/x_{kind}.csv"
        for name in (other, atlas)
        for kind in ("abs_edgelist", "edgelist")
    ]
    graphs = [
        {
            "uri": f"{OUTPUT}/{place}",
            "atlas": place.split("/")[3].removesuffix(".nii.gz"),
            "kind": "absolute correlation" if "abs" in place else "correlation",
            "nodes": 3,
            "edges": number,
            "regions": None,
            "lost": 0,
        }
        for number, place in enumerate(places)
    ]
    world.publish(0, dict.fromkeys(places, b"1 2 0.5\n"), graphs=graphs)
    files = chosen(world, gathered(world)).files[0]
    assert list(files.connectomes) == [
        (atlas, "correlation", 3, 3, 0),
        (other, "correlation", 3, 1, 0),
    ]
    assert (files.count, files.size_bytes) == (4, 32)


def test_one_atlas_is_pictured_that_all_scans_have(world: World) -> None:
    other = {place.replace("sub-01/ses-1", "sub-02"): body for place, body in CONNECTOMES.items() if "AAL" not in place}
    world.publish(0, CONNECTOMES)
    world.publish(1, other, scan="sub-02")
    report = gathered(world)
    files = summarise(report.run, report.results.values())

    def pictured(typed: str | None) -> tuple[str, list[tuple[int, str]]]:
        choice = choose(report, files, world.storage, data_bucket="data", parcellation=typed)
        return choice.atlas, [(asset.index, asset.name) for asset in choice.assets]

    assert pictured(None) == ("DKT", [(0, "DKT"), (1, "DKT")])
    assert pictured("yeo") == ("Yeo", [(0, "Yeo"), (1, "Yeo")])
    # A scan without it has no picture.
    assert pictured("AAL") == ("AAL", [(0, "AAL")])
    assert files[1].connectomes.atlases == ("DKT", "Yeo")
    with pytest.raises(UsageProblem, match="No scan has a connectome of the parcellation Glasser") as caught:
        pictured("Glasser")
    assert caught.value.hint == "There are: AAL, DKT, Yeo."
    with pytest.raises(UsageProblem, match="--parcellation k means several of the connectomes"):
        choose_among_similar(report, world)


def choose_among_similar(report: Report, world: World) -> None:
    files = summarise(report.run, report.results.values())
    graph = report.results[0].graphs[0]
    similar = ConnectomeCounts(msgspec.structs.replace(graph, atlas=atlas) for atlas in ("DKT", "Desikan_k"))
    altered = {0: replace(files[0], connectomes=similar)}
    choose(report, altered, world.storage, data_bucket="data", parcellation="k")


def test_of_a_log_the_end_is_read(world: World) -> None:
    world.publish(0, CONNECTOMES)
    world.publish(1, {}, status="failed", cause="c")
    log = b"first line\n" + b"x" * 50_000 + b"\nlast line\n"
    world.s3.put_object(Bucket="data", Key=f"opsctl/runs/{RUN}/failures/00001/attempt-1/m2g.log", Body=log)
    (asset,) = [asset for asset in chosen(world, gathered(world)).assets if asset.kind == "log"]
    ((body,), _) = fetched(world, [asset])
    assert isinstance(body, bytes) and body.endswith(b"\nlast line\n") and len(body) == 32_768


def test_what_is_too_large_is_not_fetched(world: World) -> None:
    report = many(world, 1)
    large = tuple(msgspec.structs.replace(file, size_bytes=17_000_000) for file in report.results[0].files)
    choice = chosen(world, replace(report, results={0: replace(report.results[0], files=large)}))
    assert (choice.assets, choice.left_out) == ((), ("4 files over 16 MB are not shown.",))


def fetched(world: World, assets: Sequence[Asset]) -> tuple[list[bytes | str], list[Asset]]:
    reported: list[Asset] = []

    def decode(item: Asset, body: bytes) -> bytes:
        if body == b"odd":
            raise Problem("It is odd.", code=ErrorCode.FILE_UNREADABLE)
        return body

    bodies = fetch(assets, world.storage, decode=decode, on_file=reported.append)
    assert list(bodies) == list(assets)
    return [body.what if isinstance(body, Problem) else body for body in bodies.values()], reported


def test_a_file_that_cannot_be_shown_stops_nothing(world: World) -> None:
    world.publish(0, {f"sub-01/ses-1/qa_d/{name}.png": name.encode() for name in ("fine", "odd", "gone", "other")})
    assets = [asset for asset in chosen(world, gathered(world)).assets if asset.name.endswith(".png")]
    assert [asset.name for asset in assets] == ["fine.png", "gone.png", "odd.png", "other.png"]
    world.s3.delete_object(Bucket="data", Key=world.key("sub-01/ses-1/qa_d/gone.png"))
    world.s3.put_object(Bucket="data", Key=world.key("sub-01/ses-1/qa_d/other.png"), Body=b"written since")
    (fine, gone, odd, other), reported = fetched(world, assets)
    assert (fine, odd) == (b"fine", "It is odd.")
    assert isinstance(gone, str) and f"{OUTPUT}/sub-01/ses-1/qa_d/gone.png" in gone
    assert isinstance(other, str) and other.startswith("It is not the file that the job published")
    assert sorted(asset.name for asset in reported) == ["fine.png", "gone.png", "odd.png", "other.png"]


def test_a_report_reads_only_the_scans_own_files(world: World) -> None:
    own = {"sub-01/ses-1/connectomes_d/AAL/x.csv": b"0,1\n1,0\n", "sub-01/ses-1/qa_d/a.png": b"p"}
    foreign = {f"sub-02/{place.partition('/ses-1/')[2]}": body for place, body in own.items()}
    foreign |= {"sub-01/ses-1/.qa/qa_d/b.png": b"p", "s3://evil/derivatives/x/sub-01/ses-1/qa_d/c.png": b"p"}
    world.publish(0, own)
    report = gathered(world)
    # As a reader of records would hand it on that believed everything.
    result = report.results[0]
    uris = [place if place.startswith("s3:") else f"{OUTPUT}/{place}" for place in foreign]
    files = (*result.files, *(msgspec.structs.replace(result.files[0], uri=uri) for uri in uris))
    connectomes = (*result.connectomes, *(uri for uri in uris if uri.endswith(".csv")))
    altered = replace(result, files=files, connectomes=connectomes)
    choice = chosen(world, replace(report, results={0: altered}))
    assert [asset.uri for asset in choice.assets] == [f"{OUTPUT}/{place}" for place in own]
    assert choice.left_out == ("4 files that results list and that are no outputs of their scans are not read.",)


def test_no_more_is_read_than_the_result_says(world: World) -> None:
    world.publish(0, {"sub-01/ses-1/qa_d/a.png": b"small"})
    (asset,) = [asset for asset in chosen(world, gathered(world)).assets if asset.name == "a.png"]
    read: list[int] = []

    def note(parsed: Any, **_: Any) -> None:
        read.append(parsed["ContentLength"])

    world.s3.put_object(Bucket="data", Key=world.key("sub-01/ses-1/qa_d/a.png"), Body=b"x" * 1_000_000)
    world.s3.meta.events.register("after-call.s3.GetObject", note, unique_id="note")
    ((body,), _) = fetched(world, [asset])
    world.s3.meta.events.unregister("after-call.s3.GetObject", unique_id="note")
    assert (str(body).startswith("It is not the file that the job published"), read) == (True, [6])
