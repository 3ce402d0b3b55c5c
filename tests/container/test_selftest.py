"""The job of a self-test, with one thing broken at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from support.job_s3 import LocalS3
from support.repository import ROOT
from support.scripted_http import Reply, ScriptedServer
from support.selftest_world import ATLAS, BUCKET, CHECKS, PREFIX, RAW_KEY, SELFTEST_ID, SelftestWorld
from support.unwatched_stop import UnwatchedStop

from opsctl.core.selftest.check_table import CHECKS as TABLE

Break = Callable[[SelftestWorld], object]


@pytest.fixture(scope="module")
def session() -> Any:
    """One session for all tests: each new one reads AWS's descriptions of five services, which takes a second."""
    return boto3.session.Session("local", "local", region_name="us-east-1")


@pytest.fixture
def world(s3: LocalS3, session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SelftestWorld]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("boto3.session.Session", lambda **_: session)
    world = SelftestWorld(s3, tmp_path, monkeypatch)
    with ScriptedServer(world.reply) as aws:
        world.start(aws)
        yield world


def unlike(world: SelftestWorld, verdict: str = "fine") -> dict[str, tuple[str, str]]:
    return {check: row for check, row in world.rows().items() if row[0] != verdict}


def keys(world: SelftestWorld) -> list[str]:
    listed = world.s3.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [entry["Key"] for entry in listed]


def test_on_a_platform_as_opsctl_makes_it_every_check_is_fine(world: SelftestWorld) -> None:
    code, log = world.run()
    assert unlike(world) == {}
    assert tuple(world.rows()) == CHECKS
    assert code == 0
    assert f"opsctl: selftest {SELFTEST_ID} csd\n" in log
    result = world.result()
    assert (result["selftest_id"], result["model"], result["job_id"], result["attempt"]) == (
        *(SELFTEST_ID, "csd", "job-a", 1),
    )
    assert keys(world) == [f"{PREFIX}/{name}" for name in ("attempt-1/written.json", "input.json", "result.json")]
    assert result["versions"]["boto3"]
    # 99.8 GiB, of which 80 are free.
    assert result["disk_used_mib"] == int(19.8 * 1024)


def test_the_client_has_a_title_and_a_remedy_for_each_check(world: SelftestWorld) -> None:
    assert set(CHECKS) == set(TABLE) - {"job", "logs"}
    assert [check for check in CHECKS if not TABLE[check].remedy] == []


def permit(*checks: str) -> Break:
    return lambda world: world.permitted.update(checks)


def change(**values: Any) -> Break:
    return lambda world: [setattr(world, name, value) for name, value in values.items()]


