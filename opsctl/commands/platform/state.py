"""A platform's state brought to another place: copied, compared, and only then believed there.

Nothing is ever written over another state, and nothing is lost: what lay on this machine is kept as a copy, what lay on
S3 as an old version with a note where it went. Killed at any moment, the same command ends it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from opsctl.aws.s3.state_files import StateFiles
from opsctl.core.errors import Problem
from opsctl.core.platform.state_location import (
    BACKEND_FILE,
    LOCAL,
    ROOTS,
    Snapshot,
    StatePlace,
    Step,
    place_of_backend,
    step_of,
)
from opsctl.home import Home

_STATE = "terraform.tfstate"


@dataclass(frozen=True, kw_only=True)
class Moving:
    """What brings a platform's state to a place.

    Attributes
    ----------
    source, target
        None is this machine.
    mine, theirs
        By root: what lies at the source and at the target.
    steps
        By root.
    """

    source: StatePlace | None
    target: StatePlace | None
    mine: Mapping[str, Snapshot | None]
    theirs: Mapping[str, Snapshot | None]
    steps: Mapping[str, Step]

    @property
    def step(self) -> Step:
        """The weightiest of the steps."""
        return next((step for step in ("move", "join") if step in self.steps.values()), "begin")

    @property
    def resource_count(self) -> int:
        """How many resources the states know that will count."""
        kept = [self.mine[root] if step == "move" else self.theirs[root] for root, step in self.steps.items()]
        return sum(one.resource_count for one in kept if one is not None)


class StateKeeper:
    """Where one platform's states lie, and how they get elsewhere.

    Parameters
    ----------
    name
        The platform's.
    path_style
        Address buckets as ENDPOINT/BUCKET: for endpoints that are not AWS's.
    """

    def __init__(self, home: Home, name: str, files: StateFiles, *, path_style: bool = False) -> None:
        self._home = home
        self._name = name
        self._files = files
        self._path_style = path_style

    @property
    def here(self) -> StatePlace | None:
        """Where this machine takes the state from; None is from itself."""
        return self._place("platform") or self._place("storage")

    def propose(self, target: StatePlace | None) -> Moving | None:
        """What has to be done to have the state there; None when it is there. Nothing is changed.

        Raises
        ------
        Problem
            When the state was moved away from there, or another platform's lies there.
        """
        mine = {root: self._read(self._place(root), root) for root in ROOTS}
        if target is not None:
            self._refuse_moved(target, mine)
        if all(self._place(root) == target for root in ROOTS):
            return None
        theirs = {root: self._read(target, root) for root in ROOTS}
        steps = {
            root: step_of(mine[root], theirs[root], source=_words(self._place(root)), target=_words(target))
            for root in ROOTS
            if self._place(root) != target
        }
        return Moving(source=self.here, target=target, mine=mine, theirs=theirs, steps=steps)

    def carry_out(self, moving: Moving) -> list[Path]:
        """Copy, compare, switch over, and only then put away what lay at the old place.

        Returns
        -------
        list of Path
            The copies that are kept on this machine.

        Raises
        ------
        Problem
            When somebody works on a state, or it is not the one that was looked at.
        """
        sources = {root: self._place(root) for root in moving.steps}
        with ExitStack() as locks:
            for root, step in moving.steps.items():
                for place in (sources[root], moving.target) if step == "move" else ():
                    if place is not None:
                        lock = place.lock_key(self._name, root)
                        locks.enter_context(self._files.locked(place.bucket, place.key(self._name, root), lock))
            for root, step in moving.steps.items():
                if step == "move":
                    self._copy(root, moving)
            for root in moving.steps:
                self._switch(root, moving.target)
            kept = [*self._put_away(moving.steps)] if moving.target is not None else []
            if moving.target is not None and moving.step == "move":
                # It lies here again.
                self._files.delete(moving.target.bucket, moving.target.note_key(self._name))
            for place in dict.fromkeys(one for one in sources.values() if one is not None):
                self._retire(place, moving)
        return kept

    def tidy(self) -> list[Path]:
        """Put away states that lie here although this machine takes them from S3: left by a move that was killed."""
        return [*self._put_away([root for root in ROOTS if self._place(root) is not None])]

    def knows(self, root: str) -> bool:
        """Whether a state was ever written where this machine takes it from."""
        return self._read(self._place(root), root) is not None

    def forget_before(self, moment: datetime) -> None:
        """Drop a local platform's state on S3 that is older than its server: what it speaks of ended with that."""
        place = self._place("platform")
        if place is None:
            return
        key = place.key(self._name, "platform")
        changed_at = self._files.changed_at(place.bucket, key)
        if changed_at is not None and changed_at < moment:
            self._files.delete(place.bucket, key)

    def _copy(self, root: str, moving: Moving) -> None:
        snapshot = moving.mine[root]
        if snapshot is None or self._read(self._place(root), root) != snapshot:
            raise Problem(f"The {root}'s state has changed meanwhile.", "Type the same command again.")
        if moving.target is None:
            self._write_here(root, snapshot.text)
        else:
            bucket, key = moving.target.bucket, moving.target.key(self._name, root)
            write = self._files.create if moving.theirs[root] is None else self._files.write
            write(bucket, key, snapshot.text)
        if self._read(moving.target, root) != snapshot:
            raise Problem(
                f"The {root}'s state did not arrive whole at {_words(moving.target)}.",
                "Nothing was switched over. Type the same command again.",
            )

    def _write_here(self, root: str, text: str) -> None:
        path = self._folder(root) / _STATE
        if path.exists():
            path.replace(self._copy_path(root))
        _write(path, text)

    def _put_away(self, roots: Mapping[str, Step] | list[str]) -> Iterator[Path]:
        for root in roots:
            path = self._folder(root) / _STATE
            if path.exists():
                copy = self._copy_path(root)
                path.replace(copy)
                yield copy

    def _copy_path(self, root: str) -> Path:
        folder = self._home.make(self._home.platform_dir(self._name) / "old-states")
        return folder / f"{root}-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.tfstate"

    def _switch(self, root: str, target: StatePlace | None) -> None:
        folder = self._home.make(self._folder(root))
        if target is None:
            (folder / BACKEND_FILE).unlink(missing_ok=True)
        else:
            block = target.backend(self._name, root, path_style=self._path_style)
            _write(folder / BACKEND_FILE, json.dumps(block, indent=1))
        # What Terraform remembers of the last backend: with it, `init` would want to move the state by itself.
        (folder / ".terraform" / _STATE).unlink(missing_ok=True)

    def _retire(self, place: StatePlace, moving: Moving) -> None:
        lineages = [one.lineage for one in moving.mine.values() if one is not None]
        if not lineages:
            return
        note = {
            "to": moving.target.uri if moving.target else LOCAL,
            "who": self._files.who,
            "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "lineages": lineages,
        }
        # The note first: at no moment does the place look as if nothing had ever been there.
        self._files.write(place.bucket, place.note_key(self._name), json.dumps(note))
        for root in moving.steps:
            self._files.delete(place.bucket, place.key(self._name, root))

    def _refuse_moved(self, place: StatePlace, mine: Mapping[str, Snapshot | None]) -> None:
        text = self._files.read(place.bucket, place.note_key(self._name))
        if text is None:
            return
        note = json.loads(text)
        if any(one is not None and one.lineage in note["lineages"] for one in mine.values()):
            return
        moved = f"The state of {self._name} was moved away from {place.uri} on {note['at']} by {note['who']}"
        if note["to"] == LOCAL:
            raise Problem(
                f"{moved}, to the machine there.",
                f"There, `opsctl up --name {self._name} --state {place.uri}` shares it again.",
            )
        raise Problem(f"{moved}.", f"Type `opsctl up --name {self._name} --state {note['to']}`.")

    def _folder(self, root: str) -> Path:
        return self._home.platform_dir(self._name) / "terraform" / root

    def _place(self, root: str) -> StatePlace | None:
        try:
            text = (self._folder(root) / BACKEND_FILE).read_text()
        except FileNotFoundError:
            return None
        return place_of_backend(json.loads(text), name=self._name, root=root)

    def _read(self, place: StatePlace | None, root: str) -> Snapshot | None:
        if place is not None:
            key = place.key(self._name, root)
            return Snapshot.of(self._files.read(place.bucket, key) or "", where=f"s3://{place.bucket}/{key}")
        path = self._folder(root) / _STATE
        try:
            return Snapshot.of(path.read_text(), where=str(path))
        except FileNotFoundError:
            return None


def _words(place: StatePlace | None) -> str:
    return place.uri if place is not None else "this machine"


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and for this user only."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)
