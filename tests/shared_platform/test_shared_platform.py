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
from changes_by_hand import change_by_hand, sentences
from shared_world import ACCOUNT, REGION, CommandResult, Machine, Server

from opsctl import __version__
from opsctl.aws.s3.state_files import StateFiles
from opsctl.core.platform.state_location import StateLocation
from opsctl.local import control

# One long story, run once for all tests; it is slow on a busy machine.
pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1800)]

LOCATION = StateLocation("lab-states", "opsctl", REGION)
STATE = ("--state", LOCATION.uri)
LAB = ("--name", "lab")
OTHER = ("--name", "other")
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


#: Of an image in ECR; the jobs here run the preview, whatever they are told to run.
MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []})


@dataclass
class Story:
    """The results of all commands, by a name for each."""

    server: Server
    results: dict[str, CommandResult] = field(default_factory=dict)
    observed: dict[str, Any] = field(default_factory=dict)

    def run(self, name: str, machine: Machine, *arguments: str) -> CommandResult:
        self.results[name] = machine.run(*arguments)
        return self.results[name]


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
    story = Story(own_server)
    folder = tmp_path_factory.mktemp("people")
    ann, bob, carl, dora, eve = (
        Machine(who, folder / who, own_server) for who in ("ann", "bob", "carl", "dora", "eve")
    )
    story.run("plan", ann, "up", *LAB, *STATE, "--plan")
    story.observed["buckets after plan"] = buckets(own_server)
    # Terraform waits most of the time: what does not follow from each other goes on at the same time.
    with ThreadPoolExecutor(2) as executor:
        # On this machine first, and moved later; the other platform is on S3 from its beginning.
        other = executor.submit(changed_by_hand, story, eve)
        story.run("up", ann, "up", *LAB, "--yes")
        story.run("without the state", bob, "up", *LAB)
        story.run("move", ann, "up", *LAB, *STATE, "--yes")
        everyday = executor.submit(daily, story, carl)
        story.run("second machine", bob, "up", *LAB, "--yes")
        locked(story, bob)
        story.run("home again", ann, "up", *LAB, "--state", "local", "--yes")
        story.run("after home again", bob, "up", *LAB)
        story.run("shared again", ann, "up", *LAB, *STATE, "--yes")
        for at_the_same_time in (everyday, other):
            at_the_same_time.result()
    story.observed["keys"] = keys(own_server)
    story.run("down on a third machine", dora, "down", *LAB, "--yes", "--json")
    story.run("other is untouched", eve, "up", *OTHER, "--plan")
    return story


def buckets(server: Server) -> list[str]:
    return [bucket["Name"] for bucket in server.client("s3").list_buckets()["Buckets"]]


def keys(server: Server) -> list[str]:
    return [obj["Key"] for obj in server.client("s3").list_objects_v2(Bucket=LOCATION.bucket).get("Contents", [])]


def daily(story: Story, carl: Machine) -> None:
    """Somebody whose machine has no Terraform, and has never heard of this platform."""
    carl.without_terraform()
    story.run("sample", carl, "sample", "sample")
    story.run("upload", carl, "upload", "sample", "--name", "HNU1", "--platform", "lab")
    story.run("run without an image", carl, *DAILY["run"], "--json", "--platform", "lab")
    ecr, tag = story.server.client("ecr"), __version__
    ecr.put_image(repositoryName="opsctl-lab", imageManifest=MANIFEST, imageTag=tag)
    for name, arguments in DAILY.items():
        story.run(name, carl, *arguments, "--platform", "lab")
    ecr.batch_delete_image(repositoryName="opsctl-lab", imageIds=[{"imageTag": tag}])
    story.observed["carl's platforms"] = [path.name for path in carl.home.glob("platforms/*/*")]
    story.run("no terraform", carl, "up", *LAB)