FAULTS: dict[str, tuple[Break, set[str], str]] = {
    "credentials of the instance": (
        change(caller="arn:aws:sts::123456789012:assumed-role/opsctl-m2g-instance/i-0"),
        {"role"},
        "The job is arn:aws:sts::123456789012:assumed-role/opsctl-m2g-instance/i-0, and its definition names",
    ),
    "a role of this name in another account": (
        change(caller="arn:aws:sts::999999999999:assumed-role/opsctl-m2g-job/job-a"),
        {"role"},
        "The job is arn:aws:sts::999999999999",
    ),
    "no list": (
        lambda world: world.refuse(lambda request: request.path == f"/{BUCKET}" and "prefix" in request.query),
        {"s3_list"},
        "with AccessDenied (403)",
    ),
    "no read": (
        lambda world: world.refuse(lambda request: request.method == "GET" and request.key.endswith("input.json")),
        {"s3_read"},
        "S3 answered GetObject s3://data/",
    ),
    "another object": (
        lambda world: world.s3.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/input.json", Body=b"{}"),
        {"s3_read"},
        "is not the object that opsctl put there",
    ),
    "no object": (
        lambda world: world.s3.client.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/input.json"),
        {"s3_list", "s3_read"},
        "lacks the object that opsctl put there",
    ),
    "no write": (
        lambda world: world.refuse(lambda request: request.method == "PUT" and request.key.endswith("written.json")),
        {"s3_write", "s3_conditional_write"},
        "S3 answered PutObject s3://data/",
    ),
    "no conditional writes": (
        lambda world: world.refuse(lambda request: "if-none-match" in request.headers, 501, "NotImplemented"),
        {"s3_conditional_write"},
        "This S3 has no conditional writes",
    ),
    "raw data may be written": (permit("raw_data"), {"raw_data"}, f"Writing s3://{BUCKET}/{RAW_KEY}"),
    "the buckets may be listed": (permit("other_buckets"), {"other_buckets"}, "Listing the account's buckets was not"),
    "another bucket may be listed": (permit("foreign"), {"other_buckets"}, "Listing the bucket lab-states was not"),
    "ACLs": (permit("s3_acl"), {"s3_acl"}, "Changing an object's ACL was not refused."),
    "deletion": (permit("s3_delete"), {"s3_delete"}, "Deleting an object that the job wrote was not refused."),
    "another cluster": (
        permit("instance_ecs"),
        {"instance_ecs"},
        "Removing a machine from another ECS cluster, as the instance, was not refused: AWS looked for permissions and "
        "went on to ClusterNotFoundException.",
    ),
    "data for the instance": (
        permit("instance_s3"),
        {"instance_s3"},
        "Listing the data bucket, as the instance, was not refused.",
    ),
    "pushing an image": (
        permit("instance_ecr"),
        {"instance_ecr"},
        "Pushing to the repository opsctl-m2g, as the instance, was not refused.",
    ),
    "m2g does not start": (
        lambda world: world.program("m2g", "#!/bin/sh\necho 'No module named nibabel'\nexit 1\n"),
        {"m2g"},
        "`m2g --help` ends with exit code 1: No module named nibabel.",
    ),
    "no bet": (
        lambda world: (world.bin / "bet").unlink(),
        {"programs"},
        "These programs of FSL that m2g calls are not on its PATH: bet.",
    ),
    "an atlas is missing": (
        lambda world: (world.labels / ATLAS).rename(world.labels / "JHU_res-2x2x2.nii.gz"),
        {"atlases"},
        f"lacks 1 of 1 atlases, such as {ATLAS}",
    ),
    "no atlas": (lambda world: (world.labels / ATLAS).unlink(), {"atlases"}, "and there is none"),
    "no folder of atlases": (
        lambda world: (world.folder / "m2g_atlases").rename(world.folder / "elsewhere"),
        {"atlases"},
        "and m2g could not clone neuroparc from GitHub.",
    ),
    "less memory": (
        change(memory_limit_mib=7000),
        {"memory"},
        "The container has 7000 MiB, and its definition names 15200 MiB.",
    ),
    "no limit": (change(memory_limit_mib=0), {"memory"}, "The container has no limit of MiB"),
    "one processor": (change(processors=1), {"vcpus"}, "The machine has 1 vCPUs"),
    "a small disk": (
        change(disk_total_gib=29.9, disk_free_gib=10),
        {"disk"},
        "The disk has 30 GiB, and the platform's root_volume_gib is 100.",
    ),
    "a clock that is off": (change(clock_offset_seconds=-300), {"clock"}, "The clock is 300 s behind S3's: at 15"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_fails_its_own_checks_and_no_others(world: SelftestWorld, fault: str) -> None:
    breaks, checks, sentence = FAULTS[fault]
    breaks(world)
    code, log = world.run()
    failed = unlike(world)
    assert {check for check, row in failed.items() if row[0] == "failed"} == checks
    assert set(failed) == checks
    assert sentence in failed[min(checks)][1]
    assert code == 1
    assert all(f"opsctl: {check}: failed: " in log for check in checks)


DOUBTS: dict[str, tuple[Break, str, str, str]] = {
    "a large image": (change(disk_free_gib=60), "disk", "warning", "Of 100 GiB only 60 are free"),
    "a clock that drifts": (change(clock_offset_seconds=90), "clock", "warning", "The clock is 90 s ahead of S3's."),
    "atlases that would be cloned": (
        lambda world: [
            (world.folder / "m2g_atlases").rename(world.folder / "elsewhere"),
            setattr(world, "can_clone", True),
        ],
        "atlases",
        "warning",
        "m2g would clone neuroparc from GitHub for every scan.",
    ),
    "a role that nobody could see": (
        lambda world: world.variables.pop("OPSCTL_SELFTEST_ROLE"),
        "role",
        "not_checked",
        "which role it must have was not visible",
    ),
    "no way to STS": (
        lambda world: world.variables.update(AWS_ENDPOINT_URL_STS="http://127.0.0.1:9"),
        "role",
        "not_checked",
        "AWS did not answer who the job is: EndpointConnectionError",
    ),
    "no way to ECS": (
        lambda world: world.variables.update(AWS_ENDPOINT_URL_ECS="http://127.0.0.1:9"),
        "instance_ecs",
        "not_checked",
        "AWS did not answer removing a machine",
    ),
    "no repository": (
        lambda world: world.variables.pop("OPSCTL_SELFTEST_REPOSITORY"),
        "instance_ecr",
        "not_checked",
        "The platform has no image repository of its own.",
    ),
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_what_is_doubtful_or_cannot_be_looked_at_fails_nothing(world: SelftestWorld, doubt: str) -> None:
    breaks, check, verdict, sentence = DOUBTS[doubt]
    breaks(world)
    code, _ = world.run()
    rows = unlike(world)
    assert set(rows) == {check}
    assert rows[check][0] == verdict
    assert sentence in rows[check][1]
    assert code == 0


def test_a_metadata_service_that_a_job_cannot_reach_is_fine_on_aws(world: SelftestWorld) -> None:
    world.has_metadata = False
    assert world.run()[0] == 0
    instance = {check: row for check, row in world.rows().items() if check.startswith("instance_")}
    assert set(instance.values()) == {("fine", "A job cannot reach the instance's metadata service.")}


def test_a_bucket_that_takes_no_acls_refuses_them_to_everybody(world: SelftestWorld) -> None:
    world.refuse(lambda request: request.query.startswith("acl"), 400, "AccessControlListNotSupported")
    assert world.run()[0] == 0


def test_credentials_that_aws_does_not_take_prove_no_refusal(world: SelftestWorld) -> None:
    world.refuse(lambda request: request.method == "DELETE", 403, "InvalidAccessKeyId")
    world.run()
    verdict, detail = world.rows()["s3_delete"]
    assert verdict == "not_checked"
    assert "InvalidAccessKeyId" in detail


def test_on_the_local_platform_nothing_of_an_image_or_instance_is_called_fine(world: SelftestWorld) -> None:
    del world.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
    world.variables |= {"AWS_ENDPOINT_URL": world.s3.url, "OPSCTL_SELFTEST_IMAGE": "opsctl-preview:0.1.0"}
    world.bin.rename(world.folder / "nowhere")
    assert world.run()[0] == 0
    rows = unlike(world)
    assert {row[0] for row in rows.values()} == {"not_checked"}
    assert {"m2g", "programs", "atlases", "memory", "vcpus", "disk", "instance_ecs", "instance_s3"} <= set(rows)
    assert [rows[check][1] for check in ("m2g", "programs", "atlases")] == ["preview: not checked."] * 3
    assert world.result()["disk_used_mib"] is None


def test_a_check_that_raises_is_a_failed_row_and_the_others_follow(
    world: SelftestWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("of course")

    monkeypatch.setattr("m2g_job.selftest_machine.parsedate_to_datetime", broken)
    code, log = world.run()
    assert unlike(world) == {"clock": ("failed", "The check itself failed: ZeroDivisionError: of course")}
    assert code == 1
    assert "Traceback" in log


def test_a_second_attempt_writes_beside_the_first_and_keeps_its_result(world: SelftestWorld) -> None:
    world.run()
    first = world.result()
    world.variables["AWS_BATCH_JOB_ATTEMPT"] = "2"
    assert world.run()[0] == 0
    assert world.result() == first
    assert f"{PREFIX}/attempt-2/written.json" in keys(world)


def test_a_result_that_s3_does_not_take_now_is_tried_again_by_batch(world: SelftestWorld) -> None:
    world.refuse(lambda request: request.key.endswith("result.json"), 503, "SlowDown")
    assert world.run()[0] == 75


def test_a_result_that_may_not_be_written_is_not(world: SelftestWorld) -> None:
    world.refuse(lambda request: request.key.endswith("result.json"))
    assert world.run()[0] == 1


def test_a_job_that_is_told_to_end_writes_no_result(world: SelftestWorld) -> None:
    stop = UnwatchedStop()
    stop._handle(signal.SIGTERM, None)
    assert world.run(stop)[0] == 143
    assert f"{PREFIX}/result.json" not in keys(world)


@pytest.mark.parametrize(
    ("name", "value"),
    [("OPSCTL_SELFTEST_URI", "s3://data/opsctl/runs/x/csd"), ("OPSCTL_SELFTEST_VCPUS", "two")],
)
def test_variables_that_make_no_sense_end_the_job_with_2(world: SelftestWorld, name: str, value: str) -> None:
    world.variables[name] = value
    code, log = world.run()
    assert code == 2
    assert value in log


def test_the_agents_metadata_says_how_long_the_pull_took(world: SelftestWorld) -> None:
    task = {"PullStartedAt": "2026-11-28T12:00:00.123456789Z", "PullStoppedAt": "2026-11-28T12:01:30.5Z"}
    log = {"LogOptions": {"awslogs-stream": "csd/default/t"}}
    answers = {"/v4/task": task, "/v4": log}
    with ScriptedServer(lambda request: Reply(body=json.dumps(answers[request.path]).encode())) as agent:
        world.variables["ECS_CONTAINER_METADATA_URI_V4"] = f"{agent.url}/v4"
        world.run()
    result = world.result()
    assert (result["pull_started_at"], result["pull_stopped_at"]) == ("2026-11-28T12:00:00Z", "2026-11-28T12:01:30Z")
    assert result["log_stream"] == "csd/default/t"


def test_the_runner_is_a_self_test_by_its_variable(world: SelftestWorld) -> None:
    """As a process of its own, whose machine and image are this one's."""
    done = subprocess.run(
        [sys.executable, "-m", "m2g_job"],
        env={**world.variables, "PYTHONPATH": str(ROOT / "container")},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(f"opsctl: selftest {SELFTEST_ID} csd\n")
    assert world.rows()["s3_conditional_write"][0] == "fine"


def test_a_person_in_the_image_asks_by_the_argument(world: SelftestWorld) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "m2g_job", "--selftest"],
        env={"PYTHONPATH": str(ROOT / "container"), "PATH": str(world.bin), "FSLDIR": str(world.folder / "fsl")},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    rows = dict(line.removeprefix("opsctl: ").split(": ")[:2] for line in done.stdout.splitlines()[1:])
    assert (rows["m2g"], rows["programs"]) == ("fine", "fine")
    assert {rows[check] for check in CHECKS if not check.startswith(("m2g", "programs", "atlases"))} == {"not_checked"}
