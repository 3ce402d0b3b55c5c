"""A move that is killed before any of its steps: nothing is lost, nobody continues an old state, and it can be resumed.

The states are plain files: what Terraform does with them is tested in test_state_moves.py.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from shared_world import ACCOUNT, REGION

from opsctl.aws.s3.state_bucket import StateBucket
from opsctl.aws.s3.state_files import StateFiles
from opsctl.commands.platform.state import StateMover
from opsctl.core.errors import Problem
from opsctl.core.platform.state_location import ROOTS, StateLocation
from opsctl.home import Home

NAME = "m2g"
#: Every change that a move makes on S3 or on the disk.
STEPS = (
    (StateFiles, "_put_if_absent"),
    (StateFiles, "write"),
    (StateFiles, "delete"),
    (Path, "replace"),
    (Path, "unlink"),
)


class Killed(BaseException):
    """The process is gone."""


class Person:
    def __init__(self, who: str, home: Path, s3: Any) -> None:
        self.files = StateFiles(s3, account_id=ACCOUNT, who=f"{who}@laptop")
        self.home = Home(home)
        self.mover = StateMover(self.home, NAME, self.files, path_style=True)

    def local_state(self, root: str) -> Path:
        return self.home.make(self.home.platform_dir(NAME) / "terraform" / root) / "terraform.tfstate"

    def move(self, target: StateLocation | None) -> None:
        self.mover.put_away_leftovers()
        move = self.mover.propose(target)
        if move is not None:
            self.mover.carry_out(move)

    def states(self, location: StateLocation | None) -> dict[str, str | None]:
        if location is not None:
            return {root: self.files.read(location.bucket, location.key(NAME, root)) for root in ROOTS}
        paths = {root: self.local_state(root) for root in ROOTS}
        return {root: path.read_text() if path.exists() else None for root, path in paths.items()}


@contextmanager
def killed_before_step(count: int) -> Iterator[None]:
    remaining = count

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            nonlocal remaining
            # A dead process does not release its locks either.
            if remaining == 0:
                raise Killed
            remaining -= 1
            return call(*arguments, **options)

        return step

    with pytest.MonkeyPatch.context() as patch:
        for owner, method in STEPS:
            patch.setattr(owner, method, counted(getattr(owner, method)))
        yield


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    name = f"states-{uuid.uuid4().hex[:12]}"
    StateBucket(s3, name, region=REGION, account_id=ACCOUNT).make()
    return name


def break_locks(s3: Any, location: StateLocation | None) -> None:
    """As the message about a held lock says."""
    if location is not None:
        for root in ROOTS:
            s3.delete_object(Bucket=location.bucket, Key=f"{location.key(NAME, root)}.tflock")


#: Where Ann's states lie in turn, the last one is the target of the move that is killed; None is her machine.
WAYS: dict[str, tuple[str | None, ...]] = {
    "shared": (None, "a"),
    "moved": (None, "a", "b"),
    "taken home": (None, "a", None),
    "moved back": (None, "b", "a", "b"),
    "shared again": (None, "a", None, "a"),
}


@pytest.mark.parametrize(
    "way",
    [
        "moved",
        "taken home",
        *(pytest.param(way, marks=pytest.mark.campaign) for way in ("shared", "moved back", "shared again")),
    ],
)
def test_a_move_killed_before_any_step(way: str, bucket: str, s3: Any, tmp_path: Path) -> None:
    for step in range(100):
        folder = tmp_path / str(step)
        prefix = uuid.uuid4().hex
        *stops, source, target = (
            StateLocation(bucket, f"{prefix}/{stop}", REGION) if stop else None for stop in WAYS[way]
        )
        ann = with_states(Person("ann", folder / "ann", s3))
        for stop in (*stops[1:], source):
            ann.move(stop)
        before = ann.states(source)
        bob = Person("bob", folder / "bob", s3)
        if source is not None:
            bob.move(source)
        try:
            with killed_before_step(step):
                ann.move(target)
            break
        except Killed:
            break_locks(s3, source)
            break_locks(s3, target)
        states = [ann.states(location) for location in (source, target)]
        assert all(before[root] in [present[root] for present in states] for root in ROOTS), step
        if source is not None:
            check_nobody_is_at_both(ann, bob, source, target, step)
        ann.move(target)
        assert ann.mover.location == target, step
        assert ann.states(target) == before, step
        assert ann.mover.propose(target) is None, step
        if source is not None:
            assert "was moved away" in str(refusal(bob, source)), step
    # Locks, copies, notes, backend files.
    assert 6 < step < 99


def with_states(person: Person) -> Person:
    for root in ROOTS:
        resource = {"mode": "managed", "instances": [{}]}
        state = {"version": 4, "lineage": f"{root}-{uuid.uuid4()}", "serial": 3, "resources": [resource]}
        person.local_state(root).write_text(json.dumps(state))
    return person


def refusal(person: Person, location: StateLocation | None) -> Problem | None:
    try:
        person.mover.propose(location)
    except Problem as problem:
        return problem
    return None


def check_nobody_is_at_both(
    ann: Person, bob: Person, source: StateLocation, target: StateLocation | None, step: int
) -> None:
    """Bob still takes the state from the source: as soon as Ann does not, he is refused."""
    has_switched = {ann.mover._location_of(root) for root in ROOTS} != {source}
    assert refusal(bob, source) is not None or not has_switched, step
    own_refusal = refusal(ann, ann.mover.location)
    if own_refusal is not None:
        # The suggested command resumes the move.
        assert f"opsctl up --name m2g --state {target.uri if target else 'local'}" in own_refusal.hint, step
