"""Moves of a state by opsctl, checked with the real Terraform at the new location.

The roots use Terraform's built-in `terraform_data`, which needs no provider.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from shared_world import ACCOUNT, REGION, Server

from opsctl.aws.s3.state_bucket import StateBucket
from opsctl.aws.s3.state_files import StateFiles
from opsctl.commands.platform.state import StateMover
from opsctl.core.errors import Problem
from opsctl.core.platform.state_location import ROOTS, StateLocation
from opsctl.core.platform.terraform_errors import Diagnostic, lock_of
from opsctl.home import Home

CODE = """
variable "what" { default = "first" }
resource "terraform_data" "one" { input = var.what }
resource "terraform_data" "two" { input = "same" }
output "one" { value = terraform_data.one.output }
"""
#: Holds the lock until somebody has read its pipe.
WAITS = """
resource "terraform_data" "waits" {
  provisioner "local-exec" { command = "echo at work > %s; cat %s" }
}
"""
NAME = "m2g"


@dataclass
class Person:
    """Somebody with a machine of their own."""

    who: str
    home: Home
    mover: StateMover
    server: Server

    def folder(self, root: str) -> Path:
        return self.home.platform_dir(NAME) / "terraform" / root

    def terraform(self, root: str, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            ["terraform", *arguments, "-no-color"],
            cwd=self.folder(root),
            env=self.server.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert code is None or result.returncode == code, result.stdout + result.stderr
        return result

    def apply(self, what: str = "first") -> None:
        for root in ROOTS:
            self.terraform(root, "init", "-input=false")
            self.terraform(root, "apply", "-input=false", "-auto-approve", f"-var=what={what}")

    def sees_nothing_to_do(self, what: str = "first") -> bool:
        for root in ROOTS:
            self.terraform(root, "init", "-input=false")
        plan = ("plan", "-input=false", "-detailed-exitcode", f"-var=what={what}")
        return all(self.terraform(root, *plan, code=None).returncode == 0 for root in ROOTS)

    def state(self, root: str) -> dict[str, Any]:
        """As Terraform itself reads it."""
        return json.loads(self.terraform(root, "state", "pull").stdout)

    def local_state(self, root: str) -> Path:
        return self.folder(root) / "terraform.tfstate"

    def move(self, target: StateLocation | None) -> list[Path]:
        move = self.mover.propose(target)
        assert move is not None
        return self.mover.carry_out(move)


@pytest.fixture
def people(server: Server, s3: Any, tmp_path: Path) -> Callable[[str], Person]:
    def person(who: str) -> Person:
        home = Home(tmp_path / who)
        files = StateFiles(s3, account_id=ACCOUNT, who=f"{who}@laptop")
        somebody = Person(who, home, StateMover(home, NAME, files, path_style=True), server)
        for root in ROOTS:
            home.make(somebody.folder(root))
            (somebody.folder(root) / "main.tf").write_text(CODE)
        return somebody

    return person


@pytest.fixture
def location(s3: Any) -> StateLocation:
    return new_location(s3)


def new_location(s3: Any) -> StateLocation:
    name = f"states-{uuid.uuid4().hex[:12]}"
    StateBucket(s3, name, region=REGION, account_id=ACCOUNT).make()
    return StateLocation(name, "opsctl/neuro", REGION)


def test_a_state_of_this_machine_moves_to_s3_and_is_the_same_there(
    people: Any, location: StateLocation, s3: Any
) -> None:
    ann = people("ann")
    ann.apply()
    before = {root: ann.local_state(root).read_text() for root in ROOTS}
    move = ann.mover.propose(location)
    assert (move.action, move.resource_count) == ("move", 4)
    copies = ann.mover.carry_out(move)
    # The copies are whole, for this user only, and out of Terraform's way.
    assert sorted(path.read_text() for path in copies) == sorted(before.values())
    assert not any(ann.local_state(root).exists() for root in ROOTS)
    assert {path.parent.stat().st_mode & 0o777 for path in copies} == {0o700}
    assert ann.sees_nothing_to_do()
    for root in ROOTS:
        # Lineage, serial and resources.
        assert ann.state(root) == json.loads(before[root])
        head = s3.head_object(Bucket=location.bucket, Key=location.key(NAME, root))
        assert head["ServerSideEncryption"] == "AES256"
    # No lock is left, and nothing is to be done a second time.
    assert not [key for key in keys(s3, location) if key.endswith(".tflock")]
    assert ann.mover.location == location
    assert ann.mover.propose(location) is None


def keys(s3: Any, location: StateLocation) -> list[str]:
    return [obj["Key"] for obj in s3.list_objects_v2(Bucket=location.bucket).get("Contents", [])]


def test_a_colleague_takes_the_same_state_and_both_go_on_with_it(people: Any, location: StateLocation) -> None:
    ann, bob = people("ann"), people("bob")
    ann.apply()
    ann.move(location)
    move = bob.mover.propose(location)
    assert (move.action, move.resource_count) == ("join", 4)
    assert bob.mover.carry_out(move) == []
    assert bob.sees_nothing_to_do()
    bob.apply("second")
    assert ann.sees_nothing_to_do("second")
    assert not ann.sees_nothing_to_do("first")


def test_from_one_place_to_another_and_home_again(people: Any, location: StateLocation, s3: Any) -> None:
    ann, bob, elsewhere = people("ann"), people("bob"), new_location(s3)
    ann.apply()
    ann.move(location)
    bob.move(location)
    ann.sees_nothing_to_do()
    before = {root: ann.state(root) for root in ROOTS}
    ann.move(elsewhere)
    assert ann.sees_nothing_to_do()
    assert {root: ann.state(root) for root in ROOTS} == before
    # At the old place lies nothing that anybody could go on with by mistake.
    assert keys(s3, location) == [location.note_key(NAME)]
    with pytest.raises(Problem, match=f"moved away from {location.uri} on .* UTC by ann@laptop") as caught:
        bob.mover.propose(location)
    assert f"opsctl up --name m2g --state {elsewhere.uri}" in caught.value.hint
    bob.move(elsewhere)
    assert bob.sees_nothing_to_do()
    # Home again, and away a second time.
    ann.move(None)
    assert ann.mover.location is None
    assert ann.sees_nothing_to_do()
    assert {root: json.loads(ann.local_state(root).read_text()) for root in ROOTS} == before
    with pytest.raises(Problem, match="ann@laptop, to the machine there"):
        bob.mover.propose(elsewhere)
    ann.move(location)
    assert ann.sees_nothing_to_do()
    assert location.note_key(NAME) not in keys(s3, location)


def test_another_platforms_state_is_never_written_over(people: Any, location: StateLocation) -> None:
    ann, eve = people("ann"), people("eve")
    ann.apply()
    ann.move(location)
    eve.apply()
    with pytest.raises(Problem, match="holds the state of another platform"):
        eve.mover.propose(location)
    assert eve.sees_nothing_to_do()
    assert ann.sees_nothing_to_do()
    assert eve.mover.location is None


def test_what_came_into_being_meanwhile_is_not_written_over(people: Any, location: StateLocation, s3: Any) -> None:
    ann = people("ann")
    ann.apply()
    move = ann.mover.propose(location)
    s3.put_object(Bucket=location.bucket, Key=location.key(NAME, "storage"), Body=b"somebody else's")
    with pytest.raises(Problem, match="has come into being just now"):
        ann.mover.carry_out(move)
    assert ann.mover.location is None
    assert ann.sees_nothing_to_do()
    assert s3.get_object(Bucket=location.bucket, Key=location.key(NAME, "storage"))["Body"].read() == b"somebody else's"
    assert not [key for key in keys(s3, location) if key.endswith(".tflock")]


def test_a_state_that_changed_after_the_question_is_looked_at_again(people: Any, location: StateLocation) -> None:
    ann = people("ann")
    ann.apply()
    move = ann.mover.propose(location)
    ann.apply("second")
    with pytest.raises(Problem, match="state has changed meanwhile"):
        ann.mover.carry_out(move)
    assert ann.mover.location is None


@pytest.mark.parametrize(("is_shared", "after"), [(False, 1), (False, 3), (False, 6), (True, 1), (True, 5), (True, 9)])
def test_a_move_that_is_killed_is_ended_by_the_next(
    people: Any, location: StateLocation, s3: Any, monkeypatch: pytest.MonkeyPatch, is_shared: bool, after: int
) -> None:
    """With Terraform; test_killed_moves.py kills before every step."""
    ann = people("ann")
    ann.apply()
    before = {root: json.loads(ann.local_state(root).read_text()) for root in ROOTS}
    if is_shared:
        ann.move(new_location(s3))
    steps_left = after

    class Killed(BaseException):
        pass

    def counting(call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            nonlocal steps_left
            # A dead process does not release its locks either.
            if steps_left == 0:
                raise Killed
            steps_left -= 1
            return call(*arguments, **options)

        return step

    with monkeypatch.context() as patch:
        for owner, method in ((StateFiles, "create"), (StateFiles, "write"), (StateFiles, "delete"), (Path, "replace")):
            patch.setattr(owner, method, counting(getattr(owner, method)))
        with pytest.raises(Killed):
            ann.move(location)
    for locked in filter(None, (location, ann.mover.location)):
        for lock in [key for key in keys(s3, locked) if key.endswith(".tflock")]:
            s3.delete_object(Bucket=locked.bucket, Key=lock)
    ann.mover.put_away_leftovers()
    move = ann.mover.propose(location)
    if move is not None:
        ann.mover.carry_out(move)
    assert ann.mover.location == location
    assert ann.sees_nothing_to_do()
    assert {root: ann.state(root) for root in ROOTS} == before


def test_the_state_of_a_local_platform_that_has_ended_is_dropped_and_only_that(
    people: Any, location: StateLocation
) -> None:
    """What it speaks of was in the server's memory; the storage's is on the disk."""
    ann = people("ann")
    ann.apply()
    ann.move(location)
    ann.sees_nothing_to_do()
    ann.mover.drop_platform_state_before(datetime.now(UTC) - timedelta(hours=1))
    assert ann.state("platform")["resources"]
    ann.mover.drop_platform_state_before(datetime.now(UTC) + timedelta(hours=1))
    assert ann.state("platform")["resources"] == []
    assert ann.state("storage")["resources"]


# Two at once.


def test_one_gets_the_lock_and_the_other_is_told_who_has_it(
    people: Any, location: StateLocation, tmp_path: Path, s3: Any
) -> None:
    ann, bob = people("ann"), people("bob")
    ann.apply()
    ann.move(location)
    bob.move(location)
    began, end = tmp_path / "began", tmp_path / "end"
    for pipe in (began, end):
        subprocess.run(["mkfifo", pipe], check=True)
    (ann.folder("platform") / "waits.tf").write_text(WAITS % (began, end))
    for person in (ann, bob):
        person.terraform("platform", "init", "-input=false")
    holder = subprocess.Popen(
        ["terraform", "apply", "-input=false", "-auto-approve"],
        cwd=ann.folder("platform"),
        env=ann.server.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert began.read_text() == "at work\n"
        refused = bob.terraform("platform", "apply", "-input=false", "-auto-approve", code=1)
        held = lock_of([Diagnostic("Error acquiring the state lock", refused.stderr)])
        with pytest.raises(Problem, match=r"state lock is held by \S+@\S+ since \d{4}-\d\d-\d\d \d\d:\d\d UTC"):
            bob.move(None)
    finally:
        # With its provisioner; the lock stays, as after any kill -9.
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()
    assert held is not None and held.id and "@" in held.who and held.created[:2] == "20"
    assert bob.terraform("platform", "plan", "-input=false", code=1).returncode == 1
    # What the sentence says helps.
    bob.terraform("platform", "force-unlock", "-force", held.id)
    (ann.folder("platform") / "waits.tf").unlink()
    bob.apply()
    assert bob.sees_nothing_to_do()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"terraform": {}}', '{"terraform": {"backend": {"s3": {"key": 7}}}}'])
def test_a_damaged_backend_file_is_named(people: Any, location: StateLocation, text: str) -> None:
    ann = people("ann")
    (ann.folder(ROOTS[0]) / "backend.tf.json").write_text(text)
    with pytest.raises(Problem, match=r"backend\.tf\.json cannot be read: it does not name a bucket"):
        ann.mover.propose(location)