def locked(story: Story, bob: Machine) -> None:
    """The lock of somebody who is at work, or was when the power went: nobody can tell from here."""
    files = StateFiles(story.server.client("s3"), account_id=ACCOUNT, who="ann@laptop")
    with files.locked(LOCATION.bucket, LOCATION.key("lab", "platform")):
        story.run("locked", bob, "up", *LAB, "--yes")
        command = re.search(r"`([^`]*force-unlock[^`]*)`", story.results["locked"].err.replace("\n", " "))
        assert command is not None, story.results["locked"].err
        story.observed["unlock"] = subprocess.run(
            shlex.split(command[1].replace("force-unlock", "force-unlock -force")),
            env=story.server.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        story.observed["keys after unlock"] = keys(story.server)


def changed_by_hand(story: Story, eve: Machine) -> None:
    """A platform that somebody changes in the console."""
    story.run("other up", eve, "up", *OTHER, *STATE, "--yes")
    change_by_hand(story.server, "other")
    story.run("drift", eve, "up", *OTHER, "--plan")
    story.run("mended", eve, "up", *OTHER, "--yes")
    story.run("after mending", eve, "up", *OTHER, "--plan")


def test_a_plan_makes_no_bucket(story: Story) -> None:
    assert story.results["plan"].code == 2, story.results["plan"].err
    assert (
        f"The state would be kept at {LOCATION.uri}. The bucket lab-states would be made." in story.results["plan"].err
    )
    assert story.observed["buckets after plan"] == []


def test_a_platform_whose_state_is_elsewhere_is_not_made_twice(story: Story) -> None:
    result = story.results["without the state"]
    assert result.code == 1
    assert "The platform lab is up in us-east-1 already, but its state lies on another machine." in result.message
    assert "`opsctl up --name lab --state s3://BUCKET/KEY` shares it" in result.message


def test_a_state_of_one_machine_moves_and_the_platform_stays_as_it_is(story: Story) -> None:
    result = story.results["move"]
    assert result.code == 0, result.err
    assert re.search(r"The state of lab lies at s3://lab-states/opsctl now \(\d\d resources\)\.", result.message)
    assert "the copy that lay here:" in result.message
    # Only the record is written anew: it tells the others where the state is.
    assert re.search(r"^1 to change: record 1$", result.err, re.M), result.err


def test_two_platforms_share_a_bucket_and_nothing_else(story: Story) -> None:
    assert story.results["other up"].code == 0, story.results["other up"].err
    states = {LOCATION.key(name, root) for name in ("lab", "other") for root in ("storage", "platform")}
    assert set(story.observed["keys"]) == states
    assert story.results["other is untouched"].code == 0, story.results["other is untouched"].err


def test_the_same_platform_from_a_second_machine(story: Story) -> None:
    result = story.results["second machine"]
    assert result.code == 0, result.err
    assert f"The state of lab is taken from {LOCATION.uri}." in result.message
    # Nothing is known of it here, so it is not called unchanged. What follows depends on the image, which Carl brings.
    assert "The platform lab is up. " in result.message
    assert "is up already" not in result.message


@pytest.mark.parametrize("verb", ["upload", *DAILY])
def test_a_colleague_without_terraform_and_without_a_record_does_everything_daily(story: Story, verb: str) -> None:
    assert story.results[verb].code == 0, story.results[verb].err
    assert story.observed["carl's platforms"] == []


def test_what_was_asked_without_terraform_was_answered(story: Story) -> None:
    assert "HNU1" in story.results["datasets"].out
    assert json.loads(story.results["dry run"].out)
    assert story.results["no terraform"].code == 1
    assert "Terraform is not installed" in story.results["no terraform"].err
    assert "could not be downloaded" in " ".join(story.results["no terraform"].err.split())


def test_up_names_the_image_as_the_next_step_and_run_refuses_until_it_is_there(story: Story) -> None:
    up, refused = story.results["up"], story.results["run without an image"]
    assert "is not on ECR yet" in up.message
    assert up.err.index("opsctl image build") < up.err.index("opsctl image push") < up.err.index("opsctl run HNU1")
    # The server knows no plans, no quotas and no simulation: nothing is said of them, and nothing is refused.
    assert "could not be looked at" not in up.message and "according to IAM" not in up.message
    assert (refused.code, json.loads(refused.out)["error"]["code"]) == (1, "image_not_found")


def test_the_holder_of_the_lock_is_named_and_what_is_said_unlocks(story: Story) -> None:
    result = story.results["locked"]
    assert result.code == 1
    assert re.search(r"state lock is held by ann@laptop since \d{4}-\d\d-\d\d \d\d:\d\d UTC", result.message), (
        result.err
    )
    assert story.observed["unlock"].returncode == 0, story.observed["unlock"].stderr
    assert not [key for key in story.observed["keys after unlock"] if key.endswith("lab/platform.tfstate.tflock")]


def test_what_was_changed_by_hand_is_told_and_mended(story: Story) -> None:
    result = story.results["drift"]
    assert result.code == 2
    lines = [line.strip() for line in result.err.splitlines()]
    assert "Not as the last `up` left it:" in lines
    for sentence in sentences("other"):
        assert sentence in lines, result.err
    # Before what is to be done about it.
    assert lines.index(sentences("other")[0]) < next(
        number for number, line in enumerate(lines) if " to change: " in line
    )
    assert story.results["mended"].code == 0, story.results["mended"].err
    after = story.results["after mending"]
    assert after.code == 0, after.err
    assert "The platform other is as it should be: nothing to do." in after.message


def test_home_again_and_shared_again(story: Story) -> None:
    assert story.results["home again"].code == 0, story.results["home again"].err
    refused = story.results["after home again"]
    assert refused.code == 1
    assert re.search(
        r"The state of lab was moved away from s3://lab-states/opsctl on .* UTC by \S+@\S+,", refused.message
    )
    assert story.results["shared again"].code == 0, story.results["shared again"].err


def test_down_from_a_machine_that_never_saw_it(story: Story) -> None:
    result = story.results["down on a third machine"]
    assert result.code == 0, result.err
    assert json.loads(result.out)["left"] == []
    state = story.server.client("s3").get_object(Bucket=LOCATION.bucket, Key=LOCATION.key("lab", "platform"))
    assert json.loads(state["Body"].read())["resources"] == []
