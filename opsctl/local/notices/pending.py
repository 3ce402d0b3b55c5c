"""Messages that are to be sent when runs end: one private file a run, removed once the message was sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from opsctl.core.errors import Problem, write_error_code
from opsctl.core.foreign_json import parse_object
from opsctl.local.files import Files
from opsctl.small_file import read_small
from opsctl.whole_file import write_whole

SCHEMA_VERSION = 1
#: Of a file, in bytes.
_MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class PendingNotice:
    """A message that is to be sent when a run ends.

    Attributes
    ----------
    addresses
        Where to; they hold tokens.
    """

    run_id: str
    platform: str
    addresses: tuple[str, ...] = field(repr=False)


class PendingNotices:
    """The files.

    Parameters
    ----------
    home
        OPSCTL_HOME.
    """

    def __init__(self, home: Path) -> None:
        self._folder = Files(home).notices

    def add(self, notice: PendingNotice) -> None:
        """Keep a message, beside those that are kept for the run already.

        Raises
        ------
        Problem
            When the disk or the permissions refuse it.
        """
        kept = self.find(notice.run_id)
        addresses = list(dict.fromkeys([*(kept.addresses if kept is not None else ()), *notice.addresses]))
        self.replace(notice, addresses)

    def replace(self, notice: PendingNotice, addresses: Sequence[str]) -> None:
        """Keep a message for other addresses; for none, remove it.

        Raises
        ------
        Problem
            When the disk or the permissions refuse it.
        """
        path = self._path(notice.run_id)
        content = {
            "schema_version": SCHEMA_VERSION,
            "run_id": notice.run_id,
            "platform": notice.platform,
            "addresses": list(addresses),
        }
        try:
            if not addresses:
                path.unlink(missing_ok=True)
                return
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, json.dumps(content))
        except OSError as error:
            raise Problem(
                f"{path} cannot be written ({error.strerror}).",
                "The run goes on, but nothing will be sent when it ends.",
                code=write_error_code(error),
            ) from error

    def find(self, run_id: str) -> PendingNotice | None:
        """The message of a run; None if there is none, or its file is damaged."""
        try:
            content = parse_object(read_small(self._path(run_id), at_most=_MOST_BYTES))
            addresses = content["addresses"]
            if content["run_id"] != run_id or not all(isinstance(address, str) for address in addresses):
                return None
            return PendingNotice(run_id, str(content["platform"]), tuple(addresses))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def run_ids(self) -> list[str]:
        """The runs that have a message."""
        with suppress(OSError):
            return sorted(path.stem for path in self._folder.iterdir() if path.suffix == ".json")
        return []

    def remove(self, run_id: str) -> None:
        """Remove the message of a run."""
        with suppress(OSError):
            self._path(run_id).unlink(missing_ok=True)

    def remove_of(self, platform: str) -> None:
        """Remove the messages of a platform's runs."""
        for run_id in self.run_ids():
            notice = self.find(run_id)
            if notice is None or notice.platform == platform:
                self.remove(run_id)

    def _path(self, run_id: str) -> Path:
        return self._folder / f"{run_id}.json"
