"""What opsctl keeps on a machine: everything below one folder."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from opsctl.core.errors import Problem
from opsctl.core.platform.platform import Platform


@dataclass(frozen=True)
class Home:
    """`OPSCTL_HOME`, by default the platform's data folder for opsctl."""

    path: Path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Home:
        """Where the environment says, else where the operating system keeps such things."""
        named = environment.get("OPSCTL_HOME")
        return cls(Path(named).expanduser().absolute() if named else platformdirs.user_data_path("opsctl"))

    @property
    def local(self) -> Path:
        """The local platform's own folder."""
        return self.path / "local"

    @property
    def log(self) -> Path:
        """Every AWS call and the tracebacks of crashes go here (`LogFile`)."""
        return self.path / "opsctl.log"

    @property
    def cache(self) -> Path:
        """What this machine has read of S3 already."""
        return self.path / "records.sqlite"

    def platform_dir(self, name: str) -> Path:
        """A platform's record, Terraform code and state."""
        return self.path / "platforms" / name

    def make(self, folder: Path) -> Path:
        """Make a folder below the home, for this user only: state and records are nobody else's business.

        Raises
        ------
        Problem
            When the disk or the permissions refuse it.
        """
        try:
            # `mode` holds for the last folder only, so each is made by itself.
            for part in [
                self.path,
                *(self.path / up for up in reversed(folder.relative_to(self.path).parents)),
                folder,
            ]:
                part.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Problem(
                f"{folder} cannot be made ({error.strerror}).", "Set OPSCTL_HOME to a folder that you may write to."
            ) from error
        return folder

    @property
    def identity(self) -> str:
        """A random name of this home, the same for every process that uses it."""
        path = self.make(self.path) / "identity"
        if not path.exists():
            import uuid

            mine = path.with_name(f"identity.{uuid.uuid4().hex}")
            mine.write_text(uuid.uuid4().hex)
            # Whole or not at all, and the first one stays.
            with suppress(FileExistsError):
                os.link(mine, path)
            mine.unlink()
        return path.read_text()

    @contextmanager
    def alive(self, token: str) -> Iterator[None]:
        """Let other processes of this home see, by `is_alive`, that the one that goes by `token` still lives."""
        path = self.make(self.path / "alive") / token
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                path.unlink(missing_ok=True)

    def is_alive(self, token: str) -> bool:
        """Whether a process of this home goes by `token`: the operating system drops the locks of a dead one."""
        path = self.path / "alive" / token
        try:
            with path.open("r") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        path.unlink(missing_ok=True)
        return False

    def keep(self, platform: Platform) -> None:
        """Remember a platform, and that it is the latest."""
        folder = self.make(self.platform_dir(platform.name))
        _write(folder / "record.json", json.dumps(platform.as_record(), indent=1))
        _write(self.path / "current", platform.name)

    def write(self, path: Path, text: str) -> None:
        """Write a file of a platform's folder, whole or not at all."""
        self.make(path.parent)
        _write(path, text)

    def forget(self, name: str) -> None:
        """Remove a platform's record; its folder stays, for the storage root's state is in it."""
        for file in ("record.json", "pending-up.json"):
            (self.platform_dir(name) / file).unlink(missing_ok=True)

    def current(self) -> str | None:
        """The name of the platform that was brought up last, or of the only one that there is."""
        known = self.known()
        try:
            last = (self.path / "current").read_text().strip()
        except FileNotFoundError:
            last = ""
        if last in known:
            return last
        return known[0] if len(known) == 1 else None

    def recall(self, name: str) -> Platform | None:
        """A platform's record as this machine remembers it."""
        try:
            text = (self.platform_dir(name) / "record.json").read_text()
        except FileNotFoundError:
            return None
        try:
            return Platform.from_record(json.loads(text))
        except ValueError as error:
            raise Problem(f"The record of the platform {name} is damaged.", "`opsctl up` writes it anew.") from error

    def known(self) -> list[str]:
        """The names of all platforms that this machine remembers."""
        return sorted(record.parent.name for record in self.path.glob("platforms/*/record.json"))

    def local_names(self) -> list[str]:
        """The names of the platforms on this machine: they share one process."""
        return [name for name in self.known() if (found := self.recall(name)) is not None and found.is_local]


class LogFile(logging.Handler):
    """A home's log: for its owner only, at most two files of `limit_bytes`, shared by all processes of the home.

    The standard library's rotating handlers are for one process: two would rename each other's files away.
    Nothing is made before the first line.

    Parameters
    ----------
    home
        Whose `log`; what is older is kept beside it as `opsctl.log.1`.
    limit_bytes
        From this size on the file is put aside and begun anew.
    """

    def __init__(self, home: Home, *, limit_bytes: int = 5_000_000) -> None:
        super().__init__()
        self._home = home
        self._limit_bytes = limit_bytes
        self._file: int | None = None
        formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(process)d %(message)s", "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    @property
    def path(self) -> Path:
        """The file."""
        return self._home.log

    def emit(self, record: logging.LogRecord) -> None:
        """Append a record's line, and AWS's name of the call, for its support."""
        request_id = getattr(record, "request_id", "")
        with suppress(OSError, Problem):
            self.append(self.format(record) + (f" request {request_id}" if request_id else ""))

    def append(self, text: str) -> None:
        """Append in one write: what several processes say at once stays whole.

        Raises
        ------
        OSError, Problem
            When there is no place for it.
        """
        self.acquire()
        try:
            os.write(self._opened(), f"{text}\n".encode(errors="replace"))
        finally:
            self.release()

    def close(self) -> None:
        """Let go of the file."""
        self._let_go()
        super().close()

    def _let_go(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _opened(self) -> int:
        if self._file is not None and os.fstat(self._file).st_size >= self._limit_bytes:
            self._put_aside(self._file)
        if self._file is None:
            self._home.make(self._home.path)
            self._file = os.open(self._home.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if os.fstat(self._file).st_size >= self._limit_bytes:
                return self._opened()
        return self._file

    def _put_aside(self, full: int) -> None:
        """Rename the full file, unless another process has done so already; the lock makes them look in turn."""
        fcntl.flock(full, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(full), self._home.log.stat()):
                self._home.log.replace(self._home.log.with_name(f"{self._home.log.name}.1"))
        self._let_go()


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    partial.write_text(text)
    partial.replace(path)
