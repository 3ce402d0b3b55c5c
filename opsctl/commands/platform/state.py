"""Move a platform's Terraform state between this machine and S3.

opsctl copies the state itself, because `terraform init -migrate-state` can overwrite another platform's state and
cannot be resumed safely (docs/decisions/0012). A state is copied under Terraform's locks and compared before it is
used. A copy of a local state stays on this machine; on S3 an old version and a note stay. The same command resumes a
killed move.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from opsctl.aws.s3.state_files import StateFiles
from opsctl.core import bounded
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.foreign_json import parse
from opsctl.core.platform.state_location import (
    BACKEND_FILE,
    LOCAL,
    ROOTS,
    MoveAction,
    StateLocation,
    StateSnapshot,
    choose_action,
    location_label,
    location_of_backend,
)
from opsctl.core.record import RecordReader, UnreadableRecord
from opsctl.home import Home
from opsctl.whole_file import sync_folder, write_whole

_STATE_FILE = "terraform.tfstate"


@dataclass(frozen=True, kw_only=True)
class _Note:
    """What a move leaves at the location from which the state moved away."""

    to: bounded.Name
    who: bounded.Text
    at: bounded.Text
    lineages: tuple[bounded.Text, ...]


_NOTES = RecordReader(_Note, hint="Restore it, or delete it if the state here is the one in use.", version=None)


@dataclass(frozen=True, kw_only=True)
class StateMove:
    """A proposed change of a state's location.

    Attributes
    ----------
    source, target
        The present location and the new one; None is this machine.
    source_states, target_states
        By root: the states at both locations.
    actions
        By root, for the roots whose location changes.
    """

    source: StateLocation | None
    target: StateLocation | None
    source_states: Mapping[str, StateSnapshot | None]
    target_states: Mapping[str, StateSnapshot | None]
    actions: Mapping[str, MoveAction]

    @property
    def action(self) -> MoveAction:
        """What the move is called in messages: `move` if any root's state moves, else `join`, else `begin`."""
        return next((action for action in ("move", "join") if action in self.actions.values()), "begin")

    @property
    def resource_count(self) -> int:
        """Number of resources in the states that will be used."""
        used = [
            self.source_states[root] if action == "move" else self.target_states[root]
            for root, action in self.actions.items()
        ]
        return sum(state.resource_count for state in used if state is not None)

    @property
    def lineages(self) -> list[str]:
        """The lineages of the states at the source."""
        return [state.lineage for state in self.source_states.values() if state is not None]


