"""After a new image only what m2g itself would do otherwise is worth a question, and nothing is submitted again."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from support.run_world import PLATFORM, RunWorld, put_dataset
from support.stored_json import stored_json

from opsctl.aws.s3.storage import Storage
from opsctl.core.errors import Problem
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.manifest import Origin
from opsctl.core.runs.scan_key import m2g_image_of, work_of

SUBJECTS = ("sub-01", "sub-02", "sub-03")
NEW_RUNNER = {"image": "repo:0.2.0", "opsctl_version": "0.2.0"}
NEW_M2G = {"image": "repo:0.3.0", "m2g_image": "sha256:another"}


@pytest.fixture
def world(s3: Any, storage: Storage, tmp_path: Path) -> RunWorld:
    put_dataset(s3, *SUBJECTS)
    return RunWorld(storage, tmp_path)


@pytest.fixture
def first(world: RunWorld) -> str:
    """The id of a run whose first two scans are done and whose third has failed."""
    run_id = world.run().run_id
    world.finish(run_id, 0, 1)
    world.finish(run_id, 2, status="failed")
    world.batch.end("job-0", "SUCCEEDED", "SUCCEEDED", "FAILED")
    return run_id


def push(world: RunWorld, **image: str) -> None:
    """Let the platform's jobs run another image."""
    world.platform = dataclasses.replace(world.platform, **image)  # type: ignore[arg-type]


def larger_machines() -> dict[str, Any]:
    models = PLATFORM.models.items()
    return {"models": {name: dataclasses.replace(model, memory_mib=60800, vcpus=8) for name, model in models}}


#: What is typed otherwise, and what is otherwise on the platform, without any change of what m2g does.
SAME_WORK: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a rebuilt runner": ({"version": "0.2.0"}, NEW_RUNNER),
    "less memory": ({"memory_mib": 20000}, {}),
    "a budget": ({"max_spend_usd": 20.0}, {}),
    "another person": ({"user": "bob", "command_line": ("opsctl", "run", "HNU1", "--yes")}, {}),
    "other machines": ({}, larger_machines()),
    "Spot": ({}, {"spot": True, "spot_fallback": True}),
    "a larger disk": ({}, {"root_volume_gib": 500}),
    "another registry": ({}, {"image": f"docker.io/lab/jobs@sha256:{'1' * 64}", "repository_url": "elsewhere"}),
}


@pytest.mark.parametrize(("typed", "platform"), SAME_WORK.values(), ids=SAME_WORK)
def test_what_m2g_does_not_see_makes_no_new_work(
    world: RunWorld, first: str, typed: dict[str, Any], platform: dict[str, Any]
) -> None:
    keys = world.records.run(first).keys
    push(world, **platform)
    plan = world.plan(**typed)
    assert tuple(scan.key for scan in plan.dispositions) == keys
    assert [scan.name for scan in plan.to_submit()] == ["sub-03"]
    assert (plan.counts, plan.earlier_m2g(), plan.has_choice) == ({"done": 2, "failed": 1}, {}, False)


def test_the_queue_of_the_other_model_makes_no_new_work(world: RunWorld) -> None:
    csd = M2gOptions(diffusion_model="csd")
    run_id = world.run(options=csd).run_id
    world.finish(run_id, 0, 1, 2)
    world.batch.end("job-0", "SUCCEEDED")
    plan = world.plan(options=csd, memory_mib=30400)
    assert plan.request.resources(world.platform) == "csa"
    assert plan.counts == {"done": 3}


def test_work_of_another_m2g_is_kept_unless_it_is_asked_for_again(world: RunWorld, first: str) -> None:
    push(world, **NEW_M2G)
    plan = world.plan()
    assert plan.counts == {"other_m2g": 2, "failed": 1}
    assert plan.earlier_m2g() == {"sha256:m2g": 2}
    assert (plan.has_choice, plan.done_count) == (True, 2)
    assert [scan.name for scan in plan.to_submit()] == ["sub-03"]
    assert [scan.name for scan in plan.redoing().to_submit()] == list(SUBJECTS)
    assert [scan.name for scan in world.plan(only="changed").to_submit()] == ["sub-01", "sub-02"]
    assert [scan.name for scan in world.plan(only="failed").to_submit()] == ["sub-03"]
    assert [world.plan(only=only).has_choice for only in ("changed", "failed", "all")] == [False, False, False]
    value = plan.as_json()
    assert (value["m2g_image"], value["earlier_m2g"]) == ("sha256:another", {"sha256:m2g": 2})
    assert value["counts"] == {"other_m2g": 2, "failed": 1}


