"""`up` recovers after an earlier command was killed; bucket and repository stay unchanged."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from recovery_program import CommandResult, Program
from recovery_world import REGION, remaining_resources

from opsctl.local import control

# Several minutes of Terraform for each platform, side by side; all of it counts for the first test.
pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1800)]

ROLE_POLICY = "arn:aws:iam::aws:policy/service-role/AWSBatchServiceRole"


@dataclass
class Observations:
    """What was observed of one platform, by the name of the step."""

    results: dict[str, CommandResult] = field(default_factory=dict)
    resources: dict[str, list[str]] = field(default_factory=dict)
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    home = tmp_path_factory.mktemp("home")
    program = Program(home, tmp_path_factory.mktemp("elsewhere"), control.start(home).endpoint_url)
    # The last `down` ends a server that holds nothing more.
    program.client("logs").create_log_group(logGroupName="/opsctl/anchor")
    yield program
    control.stop(home)


def kill_up(program: Program, name: str, observed: Observations, *, at: int) -> None:
    """Kill `up` half-way and repeat it, then kill `down` half-way and repeat it."""
    arguments = ("up", "--local", "--name", name, "--yes")
    observed.results["killed"] = program.kill(name, *arguments, when=lambda count: count >= at)
    observed.resources["half"] = remaining_resources(program.client, name)
    lose_state(program, name)
    observed.results["up"] = program.up(name)
    observed.resources["up"] = remaining_resources(program.client, name)
    put_data(program, name)
    observed.buckets["before"] = program.bucket(name)
    arguments = ("down", "--local", "--name", name, "--yes")
    total = len(observed.resources["up"])
    observed.results["killed down"] = program.kill(
        name, *arguments, when=lambda count: count <= total - at, opsctl=at > 9, is_held=True
    )
    observed.results["down"] = program.down(name)
    observed.resources["down"] = remaining_resources(program.client, name)
    observed.buckets["after"] = program.bucket(name)


def lose_state(program: Program, name: str) -> None:
    """The worst case of a kill between a call and its record: nothing was recorded."""
    for state in (program.home / "platforms" / name).glob("terraform/*/terraform.tfstate*"):
        state.unlink()


def put_data(program: Program, name: str) -> None:
    s3, bucket = program.client("s3"), f"opsctl-{name}-123456789012-{REGION}"
    for number in range(3):
        s3.put_object(Bucket=bucket, Key=f"HNU1/sub-0{number}/a.nii.gz", Body=bytes([number]) * 1000)


def sick_environments(program: Program, name: str, observed: Observations) -> None:
    """The service role is gone: environments INVALID, which `up` makes anew; then without state and Terraform, down."""
    observed.results["up"] = program.up(name)
    iam, role = program.client("iam"), f"opsctl-{name}-{REGION}-service"
    iam.detach_role_policy(RoleName=role, PolicyArn=ROLE_POLICY)
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)
    iam.delete_role(RoleName=role)
    observed.facts["before"] = environments(program, name)
    observed.results["plan"] = program.run("up", "--local", "--name", name, "--plan")
    observed.results["healed"] = program.up(name)
    observed.facts["after"] = environments(program, name)
    put_data(program, name)
    observed.buckets["before"] = program.bucket(name)
    shutil.rmtree(program.home / "platforms" / name)
    observed.results["up elsewhere"] = program.up(name)
    observed.resources["up elsewhere"] = remaining_resources(program.client, name)
    observed.results["down"] = program.down(name)
    observed.resources["down"] = remaining_resources(program.client, name)
    observed.buckets["after"] = program.bucket(name)


def environments(program: Program, name: str) -> dict[str, str]:
    listed = program.client("batch").describe_compute_environments()["computeEnvironments"]
    return {
        environment["computeEnvironmentName"]: environment["status"]
        for environment in listed
        if environment["tags"].get("opsctl:platform") == name
    }


def kept_lines(program: Program, name: str, observed: Observations) -> None:
    """Log lines outlive the platform with `--keep-logs`, and the next one takes them over; the bucket as well."""
    logs, group = program.client("logs"), f"/opsctl/{name}"
    observed.results["up"] = program.up(name)
    put_data(program, name)
    observed.buckets["before"] = program.bucket(name)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    line = {"timestamp": 1_795_000_000_000, "message": "one line"}
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[line])
    observed.results["down kept"] = program.down(name, "--keep-logs")
    observed.resources["down kept"] = remaining_resources(program.client, name)
    # Another machine: the storage's state is gone as well.
    shutil.rmtree(program.home / "platforms" / name)
    observed.results["up again"] = program.up(name)
    events = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True)["events"]
    observed.facts["lines"] = [event["message"] for event in events]
    observed.facts["known"] = group in program.state_ids(name)
    observed.buckets["after"] = program.bucket(name)
    observed.results["second up"] = program.up(name)
    observed.results["down"] = program.down(name)
    observed.resources["down"] = remaining_resources(program.client, name)


LIVES: dict[str, Callable[[Program, str, Observations], None]] = {
    "early": lambda program, name, observed: kill_up(program, name, observed, at=6),
    "middle": lambda program, name, observed: kill_up(program, name, observed, at=14),
    "sick": sick_environments,
    "lines": kept_lines,
}


@pytest.fixture(scope="module")
def lives(program: Program) -> dict[str, Observations]:
    lives = {name: Observations() for name in LIVES}
    with ThreadPoolExecutor(len(LIVES)) as hands:
        for ended in [hands.submit(live, program, name, lives[name]) for name, live in LIVES.items()]:
            ended.result()
    return lives


@pytest.mark.parametrize("name", ["early", "middle"])
def test_up_heals_after_a_kill(lives: dict[str, Observations], name: str) -> None:
    observed = lives[name]
    assert observed.results["killed"].code == -9
    assert observed.resources["half"]
    assert observed.results["up"].code == 0, observed.results["up"].err
    assert "left of an earlier up that was killed" in observed.results["up"].err
    # What a platform has that was never killed: nothing twice, nothing missing.
    assert anonymous(observed.resources["up"], name) == anonymous(lives["sick"].resources["up elsewhere"], "sick")


def anonymous(names: list[str], platform: str) -> list[str]:
    """Names without what differs between two platforms: their own, EC2's ids, Terraform's suffixes."""
    bare = [re.sub(r"\d{26}$|\w+-[0-9a-f]{17}$", "", resource.replace(platform, "NAME")) for resource in names]
    return sorted(bare)


def test_down_was_killed_half_way(lives: dict[str, Observations]) -> None:
    ended = lives["early"].results["killed down"]
    # A kill may come while Terraform writes its state.
    went_on = ended.code == 0 and "is damaged. The rest was removed without Terraform." in ended.err
    assert went_on or "Terraform was ended from outside (signal 9)" in ended.err
    assert lives["middle"].results["killed down"].code == -9


@pytest.mark.parametrize("name", LIVES)
def test_down_leaves_nothing(lives: dict[str, Observations], name: str) -> None:
    observed = lives[name]
    assert observed.results["down"].code == 0, observed.results["down"].err
    assert observed.resources["down"] == []
    assert "left     0" in observed.results["down"].err


@pytest.mark.parametrize("name", LIVES)
def test_the_storage_is_as_it_was(lives: dict[str, Observations], name: str) -> None:
    observed = lives[name]
    assert len(observed.buckets["before"]["objects"]) == 3
    assert observed.buckets["before"]["repositories"]
    assert observed.buckets["after"] == observed.buckets["before"]


def test_an_invalid_environment_is_told_and_made_anew(lives: dict[str, Observations]) -> None:
    observed = lives["sick"]
    assert set(observed.facts["before"].values()) == {"INVALID"}
    assert observed.results["plan"].code == 2
    assert "is INVALID and is made anew. AWS says: CLIENT_ERROR - The role" in observed.results["plan"].err
    assert observed.results["healed"].code == 0, observed.results["healed"].err
    assert set(observed.facts["after"].values()) == {"VALID"}
    assert not set(observed.facts["after"]) & set(observed.facts["before"])


def test_a_live_platform_of_another_machine_is_no_heap_of_orphans(lives: dict[str, Observations]) -> None:
    observed = lives["sick"]
    assert observed.results["up elsewhere"].code == 1
    assert "is up already" in observed.results["up elsewhere"].err
    assert len(observed.resources["up elsewhere"]) > 20


def test_log_lines_are_kept_and_taken_over(lives: dict[str, Observations]) -> None:
    observed = lives["lines"]
    assert observed.results["down kept"].code == 0, observed.results["down kept"].err
    assert observed.resources["down kept"] == ["/opsctl/lines"]
    assert "kept     the log group /opsctl/lines" in observed.results["down kept"].err
    assert observed.results["up again"].code == 0, observed.results["up again"].err
    assert "The log group /opsctl/lines is taken over, with its lines." in observed.results["up again"].err
    assert observed.facts["lines"] == ["one line"]
    assert observed.facts["known"]
    assert "nothing changed" in observed.results["second up"].err
