"""The files in which Terraform keeps one root's state on this machine, as a full disk or a power cut may leave them.

Terraform empties `terraform.tfstate` before it writes it anew, so that it can be found empty or cut off. The state from
before the command is then in `terraform.tfstate.backup`, unless it was the first one.
"""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.state_document import parse_state
from opsctl.core.platform.state_location import BACKEND_FILE

_UNUSABLE = ErrorCode.STATE_UNUSABLE


class StateFiles:
    """The state files in a root's folder.

    Attributes
    ----------
    errored
        The state that Terraform could not save where it belongs (a full disk, a lost connection).
    """

    def __init__(self, folder: Path) -> None:
        self.errored = folder / "errored.tfstate"
        self._state = folder / "terraform.tfstate"
        self._backup = folder / "terraform.tfstate.backup"
        self._backend = folder / BACKEND_FILE

    @property
    def is_remote(self) -> bool:
        """Whether the state is on S3."""
        return self._backend.exists()

    @property
    def has_local(self) -> bool:
        """Whether a state was recorded on this machine."""
        # Terraform creates an empty file before it has anything to record.
        return self._state.exists() and self._state.stat().st_size > 0

    def read(self) -> dict[str, Any]:
        """Read the state on this machine; empty where none was recorded.

        Raises
        ------
        Problem
            When it is damaged: names the file and the command that helps.
        """
        if not self._state.exists():
            return {}
        if self.has_local:
            with suppress(ValueError):
                return _read(self._state)
        elif not self._has_resources(self._backup):
            return {}
        raise self._damaged()

    def restore(self) -> None:
        """Put the state that Terraform could not save in the place of one that it has damaged meanwhile.

        Terraform itself would compare the two, and cannot read a damaged one.
        """
        if self.is_remote or not self._has_resources(self.errored):
            return
        try:
            is_damaged = self._state.exists() and not self.read()
        except Problem:
            is_damaged = True
        if is_damaged:
            self.errored.replace(self._state)

    def not_taken(self, reason: str) -> Problem:
        """The error that Terraform does not take `errored` for its state.

        Parameters
        ----------
        reason
            Terraform's error.
        """
        command = f"`{_put_away(self.errored)}`, then type the same command"
        try:
            _read(self.errored)
        except ValueError:
            return Problem(
                f"{self.errored}, which Terraform left where it could not save its state, is damaged.",
                f"{command}: opsctl looks for what the last `opsctl up` or `down` made.",
                code=_UNUSABLE,
            )
        return Problem(
            f"{self.errored} holds what the last `opsctl up` or `down` made, and Terraform does not take it back: "
            f"{reason}",
            f"If the platform's state is newer: {command}.",
            code=_UNUSABLE,
        )

    def _damaged(self) -> Problem:
        what = f"Terraform's state {self._state} is damaged."
        if self._has_resources(self._backup):
            command = shlex.join(["cp", str(self._backup), str(self._state)])
            return Problem(
                what, f"`{command}` brings the one before it back; then type the same command.", code=_UNUSABLE
            )
        return Problem(
            what,
            f"`{_put_away(self._state)}`, then type the same command: opsctl looks for what the platform has.",
            code=_UNUSABLE,
        )

    @staticmethod
    def _has_resources(path: Path) -> bool:
        try:
            return path.exists() and bool(_read(path).get("resources"))
        except ValueError:
            return False


def _read(path: Path) -> dict[str, Any]:
    return parse_state(path.read_bytes())


def _put_away(path: Path) -> str:
    """The command that keeps a file under another name."""
    return shlex.join(["mv", str(path), f"{path}.damaged"])
