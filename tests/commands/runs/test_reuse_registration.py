"""`run --reuse-registration`: which scans have a registration, what their jobs get, and where their outputs go."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from support.run_world import RunWorld, put_dataset, request, result_json

from opsctl.aws.s3.storage import Storage
from opsctl.core.errors import Problem
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.registration import ENDINGS, REGISTRATION, TISSUES
from opsctl.render.run import plan_lines

SCANS = ("sub-01", "sub-02")
NEEDED = (*REGISTRATION, *(tissue + ENDINGS[0] for tissue in TISSUES))
PICTURES = ("qa_d/skull_strip/qa_skullstrip__x.png", "qa_d/reg/t1w_in_dwi_2_nodif_B0_bet.png", "qa_d/reg/qa_fast.png")
OTHERS = ("connectomes_d/A/a.csv", "dwi/fiber/streamlines.trk", "qa_d/reg/Desikan_RAS_2_nodif_B0_bet.png")
FIRST = M2gOptions(parcellation=("Desikan",))
AGAIN = M2gOptions(parcellation=("Schaefer400",), reuse_registration=True)


@pytest.fixture
def world(storage: Storage, s3: Any, tmp_path: Path) -> RunWorld:
    put_dataset(s3, *SCANS)
    # moto's objects of equal bodies have equal etags: the scans are told apart by their images.
    for number, scan in enumerate(SCANS):
        s3.put_object(Bucket="data", Key=f"HNU1/{scan}/dwi/{scan}_dwi.nii.gz", Body=b"x" * (number + 2))
    return RunWorld(storage, tmp_path)


def finish(world: RunWorld, run_id: str, index: int, *, paths: tuple[str, ...] = (*NEEDED, *PICTURES, *OTHERS)) -> None:
    """End a scan's job with outputs of these paths."""
    run = world.records.run(run_id)
    base = f"{run.output}/{run.scans[index]}"
    files = [(f"{base}/{path}", f"{run_id} {index} {path}".encode()) for path in paths]
    for uri, body in files:
        world.storage.client.put_object(Bucket="data", Key=uri.removeprefix("s3://data/"), Body=body)
    value = result_json(index, run.scans[index], files, key=run.keys[index], run_id=run_id)
    world.storage.put_json("data", f"opsctl/runs/{run_id}/results/{index:05d}.json", value)


def first_run(world: RunWorld, *indices: int, **changes: Any) -> str:
    run_id = world.run(**{"options": FIRST, **changes}).run_id
    for index in indices:
        finish(world, run_id, index)
    return run_id


def test_the_jobs_get_the_earlier_files_and_m2gs_flags(world: RunWorld) -> None:
    first = first_run(world, 0, 1)
    plan = world.plan(options=AGAIN)
    run = plan.run(plan.dispositions)
    document = plan.documents(run)[0]
    base = "s3://data/HNU1/derivatives/m2g-csa-native/sub-01"
    assert (document["reuse"]["run_id"], document["reuse"]["base"]) == (first, base)
    paths = [file["path"] for file in document["reuse"]["files"]]
    assert sorted(paths) == sorted((*NEEDED, *PICTURES))
    assert set(document["reuse"]["files"][0]) == {"path", "size_bytes", "sha256", "etag"}
    assert document["argv"][-2:] == ["--skipeddy", "--skipreg"]
    assert document["m2g"]["reuse_registration"] is True
    assert json.loads(json.dumps(plan.as_json())) == plan.as_json()


def test_without_the_flag_nothing_is_reused(world: RunWorld) -> None:
    first_run(world, 0, 1)
    plan = world.plan(options=dataclasses.replace(AGAIN, reuse_registration=False), modif="x")
    assert [document["reuse"] for document in plan.documents(plan.run(plan.dispositions)).values()] == [None, None]


def test_a_scan_without_a_registration_is_excluded_with_the_reason(world: RunWorld) -> None:
    first_run(world, 0)
    plan = world.plan(options=AGAIN)
    assert [scan.name for scan in plan.chosen] == ["sub-01"]
    assert [scan.name for scan in plan.discovery.scans] == ["sub-01"]
    (excluded,) = plan.discovery.excluded
    assert excluded.key == "HNU1/sub-02/dwi/sub-02_dwi.nii.gz"
    assert "no finished scan with these inputs" in excluded.reason
    assert "without --reuse-registration first" in excluded.reason


@pytest.mark.parametrize("path", NEEDED)
def test_a_registration_that_lacks_one_file_is_not_reused(world: RunWorld, path: str) -> None:
    run_id = first_run(world, 0)
    finish(world, run_id, 1, paths=tuple(other for other in NEEDED if other != path))
    (excluded,) = world.plan(options=AGAIN).discovery.excluded
    assert excluded.reason == "registration not kept: run without --reuse-registration first"


@pytest.mark.parametrize("change", ["deleted", "replaced"])
def test_a_registration_that_was_changed_since_is_not_reused(world: RunWorld, change: str) -> None:
    first_run(world, 0, 1)
    key = f"HNU1/derivatives/m2g-csa-native/sub-02/{NEEDED[0]}"
    if change == "deleted":
        world.storage.client.delete_object(Bucket="data", Key=key)
    else:
        world.storage.client.put_object(Bucket="data", Key=key, Body=b"another")
    (excluded,) = world.plan(options=AGAIN).discovery.excluded
    assert excluded.reason.startswith("registration not kept")


def test_where_no_scan_has_one_the_run_is_refused(world: RunWorld) -> None:
    first_run(world)
    with pytest.raises(Problem, match="No chosen scan of s3://data/HNU1 has a registration to reuse") as refused:
        world.plan(options=AGAIN)
    assert "Leave --reuse-registration out" in refused.value.hint


