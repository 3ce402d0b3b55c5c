"""`why` on a real local server: jobs that wait, fail and succeed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.launch_messages import FREE_TIER
from support.waiting import until
from support.why_world import World

from opsctl.core.diagnosis.queue_snapshot import Launch
from opsctl.core.errors import Problem
from opsctl.local import control


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("home")
    world = World(home)
    yield world
    control.stop(world.server)


@pytest.fixture
def gate(world: World, tmp_path: Path) -> Iterator[Path]:
    """A path for which jobs wait; at the end it is created, and faults are cleared."""
    world.faults({"seed": 1})
    path = tmp_path / "gate"
    yield path
    path.touch()
    world.faults({"seed": 1})


def waiting_for(gate: Path) -> str:
    return f"while [ ! -e '{gate}' ]; do sleep 0.02; done"


def opsctl(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [sys.executable, "-m", "opsctl", *arguments],
        env={**environment, "OPSCTL_HOME": str(world.home), "NO_COLOR": "1", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_what_waits_its_turn_is_told_calmly(world: World, gate: Path) -> None:
    run = world.run(waiting_for(gate), count=3)
    until(lambda: world.statuses(run) == ["RUNNING", "RUNNABLE", "RUNNABLE"])
    (explanation,) = world.why(run).explanations
    assert (explanation.kind, explanation.scans) == ("waiting", run.scans[1:])
    assert [finding.what for finding in explanation.findings] == [
        "Waits its turn on this machine, a job a core: 1 run, 2 wait."
    ]
    (last,) = world.why(run, "sub-02*").explanations
    assert "1 run, 2 wait, 1 of them before it" in last.findings[0].what
    (first,) = world.why(run, "sub-00/ses-1").explanations
    assert (first.kind, first.findings) == ("running", ())
    gate.touch()
    until(lambda: world.is_over(run))


def test_a_refused_launch_gives_a_wait_its_code(world: World, gate: Path) -> None:
    run = world.run(waiting_for(gate), count=2)
    until(lambda: world.statuses(run) == ["RUNNING", "RUNNABLE"])
    refused = (Launch(environment="env", age_seconds=0, outcome="refused", message=FREE_TIER),)
    (explanation,) = world.why(run, launches=refused).explanations
    assert (explanation.kind, explanation.code) == ("waiting", "wait_account_plan")
    assert f"AWS says: {FREE_TIER}" in explanation.findings[0].what
    gate.touch()
    until(lambda: world.is_over(run))


def test_no_capacity_in_awss_words(world: World, gate: Path) -> None:
    world.faults({"no_capacity": {}})
    run = world.run("true", count=3)
    until(lambda: any(job.reason for job in world.reader(run).jobs().values()))
    answer = world.why(run)
    (explanation,) = answer.explanations
    # AWS writes its reason on the first in line only; it is everybody's.
    assert explanation.scans == run.scans
    assert "AWS has no instances of this type to give now" in explanation.findings[0].what
    assert "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY" in explanation.findings[0].what
    assert answer.hidden == ()
    (behind,) = world.why(run, "sub-02/ses-1").explanations
    assert "Batch says (of the job at the queue's head): CAPACITY" in behind.findings[0].what
    world.faults({"seed": 1})
    until(lambda: world.is_over(run))


def test_a_subnet_without_a_way_out_is_seen(world: World, gate: Path) -> None:
    world.faults({"no_capacity": {}})
    world.public(world.subnet_id, yes=False)
    run = world.run("true", count=2)
    until(lambda: world.statuses(run)[0] == "RUNNABLE")
    (explanation,) = world.why(run).explanations
    world.public(world.subnet_id, yes=True)
    assert any(
        world.subnet_id in finding.what and "no public address" in finding.what for finding in explanation.findings
    )
    world.faults({"seed": 1})
    until(lambda: world.is_over(run))


def test_an_image_that_cannot_be_pulled(world: World, gate: Path) -> None:
    world.faults({"cannot_pull": 1.0})
    run = world.run("true", count=2)
    until(lambda: world.is_over(run))
    (explanation,) = world.why(run).explanations
    assert (explanation.kind, explanation.scans) == ("failed", run.scans)
    assert explanation.title == "the image cannot be pulled: the registry's limit is reached"
    assert "toomanyrequests" in explanation.words
    assert "opsctl run HNU1 --sp native" in explanation.findings[0].do


def test_a_lost_host_with_all_its_attempts(world: World, gate: Path) -> None:
    world.faults({"host_terminated": 1.0, "moment_seconds": [0, 0]})
    run = world.run(waiting_for(gate), count=2, attempts=2)
    until(lambda: world.is_over(run))
    (explanation,) = world.why(run, "sub-01/ses-1").explanations
    assert "the instance was lost: this platform uses no Spot" in explanation.findings[0].what.lower().replace(
        "spot", "Spot"
    )
    assert [(attempt.number, attempt.exit_code) for attempt in explanation.attempts] == [(1, None), (2, None)]
    assert all("Host EC2" in attempt.reason for attempt in explanation.attempts)
    assert explanation.places == {"logs": f"opsctl logs sub-01/ses-1 --run {run.run_id}"}


def test_failures_are_grouped_and_tell_what_was_measured(world: World, gate: Path) -> None:
    run = world.run("exit 1", count=5)
    until(lambda: world.is_over(run))
    count = "bval and bvec differ in count: {} and 64"
    for index in (0, 2):
        world.put_result(
            run,
            index,
            status="failed",
            exit_code=2,
            cause=count.format(60 + index),
            cause_code="gradient_counts_differ",
        )
    memory = "m2g ran out of memory after 9 s: its processes together had reached 15100 MiB"
    killed = {"status": "failed", "exit_code": 1, "cause": memory, "cause_code": "out_of_memory"}
    world.put_result(run, 1, **killed, facts={"peak_memory_mib": 15100})
    world.put_result(run, 3)
    world.put_result(run, 4, **killed, facts={"peak_memory_mib": 9000})
    world.clients.s3.put_object(
        Bucket="data", Key=f"opsctl/runs/{run.run_id}/failures/00001/attempt-1/m2g.log", Body=b"x"
    )
    answer = world.why(run)
    assert [(explanation.title, explanation.scans) for explanation in answer.explanations] == [
        ("bval and bvec differ in count", (run.scans[0], run.scans[2])),
        ("out of memory", (run.scans[1], run.scans[4])),
    ]
    # Of several, the one that needed most.
    assert "reached 15,100 of 15,200 MiB" in answer.explanations[1].findings[0].what
    assert answer.counts == {"FAILED": 4, "DONE": 1}
    (explanation,) = world.why(run, run.scans[1]).explanations
    assert "reached 15,100 of 15,200 MiB" in explanation.findings[0].what
    assert explanation.findings[0].do == "`opsctl run HNU1 --sp native --only failed --memory 30400`."
    assert explanation.places["logs and QA of failed attempts"] == f"s3://data/opsctl/runs/{run.run_id}/failures/00001/"


def test_a_cancelled_scan_is_no_riddle(world: World, gate: Path) -> None:
    run = world.run(waiting_for(gate), count=2)
    job_id = world.reader(run).on_s3.submissions()[run.run_id][0].job_id
    world.batch.terminate(job_id, reason="opsctl cancel: by ada")
    until(lambda: world.is_over(run))
    (explanation,) = world.why(run).explanations
    assert (explanation.title, explanation.scans) == ("cancelled", run.scans)


def test_all_is_well(world: World, gate: Path) -> None:
    run = world.run("true", count=2)
    until(lambda: world.is_over(run))
    for index in range(2):
        world.put_result(run, index)
    answer = world.why(run)
    assert answer.is_calm
    assert answer.counts == {"DONE": 2}
    result = opsctl(world, "why")
    assert (result.returncode, result.stdout) == (0, f"{run.run_id}\nNothing to explain: 2 done.\n")


def test_an_unknown_scan(world: World, gate: Path) -> None:
    run = world.run("true", count=2)
    with pytest.raises(Problem, match="no scan sub-07"):
        world.why(run, "sub-07/ses-1")
    result = opsctl(world, "why", "sub-07/ses-1")
    assert result.returncode == 1
    assert "Near: sub-0" in result.stderr
    until(lambda: world.is_over(run))


def test_the_verb_in_words_and_in_json(world: World, gate: Path) -> None:
    world.faults({"cannot_pull": 1.0})
    run = world.run("true", count=2)
    until(lambda: world.is_over(run))
    result = opsctl(world, "why")
    assert result.returncode == 0, result.stderr
    # The whole answer is on one stream.
    assert result.stdout.splitlines()[:2] == [
        run.run_id,
        "2 scans failed: the image cannot be pulled: the registry's limit is reached",
    ]
    assert "→ Keep the image in the platform's own repository" in result.stdout
    result = opsctl(world, "why", "sub-00*", "--json")
    assert result.returncode == 0, result.stderr
    value = json.loads(result.stdout)
    assert value["run_id"] == run.run_id
    (explanation,) = value["explanations"]
    assert explanation["scans"] == ["sub-00/ses-1"]
    assert "toomanyrequests" in explanation["attempts"][0]["reason"]
