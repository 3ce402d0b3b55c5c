"""The folder where opsctl keeps its files on a machine."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from opsctl.core.errors import Problem, write_error_code
from opsctl.core.foreign_json import parse_object
from opsctl.core.platform.platform_name import LOCAL_NAME
from opsctl.user_path import user_path
from opsctl.whole_file import write_whole

if TYPE_CHECKING:
    from opsctl.core.platform.platform import Platform

#: The folder is somebody else's, read-only, full, damaged or no folder: nothing of opsctl's is wrong.
_UNUSABLE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
    *(errno.ENOSPC, errno.EDQUOT, errno.EIO),
}

_IDENTITY = re.compile(rb"[0-9a-f]{32}")


class Home(NamedTuple):
    """The folder `OPSCTL_HOME`, by default the operating system's data folder for opsctl."""

    path: Path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Home:
        """The home that an environment names."""
        named = environment.get("OPSCTL_HOME")
        if named:
            return cls(user_path(named).absolute())
        import platformdirs

        return cls(platformdirs.user_data_path("opsctl").absolute())

    @property
    def local(self) -> Path:
        """The local platform's folder."""
        return self.path / "local"

    @property
    def log(self) -> Path:
        """The log file of AWS calls and tracebacks (`opsctl.log_file`)."""
        return self.path / "opsctl.log"

    @property
    def cache(self) -> Path:
        """The database of records that were read from S3 before."""
        return self.path / "records.sqlite"

    @property
    def terraform(self) -> Path:
        """Terraform's program, if opsctl has downloaded it."""
        from opsctl.core.platform.terraform_release import VERSION

        return self.path / "terraform" / VERSION / "terraform"

    def platform_dir(self, name: str) -> Path:
        """The folder of a platform's record, Terraform code and state."""
        return self.path / "platforms" / name

    def make(self, folder: Path) -> Path:
        """Make a folder below the home, readable by this user only.

        Raises
        ------
        Problem
            When the disk or the permissions refuse it.
        """
        parents = [self.path / parent for parent in reversed(folder.relative_to(self.path).parents)]
        try:
            # mkdir's `mode` applies to the last folder only, so each one is made separately.
            for path in [self.path, *parents, folder]:
                path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Problem(
                f"{folder} cannot be made ({error.strerror}).",
                "Set OPSCTL_HOME to a folder that you may write to.",
                code=write_error_code(error),
            ) from error
        return folder

    def touch(self, path: Path) -> Path:
        """Create a file, readable by this user only, unless it exists: for what would create it with the umask's mode.

        Raises
        ------
        OSError
            When the disk or the permissions refuse it.
        """
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        return path

    def unusable(self, error: Exception) -> Problem | None:
        """The sentence for an error of the operating system about a file in this folder; None for other errors."""
        if not isinstance(error, OSError) or error.errno not in _UNUSABLE or not isinstance(error.filename, str):
            return None
        if not Path(error.filename).is_relative_to(self.path):
            return None
        return Problem(
            f"{error.filename} cannot be used ({error.strerror}).",
            "Set OPSCTL_HOME to a folder that is yours and has room.",
            code=write_error_code(error),
        )

    @property
    def identity(self) -> str:
        """A random name of this home, the same for all its processes."""
        path = self.make(self.path) / "identity"
        if path.exists() and not _IDENTITY.fullmatch(path.read_bytes()):
            # A power cut or a full disk has emptied it: two homes would have the same name.
            path.unlink(missing_ok=True)
        if not path.exists():
            import uuid

            candidate = path.with_name(f"identity.{uuid.uuid4().hex}")
            self.write(candidate, uuid.uuid4().hex)
            # Several processes may do this at once: the first link wins, and no reader sees a half-written file.
            with suppress(FileExistsError):
                os.link(candidate, path)
            candidate.unlink()
        return path.read_text()

    @contextmanager
    def alive(self, token: str) -> Iterator[None]:
        """Hold the lock that tells `is_alive` that the process with this token is running."""
        path = self.make(self.path / "alive") / token
        with self.touch(path).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                path.unlink(missing_ok=True)

    def is_alive(self, token: str) -> bool:
        """Whether the process with this token is running: the operating system releases a dead process's lock."""
        path = self.path / "alive" / token
        try:
            with path.open("r") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except (FileNotFoundError, NotADirectoryError):
            return False
        path.unlink(missing_ok=True)
        return False

    def keep(self, platform: Platform) -> None:
        """Save a platform's record, and make the platform the current one."""
        self.write(self.platform_dir(platform.name) / "record.json", json.dumps(platform.as_record(), indent=1))
        self.make_current(platform.name)

    def make_current(self, name: str) -> None:
        """Let commands that name no platform use this one."""
        self.write(self.path / "current", name)

    def write(self, path: Path, text: str) -> None:
        """Write a file below the home, whole or not at all."""
        self.make(path.parent)
        write_whole(path, text)

    def forget(self, name: str) -> None:
        """Remove a platform's record. Its folder stays, because it holds the storage root's state."""
        for file in ("record.json", "pending-up.json", "pending-down"):
            (self.platform_dir(name) / file).unlink(missing_ok=True)

    def current(self) -> str | None:
        """The name of the platform that was brought up or chosen last, else of the only known one."""
        known = self.known()
        last = (self._read(self.path / "current") or b"").decode(errors="replace").strip()
        if last in known:
            return last
        return known[0] if len(known) == 1 else None

    def recall(self, name: str) -> Platform | None:
        """A platform's record as saved on this machine, or None.

        Raises
        ------
        Problem
            When the record is damaged.
        """
        path = self.platform_dir(name) / "record.json"
        try:
            record = self._read(path)
            if record is None:
                return None
            from opsctl.core.platform.platform import Platform

            return Platform.decode(record, str(path))
        except Problem as problem:
            # A plain `opsctl up` would make another platform. Another name is of AWS or of this machine.
            local = f"`opsctl up --local{'' if name == LOCAL_NAME else f' --name {name}'}`"
            problem.hint = f"{local} writes it anew" + (
                "." if name == LOCAL_NAME else f"; for a platform on AWS `opsctl up --name {name}` does."
            )
            raise

    def data_bucket(self, name: str) -> str | None:
        """The data bucket in a platform's record, for what only looks its names up on this machine."""
        bucket = self.unchecked_record(name).get("data_bucket")
        return bucket if isinstance(bucket, str) else None

    def unchecked_record(self, name: str) -> dict[str, Any]:
        """A platform's record as it stands in its file; empty where there is none, or it is damaged.

        To check it takes 15 ms, for which whoever presses the Tab key would wait.
        """
        try:
            return parse_object(self._read(self.platform_dir(name) / "record.json") or "")
        except ValueError:
            return {}

    def _read(self, path: Path) -> bytes | None:
        """A file below the home; None where there is none."""
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def known(self) -> list[str]:
        """The names of all platforms with a record on this machine."""
        return sorted(record.parent.name for record in self.path.glob("platforms/*/record.json"))

    def local_names(self) -> list[str]:
        """The names of the local platforms; they share one server process.

        A platform whose record is damaged counts: it may need the server.
        """
        return [name for name in self.known() if self._may_be_local(name)]

    def _may_be_local(self, name: str) -> bool:
        try:
            platform = self.recall(name)
        except Problem:
            return True
        return platform is not None and platform.is_local
