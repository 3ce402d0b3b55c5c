"""`up` finds what an earlier one left and heals, whatever was killed; bucket and repository stay as they are."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from recovery_program import Said, Typist
from recovery_world import REGION, standing

from opsctl.local import control

# Several minutes of Terraform for each platform, side by side; all of it counts for the first test.
pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1800)]

ROLE_POLICY = "arn:aws:iam::aws:policy/service-role/AWSBatchServiceRole"


@dataclass
class Seen:
    """Everything about one platform, by a name of its own."""

    said: dict[str, Said] = field(default_factory=dict)
    there: dict[str, list[str]] = field(default_factory=dict)
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def typist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Typist]:
    home = tmp_path_factory.mktemp("home")
    made = Typist(home, tmp_path_factory.mktemp("elsewhere"), control.start(home).endpoint_url)
    # The last `down` ends a server that holds nothing more.
    made.client("logs").create_log_group(logGroupName="/opsctl/anchor")
    yield made
    control.stop(home)


def kill_up(typist: Typist, name: str, seen: Seen, *, at: int) -> None:
    """Killed half way up, healed by typing it again; then killed half way down, and down."""
    words = ("up", "--local", "--name", name, "--yes")
    seen.said["killed"] = typist.kill(name, *words, when=lambda count: count >= at)
    seen.there["half"] = standing(typist.client, name)
    lose_state(typist, name)
    seen.said["up"] = typist.up(name)
    seen.there["up"] = standing(typist.client, name)
    put_data(typist, name)
    seen.buckets["before"] = typist.bucket(name)
    words = ("down", "--local", "--name", name, "--yes")
    whole = len(seen.there["up"])
    seen.said["killed down"] = typist.kill(name, *words, when=lambda count: count <= whole - at, opsctl=at > 9)
    seen.said["down"] = typist.down(name)
    seen.there["down"] = standing(typist.client, name)
    seen.buckets["after"] = typist.bucket(name)


def lose_state(typist: Typist, name: str) -> None:
    """A kill between a call and its record, at its worst: nothing was recorded."""
    for state in (typist.home / "platforms" / name).glob("terraform/*/terraform.tfstate*"):
        state.unlink()


def put_data(typist: Typist, name: str) -> None:
    s3, bucket = typist.client("s3"), f"opsctl-{name}-123456789012-{REGION}"
    for number in range(3):
        s3.put_object(Bucket=bucket, Key=f"HNU1/sub-0{number}/a.nii.gz", Body=bytes([number]) * 1000)


def sick_environments(typist: Typist, name: str, seen: Seen) -> None:
    """The service role is gone: environments INVALID, which `up` makes anew; then without state and Terraform, down."""
    seen.said["up"] = typist.up(name)
    iam, role = typist.client("iam"), f"opsctl-{name}-{REGION}-service"
    iam.detach_role_policy(RoleName=role, PolicyArn=ROLE_POLICY)
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)
    iam.delete_role(RoleName=role)
    seen.facts["before"] = environments(typist, name)
    seen.said["plan"] = typist.type("up", "--local", "--name", name, "--plan")
    seen.said["healed"] = typist.up(name)
    seen.facts["after"] = environments(typist, name)
    put_data(typist, name)
    seen.buckets["before"] = typist.bucket(name)
    shutil.rmtree(typist.home / "platforms" / name)
    seen.said["up elsewhere"] = typist.up(name)
    seen.there["up elsewhere"] = standing(typist.client, name)
    seen.said["down"] = typist.down(name)
    seen.there["down"] = standing(typist.client, name)
    seen.buckets["after"] = typist.bucket(name)


def environments(typist: Typist, name: str) -> dict[str, str]:
    found = typist.client("batch").describe_compute_environments()["computeEnvironments"]
    mine = [one for one in found if one["tags"].get("opsctl:platform") == name]
    return {one["computeEnvironmentName"]: one["status"] for one in mine}


def kept_lines(typist: Typist, name: str, seen: Seen) -> None:
    """Log lines outlive the platform with `--keep-logs`, and the next one takes them over; the bucket as well."""
    logs, group = typist.client("logs"), f"/opsctl/{name}"
    seen.said["up"] = typist.up(name)
    put_data(typist, name)
    seen.buckets["before"] = typist.bucket(name)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    line = {"timestamp": 1_795_000_000_000, "message": "one line"}
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[line])
    seen.said["down kept"] = typist.down(name, "--keep-logs")
    seen.there["down kept"] = standing(typist.client, name)
    # Another machine: the storage's state is gone as well.
    shutil.rmtree(typist.home / "platforms" / name)
    seen.said["up again"] = typist.up(name)
    found = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True)["events"]
    seen.facts["lines"] = [one["message"] for one in found]
    seen.facts["known"] = group in typist.state_ids(name)
    seen.buckets["after"] = typist.bucket(name)
    seen.said["second up"] = typist.up(name)
    seen.said["down"] = typist.down(name)
    seen.there["down"] = standing(typist.client, name)


LIVES: dict[str, Callable[[Typist, str, Seen], None]] = {
    "early": lambda typist, name, seen: kill_up(typist, name, seen, at=6),
    "middle": lambda typist, name, seen: kill_up(typist, name, seen, at=14),
    "sick": sick_environments,
    "lines": kept_lines,
}


@pytest.fixture(scope="module")
def lives(typist: Typist) -> dict[str, Seen]:
    found = {name: Seen() for name in LIVES}
    with ThreadPoolExecutor(len(LIVES)) as hands:
        for ended in [hands.submit(live, typist, name, found[name]) for name, live in LIVES.items()]:
            ended.result()
    return found


@pytest.mark.parametrize("name", ["early", "middle"])
def test_up_heals_after_a_kill(lives: dict[str, Seen], name: str) -> None:
    one = lives[name]
    assert one.said["killed"].code == -9
    assert one.there["half"]
    assert one.said["up"].code == 0, one.said["up"].err
    assert "left of an earlier up that was killed" in one.said["up"].err
    # What a platform has that was never killed: nothing twice, nothing missing.
    assert anonymous(one.there["up"], name) == anonymous(lives["sick"].there["up elsewhere"], "sick")


def anonymous(names: list[str], platform: str) -> list[str]:
    """Names without what differs between two platforms: their own, EC2's ids, Terraform's suffixes."""
    bare = [re.sub(r"\d{26}$|\w+-[0-9a-f]{17}$", "", one.replace(platform, "NAME")) for one in names]
    return sorted(bare)


@pytest.mark.parametrize("name", LIVES)
def test_down_leaves_nothing(lives: dict[str, Seen], name: str) -> None:
    one = lives[name]
    assert one.said["down"].code == 0, one.said["down"].err
    assert one.there["down"] == []
    assert "left     0" in one.said["down"].err


@pytest.mark.parametrize("name", LIVES)
def test_the_storage_is_as_it_was(lives: dict[str, Seen], name: str) -> None:
    one = lives[name]
    assert len(one.buckets["before"]["objects"]) == 3
    assert one.buckets["before"]["repositories"]
    assert one.buckets["after"] == one.buckets["before"]


def test_an_invalid_environment_is_told_and_made_anew(lives: dict[str, Seen]) -> None:
    one = lives["sick"]
    assert set(one.facts["before"].values()) == {"INVALID"}
    assert one.said["plan"].code == 2
    assert "is INVALID and is made anew. AWS says: CLIENT_ERROR - The role" in one.said["plan"].err
    assert one.said["healed"].code == 0, one.said["healed"].err
    assert set(one.facts["after"].values()) == {"VALID"}
    assert not set(one.facts["after"]) & set(one.facts["before"])


def test_a_live_platform_of_another_machine_is_no_heap_of_orphans(lives: dict[str, Seen]) -> None:
    one = lives["sick"]
    assert one.said["up elsewhere"].code == 1
    assert "is up already" in one.said["up elsewhere"].err
    assert len(one.there["up elsewhere"]) > 20


def test_log_lines_are_kept_and_taken_over(lives: dict[str, Seen]) -> None:
    one = lives["lines"]
    assert one.said["down kept"].code == 0, one.said["down kept"].err
    assert one.there["down kept"] == ["/opsctl/lines"]
    assert "kept     the log group /opsctl/lines" in one.said["down kept"].err
    assert one.said["up again"].code == 0, one.said["up again"].err
    assert "The log group /opsctl/lines is taken over, with its lines." in one.said["up again"].err
    assert one.facts["lines"] == ["one line"]
    assert one.facts["known"]
    assert "nothing changed" in one.said["second up"].err