@pytest.mark.parametrize(
    "changes",
    [
        {"diffusion_model": "csd"},
        {"mod": "prob"},
        {"seeds": 3},
        {"space": "native_dsn"},
        {"track_type": "particle"},
        {"parcellation": ("Desikan",)},
    ],
)
def test_options_after_the_registration_may_differ(world: RunWorld, changes: dict[str, Any]) -> None:
    first_run(world, 0, 1)
    assert len(world.plan(options=dataclasses.replace(AGAIN, **changes)).registrations) == 2


@pytest.mark.parametrize("changes", [{"voxelsize": "4mm"}, {"skull": "below"}])
def test_options_of_the_registration_may_not_differ(world: RunWorld, changes: dict[str, Any]) -> None:
    first_run(world, 0, 1)
    with pytest.raises(Problem, match="--voxelsize and --skull"):
        world.plan(options=dataclasses.replace(AGAIN, **changes))
    first_run(world, 0, 1, options=dataclasses.replace(FIRST, **changes), modif="other")
    assert len(world.plan(options=dataclasses.replace(AGAIN, **changes)).registrations) == 2


def test_changed_inputs_need_a_registration_of_their_own(world: RunWorld) -> None:
    first_run(world, 0, 1)
    world.storage.client.put_object(Bucket="data", Key="HNU1/sub-02/dwi/sub-02_dwi.bval", Body=b"other")
    assert [scan.name for scan in world.plan(options=AGAIN).chosen] == ["sub-01"]


def test_another_m2gs_registration_is_not_reused(world: RunWorld) -> None:
    first_run(world, 0, 1)
    world.platform = dataclasses.replace(world.platform, m2g_image="sha256:newer")
    with pytest.raises(Problem, match="made by another m2g"):
        world.plan(options=AGAIN)


def test_the_key_is_of_the_reused_files_too(world: RunWorld) -> None:
    first = first_run(world, 0, 1)
    keys = {scan.name: scan.key for scan in world.plan(options=AGAIN).dispositions}
    plain = world.plan(options=dataclasses.replace(AGAIN, reuse_registration=False), modif="x")
    assert not set(keys.values()) & {scan.key for scan in plain.dispositions}
    finish(world, first, 1)
    assert {scan.name: scan.key for scan in world.plan(options=AGAIN).dispositions} == keys
    # The scan was registered anew, in the same place.
    again = world.run(options=FIRST, only="all").run_id
    finish(world, again, 1)
    later = {scan.name: scan.key for scan in world.plan(options=AGAIN).dispositions}
    assert (later["sub-01"] == keys["sub-01"], later["sub-02"] == keys["sub-02"]) == (True, False)


def test_a_later_registration_elsewhere_changes_no_key(world: RunWorld) -> None:
    first_run(world, 0, 1)
    keys = [scan.key for scan in world.plan(options=AGAIN).dispositions]
    first_run(world, 0, 1, options=dataclasses.replace(FIRST, diffusion_model="csd"))
    assert [scan.key for scan in world.plan(options=AGAIN).dispositions] == keys


def test_typed_again_it_adopts_what_is_done(world: RunWorld) -> None:
    first_run(world, 0, 1)
    run_id = world.run(options=AGAIN).run_id
    finish(world, run_id, 0)
    counts = world.plan(options=AGAIN).counts
    assert counts["done"] == 1 and sum(counts.values()) == 2


def test_what_a_reusing_run_has_is_no_registration(world: RunWorld) -> None:
    first = first_run(world, 0, 1)
    run_id = world.run(options=AGAIN).run_id
    finish(world, run_id, 0)
    finish(world, run_id, 1)
    other = dataclasses.replace(AGAIN, parcellation=("JHU",))
    plan = world.plan(options=other)
    assert {registration.run_id for registration in plan.registrations.values()} == {first}
    assert f"reused: registration of 2 scans of {first}" in plan_lines(plan)
    for scan in SCANS:
        world.storage.client.delete_object(Bucket="data", Key=f"HNU1/derivatives/m2g-csa-native/{scan}/{NEEDED[0]}")
    with pytest.raises(Problem, match="registration not kept"):
        world.plan(options=other)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "m2g-csa-native-reuse-Schaefer400"),
        ({"parcellation": ("JHU", "AAL")}, "m2g-csa-native-reuse-AAL_JHU"),
        ({"diffusion_model": "csd", "space": "native_dsn"}, "m2g-csd-native_dsn-reuse-Schaefer400"),
    ],
)
def test_the_output_is_named_by_the_atlases(changes: dict[str, Any], name: str) -> None:
    assert request(options=dataclasses.replace(AGAIN, **changes)).output_name == name


def test_other_questions_have_other_outputs() -> None:
    many = tuple(f"Schaefer{count}00" for count in range(1, 9))
    asked = [{}, {"seeds": 3}, {"mod": "prob"}, {"parcellation": many}, {"parcellation": many, "seeds": 3}]
    asked += [{"parcellation": ()}, {"parcellation": many[1:]}]
    names = {request(options=dataclasses.replace(AGAIN, **changes)).output_name for changes in asked}
    assert len(names) == len(asked)
    assert all(len(name) < 80 for name in names)
    assert request(options=AGAIN, modif="mine").output_name == "mine"


def test_the_earlier_atlases_are_never_mixed_with_the_new_ones(world: RunWorld) -> None:
    first_run(world, 0, 1)
    for options in (AGAIN, dataclasses.replace(FIRST, reuse_registration=True)):
        with pytest.raises(Problem, match="never mixed"):
            world.plan(options=options, modif="m2g-csa-native")
