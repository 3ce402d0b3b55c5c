"""A lab and its platform: the real program on several machines, one account, the state on S3."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from changes_by_hand import SAID, change_by_hand
from shared_world import ACCOUNT, REGION, Machine, Said, Server

from opsctl.aws.s3.state_files import StateFiles
from opsctl.core.platform.state_location import StateLocation
from opsctl.local import control

# One long story, told once for all tests; on a machine that does much else it takes its time.
pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1800)]

LOCATION = StateLocation("lab-states", "opsctl", REGION)
STATE = ("--state", LOCATION.uri)
LAB = ("--name", "lab")
DAILY = {
    "datasets": ("datasets", "--json"),
    "scans": ("scans", "HNU1", "--json"),
    "check": ("check", "HNU1"),
    "dry run": ("run", "HNU1", "--sp", "native", "--dry-run", "--json"),
    "run": ("run", "HNU1", "--sp", "native", "--first", "1", "--yes"),
    "status": ("status",),
    "runs": ("runs",),
    "cancel": ("cancel", "--yes"),
    "why": ("why",),
    "logs": ("logs",),
    "cost": ("cost", "--json"),
}


@dataclass
class Story:
    """Everything that was typed and what it said, by a name of its own."""

    server: Server
    said: dict[str, Said] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)

    def type(self, name: str, machine: Machine, *words: str) -> Said:
        self.said[name] = machine.type(*words)
        return self.said[name]


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("aws")
    running = control.start(home)
    try:
        yield Server(running.endpoint_url, home)
    finally:
        control.stop(running)


@pytest.fixture(scope="module")
def story(own_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Story:
    told = Story(own_server)
    folder = tmp_path_factory.mktemp("people")
    ann, bob, carl, dora, eve = (
        Machine(who, folder / who, own_server) for who in ("ann", "bob", "carl", "dora", "eve")
    )
    told.type("plan", ann, "up", *LAB, *STATE, "--plan")
    told.seen["buckets after plan"] = buckets(own_server)
    with ThreadPoolExecutor(2) as hands:
        # On this machine first, and moved later; the other platform is on S3 from its beginning.
        other = hands.submit(told.type, "other up", eve, "up", "--name", "other", *STATE, "--yes")
        told.type("up", ann, "up", *LAB, "--yes")
        other.result()
    told.type("without the state", bob, "up", *LAB)
    told.type("move", ann, "up", *LAB, *STATE, "--yes")
    told.seen["keys"] = keys(own_server)
    daily(told, carl)
    told.type("second machine", bob, "up", *LAB, "--yes")
    locked(told, bob)
    by_hand(told, ann, bob)
    told.type("home again", ann, "up", *LAB, "--state", "local", "--yes")
    told.type("after home again", bob, "up", *LAB)
    told.type("shared again", ann, "up", *LAB, *STATE, "--yes")
    told.type("down on a third machine", dora, "down", *LAB, "--yes", "--json")
    told.type("other is untouched", eve, "up", "--name", "other", "--plan")
    return told


def buckets(server: Server) -> list[str]:
    return [one["Name"] for one in server.client("s3").list_buckets()["Buckets"]]


def keys(server: Server) -> list[str]:
    return [one["Key"] for one in server.client("s3").list_objects_v2(Bucket=LOCATION.bucket).get("Contents", [])]


def daily(told: Story, carl: Machine) -> None:
    """Somebody whose machine has no Terraform, and has never heard of this platform."""
    carl.without_terraform()
    told.type("sample", carl, "sample", "sample")
    told.type("upload", carl, "upload", "sample", "--name", "HNU1", "--platform", "lab")
    for name, words in DAILY.items():
        told.type(name, carl, *words, "--platform", "lab")
    told.seen["carl's platforms"] = [path.name for path in carl.home.glob("platforms/*/*")]
    told.type("no terraform", carl, "up", *LAB)


def locked(told: Story, bob: Machine) -> None:
    """The lock of somebody who is at work, or was when the power went: nobody can tell from here."""
    files = StateFiles(told.server.client("s3"), account_id=ACCOUNT, who="ann@laptop")
    with files.locked(LOCATION.bucket, LOCATION.key("lab", "platform")):
        told.type("locked", bob, "up", *LAB, "--yes")
        command = re.search(r"`([^`]*force-unlock[^`]*)`", told.said["locked"].err.replace("\n", " "))
        assert command is not None, told.said["locked"].err
        told.seen["unlock"] = subprocess.run(
            shlex.split(command[1].replace("force-unlock", "force-unlock -force")),
            env=told.server.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        told.seen["keys after unlock"] = keys(told.server)


def by_hand(told: Story, ann: Machine, bob: Machine) -> None:
    told.seen["by hand"] = change_by_hand(told.server, "lab")
    told.type("drift", bob, "up", *LAB, "--plan")
    told.type("mended", ann, "up", *LAB, "--yes")
    told.type("after mending", bob, "up", *LAB, "--plan")


def test_a_plan_makes_no_bucket(story: Story) -> None:
    assert story.said["plan"].code == 2, story.said["plan"].err
    assert f"The state would be kept at {LOCATION.uri}. The bucket lab-states would be made." in story.said["plan"].err
    assert story.seen["buckets after plan"] == []


def test_a_platform_whose_state_is_elsewhere_is_not_made_twice(story: Story) -> None:
    said = story.said["without the state"]
    assert said.code == 1
    assert "The platform lab is up in us-east-1 already, but its state lies on another machine." in said.words
    assert "`opsctl up --name lab --state s3://BUCKET/KEY` shares it" in said.words


def test_a_state_of_one_machine_moves_and_the_platform_stays_as_it_is(story: Story) -> None:
    said = story.said["move"]
    assert said.code == 0, said.err
    assert re.search(r"The state of lab lies at s3://lab-states/opsctl now \(\d\d resources\)\.", said.words)
    assert "the copy that lay here:" in said.words
    # Only the record is written anew: it tells the others where the state is.
    assert re.search(r"^1 to change: record 1$", said.err, re.M), said.err


def test_two_platforms_share_a_bucket_and_nothing_else(story: Story) -> None:
    assert story.said["other up"].code == 0, story.said["other up"].err
    states = {LOCATION.key(name, root) for name in ("lab", "other") for root in ("storage", "platform")}
    assert set(story.seen["keys"]) == states
    assert story.said["other is untouched"].code == 0, story.said["other is untouched"].err


def test_the_same_platform_from_a_second_machine(story: Story) -> None:
    said = story.said["second machine"]
    assert said.code == 0, said.err
    assert f"The state of lab is taken from {LOCATION.uri}." in said.words
    assert "The platform lab is up already: nothing changed." in said.words


@pytest.mark.parametrize("verb", ["upload", *DAILY])
def test_a_colleague_without_terraform_and_without_a_record_does_everything_daily(story: Story, verb: str) -> None:
    assert story.said[verb].code == 0, story.said[verb].err
    assert story.seen["carl's platforms"] == []


def test_what_was_asked_without_terraform_was_answered(story: Story) -> None:
    assert "HNU1" in story.said["datasets"].out
    assert json.loads(story.said["dry run"].out)
    assert story.said["no terraform"].code == 1
    assert "Terraform is not on the PATH" in story.said["no terraform"].err


def test_the_holder_of_the_lock_is_named_and_what_is_said_unlocks(story: Story) -> None:
    said = story.said["locked"]
    assert said.code == 1
    assert re.search(r"state lock is held by ann@laptop since \d{4}-\d\d-\d\d \d\d:\d\d UTC", said.words), said.err
    assert story.seen["unlock"].returncode == 0, story.seen["unlock"].stderr
    assert not [key for key in story.seen["keys after unlock"] if key.endswith("lab/platform.tfstate.tflock")]


def test_what_was_changed_by_hand_is_told_and_mended(story: Story) -> None:
    said = story.said["drift"]
    assert said.code == 2
    told = [line.strip() for line in said.err.splitlines()]
    assert "Not as the last `up` left it:" in told
    for sentence in SAID:
        assert sentence in told, said.err
    # Before what is to be done about it.
    assert told.index(SAID[0]) < next(number for number, line in enumerate(told) if " to change: " in line)
    assert story.said["mended"].code == 0, story.said["mended"].err
    after = story.said["after mending"]
    assert after.code == 0, after.err
    assert "The platform lab is as it should be: nothing to do." in after.words


def test_home_again_and_shared_again(story: Story) -> None:
    assert story.said["home again"].code == 0, story.said["home again"].err
    refused = story.said["after home again"]
    assert refused.code == 1
    assert re.search(
        r"The state of lab was moved away from s3://lab-states/opsctl on .* UTC by \S+@\S+,", refused.words
    )
    assert story.said["shared again"].code == 0, story.said["shared again"].err


def test_down_from_a_machine_that_never_saw_it(story: Story) -> None:
    said = story.said["down on a third machine"]
    assert said.code == 0, said.err
    assert json.loads(said.out)["left"] == []
    state = story.server.client("s3").get_object(Bucket=LOCATION.bucket, Key=LOCATION.key("lab", "platform"))
    assert json.loads(state["Body"].read())["resources"] == []
