"""Where the local platform keeps its files in `OPSCTL_HOME`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Files:
    """The paths of the local platform's files in `OPSCTL_HOME`."""

    home: Path

    @property
    def folder(self) -> Path:
        """The folder that holds all of them."""
        return self.home / "local"

    @property
    def record(self) -> Path:
        """The server's process, port, token and engine. It exists while a server runs, or after it was killed."""
        return self.folder / "server.json"

    @property
    def key(self) -> Path:
        """The key that every request must carry, as a shared credentials file of AWS's."""
        return self.folder / "credentials"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "server.log"

    @property
    def port(self) -> Path:
        """The last server's port. The next server uses it if it is free, so that a noted endpoint stays valid."""
        return self.folder / "port"

    @property
    def objects(self) -> Path:
        """The S3 objects."""
        return self.folder / "objects"

    @property
    def log_lines(self) -> Path:
        """The jobs' log lines."""
        return self.folder / "log_lines.sqlite3"

    @property
    def jobs(self) -> Path:
        """The jobs' work folders."""
        return self.folder / "jobs"

    @property
    def notices(self) -> Path:
        """The messages that are to be sent when runs end."""
        return self.folder / "notices"

    @property
    def bin(self) -> Path:
        """The folder that comes first on the jobs' PATH."""
        return self.folder / "bin"

    def lock(self, name: str) -> Path:
        """Return a lock's file: `start` is held while a server is started, `server` by the server while it runs."""
        return self.folder / f"{name}.lock"