class StateMover:
    """Finds and changes the location of one platform's states.

    Parameters
    ----------
    path_style
        Address buckets as ENDPOINT/BUCKET, for endpoints other than AWS's.
    """

    def __init__(self, home: Home, name: str, files: StateFiles, *, path_style: bool = False) -> None:
        self._home = home
        self._name = name
        self._files = files
        self._path_style = path_style

    @property
    def location(self) -> StateLocation | None:
        """Where this machine takes the states from; None is this machine."""
        return self._location_of("platform") or self._location_of("storage")

    def propose(self, target: StateLocation | None) -> StateMove | None:
        """Return what must be done to have the states at `target`, or None if they are there. Nothing is changed.

        Raises
        ------
        Problem
            When the state was moved away from `target`, or another platform's state lies there.
        """
        sources = {root: self._location_of(root) for root in ROOTS}
        source_states = {root: self._read(location, root) for root, location in sources.items()}
        if target is not None:
            self._refuse_moved_away(target, source_states)
        if all(location == target for location in sources.values()):
            return None
        target_states = {root: self._read(target, root) for root in ROOTS}
        actions = {
            root: choose_action(
                source_states[root],
                target_states[root],
                source=location_label(location),
                target=location_label(target),
            )
            for root, location in sources.items()
            if location != target
        }
        return StateMove(
            source=self.location,
            target=target,
            source_states=source_states,
            target_states=target_states,
            actions=actions,
        )

    def carry_out(self, move: StateMove) -> list[Path]:
        """Copy and compare the states, leave notes at the source, switch over, then delete the states at the source.

        Returns
        -------
        list of Path
            The copies of local states that are kept on this machine.

        Raises
        ------
        Problem
            When a state's lock is held, or a state is not the one that was proposed.
        """
        sources = {root: self._location_of(root) for root in move.actions}
        moved_roots = [root for root, action in move.actions.items() if action == "move"]
        with ExitStack() as locks:
            for root in moved_roots:
                for location in (sources[root], move.target):
                    if location is not None:
                        locks.enter_context(self._files.locked(location.bucket, location.key(self._name, root)))
            for root in moved_roots:
                self._copy(root, move)
            if move.lineages:
                # Before the switch: if opsctl is killed after it, nobody goes on with the state at the source.
                for location in dict.fromkeys(location for location in sources.values() if location is not None):
                    self._write_note(location, move)
                if move.target is not None:
                    self._files.delete(move.target.bucket, move.target.note_key(self._name))
            for root in move.actions:
                self._switch(root, move.target)
            copies = self._put_away(move.actions) if move.target is not None else []
            for root, location in sources.items():
                if location is not None and move.lineages:
                    self._files.delete(location.bucket, location.key(self._name, root))
        return copies

    def put_away_leftovers(self) -> None:
        """Put away local states that a killed move left although this machine takes the states from S3."""
        self._put_away(root for root in ROOTS if self._location_of(root) is not None)

    def has_state(self, root: str) -> bool:
        """Return whether a state was ever written where this machine takes it from."""
        return self._read(self._location_of(root), root) is not None

    def drop_platform_state_before(self, started_at: datetime) -> None:
        """Delete a local platform's state on S3 if it is older than the server, whose resources were in memory only."""
        location = self._location_of("platform")
        if location is None:
            return
        key = location.key(self._name, "platform")
        changed_at = self._files.changed_at(location.bucket, key)
        if changed_at is not None and changed_at < started_at:
            self._files.delete(location.bucket, key)

    def _copy(self, root: str, move: StateMove) -> None:
        """Copy one root's state to the target, and read it back."""
        state = move.source_states[root]
        if state is None or self._read(self._location_of(root), root) != state:
            raise Problem(
                f"The {root}'s state has changed meanwhile.",
                "Type the same command again.",
                code=ErrorCode.CONCURRENT_CHANGE,
            )
        if move.target is None:
            self._put_away([root])
            write_whole(self._folder(root) / _STATE_FILE, state.text)
        else:
            write = self._files.create if move.target_states[root] is None else self._files.write
            write(move.target.bucket, move.target.key(self._name, root), state.text)
        if self._read(move.target, root) != state:
            raise Problem(
                f"The {root}'s state did not arrive whole at {location_label(move.target)}.",
                "Nothing was switched over. Type the same command again.",
                code=ErrorCode.STATE_UNUSABLE,
            )

    def _put_away(self, roots: Iterable[str]) -> list[Path]:
        """Move local state files into `old-states`; return their new paths."""
        copies = []
        for root in roots:
            path = self._folder(root) / _STATE_FILE
            if path.exists():
                folder = self._home.make(self._home.platform_dir(self._name) / "old-states")
                copies.append(path.replace(folder / f"{root}-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.tfstate"))
        return copies

    def _switch(self, root: str, target: StateLocation | None) -> None:
        """Let Terraform take the root's state from `target`."""
        folder = self._home.make(self._folder(root))
        if target is None:
            (folder / BACKEND_FILE).unlink(missing_ok=True)
            # The state at the old place is deleted next: after a power cut the file must not point there again.
            sync_folder(folder)
        else:
            block = target.backend(self._name, root, path_style=self._path_style)
            write_whole(folder / BACKEND_FILE, json.dumps(block, indent=1))
        # Terraform's record of the last backend: with the record, `init` would want to migrate the state itself.
        (folder / ".terraform" / _STATE_FILE).unlink(missing_ok=True)

    def _write_note(self, location: StateLocation, move: StateMove) -> None:
        """Leave a note that the state moves away from `location`."""
        note = {
            "to": move.target.uri if move.target else LOCAL,
            "who": self._files.who,
            "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "lineages": move.lineages,
        }
        self._files.write(location.bucket, location.note_key(self._name), json.dumps(note))

    def _refuse_moved_away(self, location: StateLocation, source_states: Mapping[str, StateSnapshot | None]) -> None:
        """Refuse a location whose note says that the state was moved away, unless this machine brings it back."""
        text = self._files.read(location.bucket, location.note_key(self._name))
        if text is None:
            return
        note = _NOTES.decode(text, f"s3://{location.bucket}/{location.note_key(self._name)}")
        holds_state = any(state is not None and state.lineage in note.lineages for state in source_states.values())
        if holds_state and self.location != location:
            return
        moved = f"The state of {self._name} was moved away from {location.uri} on {note.at} by {note.who}"
        # A move to this machine that was killed before the switch is resumed like any other.
        is_own_move = holds_state and note.who == self._files.who
        if note.to == LOCAL and not is_own_move:
            raise Problem(
                f"{moved}, to the machine there.",
                f"There, `opsctl up --name {self._name} --state {location.uri}` shares it again.",
                code=ErrorCode.PLATFORM_ELSEWHERE,
            )
        raise Problem(
            f"{moved}.",
            f"Type `opsctl up --name {self._name} --state {note.to}`.",
            code=ErrorCode.PLATFORM_ELSEWHERE,
        )

    def _folder(self, root: str) -> Path:
        return self._home.platform_dir(self._name) / "terraform" / root

    def _location_of(self, root: str) -> StateLocation | None:
        try:
            text = (self._folder(root) / BACKEND_FILE).read_text()
        except FileNotFoundError:
            return None
        try:
            return location_of_backend(parse(text), name=self._name, root=root)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UnreadableRecord(
                str(self._folder(root) / BACKEND_FILE),
                "cannot be read: it does not name a bucket, a key and a region.",
                "Restore it: it says where Terraform keeps the platform's state.",
            ) from error

    def _read(self, location: StateLocation | None, root: str) -> StateSnapshot | None:
        if location is not None:
            key = location.key(self._name, root)
            return StateSnapshot.parse(
                self._files.read(location.bucket, key) or "", where=f"s3://{location.bucket}/{key}"
            )
        path = self._folder(root) / _STATE_FILE
        try:
            return StateSnapshot.parse(path.read_text(), where=str(path))
        except FileNotFoundError:
            return None