def test_what_is_kept_is_adopted_as_the_earlier_m2g_did_it(world: RunWorld, first: str) -> None:
    push(world, **NEW_M2G)
    outcome = world.run()
    assert (outcome.submitted, outcome.done) == (1, 2)
    assert outcome.as_json()["earlier_m2g"] == {"sha256:m2g": 2}
    run, earlier = world.records.run(outcome.run_id), world.records.run(first)
    assert run.scans == ("sub-03", "sub-01", "sub-02")
    assert run.adopted == (Origin(first, 0), Origin(first, 1))
    assert run.keys[1:] == earlier.keys[:2]
    assert (m2g_image_of(run.keys[0]), work_of(run.keys[0])) == ("sha256:another", work_of(earlier.keys[2]))
    world.finish(outcome.run_id, 0)
    assert world.plan().counts == {"other_m2g": 2, "done": 1}


def test_what_is_done_again_is_done_with_the_new_m2g(world: RunWorld, first: str) -> None:
    push(world, **NEW_M2G)
    outcome = world.carry_out(world.plan().redoing())
    assert (outcome.submitted, outcome.done, outcome.earlier_m2g) == (3, 2, {})
    world.finish(outcome.run_id, 0, 1, 2, body=b"4 5 6")
    world.batch.end("job-1", "SUCCEEDED")
    assert world.plan().counts == {"done": 3}
    push(world, image="repo:0.1.0", m2g_image="sha256:m2g")
    assert world.plan().earlier_m2g() == {"sha256:another": 3}
    assert world.plan().to_submit() == []


def test_only_changed_means_inputs_too(world: RunWorld, first: str, s3: Any) -> None:
    s3.put_object(Bucket="data", Key="HNU1/sub-01/dwi/sub-01_dwi.bval", Body=b"other")
    assert [scan.name for scan in world.plan(only="changed").to_submit()] == ["sub-01"]
    push(world, **NEW_M2G)
    assert world.plan().counts == {"changed": 1, "other_m2g": 1, "failed": 1}
    assert [scan.name for scan in world.plan(only="changed").to_submit()] == ["sub-01", "sub-02"]


def test_a_job_that_runs_with_the_earlier_m2g_is_adopted_and_not_doubled(world: RunWorld) -> None:
    run_id = world.run().run_id
    push(world, **NEW_M2G)
    plan = world.plan(only="changed")
    assert plan.to_submit() == []
    assert plan.earlier_m2g("in flight") == {"sha256:m2g": 3}
    run = plan.run(plan.dispositions)
    assert (run.adopted[0], run.keys) == (Origin(run_id, 0), world.records.run(run_id).keys)


def test_outputs_of_another_m2g_that_are_gone_are_made_again(world: RunWorld, first: str, s3: Any) -> None:
    push(world, **NEW_M2G)
    s3.delete_object(Bucket="data", Key="HNU1/derivatives/m2g-csa-native/sub-01/connectomes_d/one_connectome.csv")
    assert [scan.name for scan in world.plan().to_submit()] == ["sub-01", "sub-03"]


def test_a_submission_that_was_cut_short_is_not_continued_with_another_image(world: RunWorld) -> None:
    """Its scans' JSONs name the image that its jobs were to run, and provenance quotes them."""

    class Killed(Exception):
        """The end of the process."""

    def die(_: Any) -> None:
        raise Killed

    world.batch.on_submit = die
    with pytest.raises(Killed):
        world.run()
    world.batch.jobs.clear()
    world.batch.on_submit = lambda request: None
    push(world, **NEW_RUNNER)
    outcome = world.run()
    assert (outcome.submitted, outcome.continued) == (3, ())
    document = stored_json(world.storage, f"opsctl/runs/{outcome.run_id}/scans/00000.json")
    assert document is not None and document["image"] == "repo:0.2.0"


def test_other_options_are_refused_whichever_m2g(world: RunWorld, first: str) -> None:
    push(world, **NEW_M2G)
    with pytest.raises(Problem, match="ran with other options"):
        world.plan(options=M2gOptions(seeds=1))
