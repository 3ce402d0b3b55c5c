"""What `terraform init` has installed in a root's folder, and whether another one would change anything.

An `init` takes a second or two of CPU for each root, also when it finds everything in place: it computes the checksum
of the 700 MB of the provider. Every later command computes it again, and refuses a provider that the lock file does not
name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from opsctl.core.platform.provider_lock import LOCK_FILE
from opsctl.terraform.provider import locked_version, os_arch
from opsctl.whole_file import write_whole

#: Terraform removes nothing that it does not know in its own folder; who deletes the folder deletes this too.
_RECORD = Path(".terraform", "opsctl-init")
#: What Terraform's errors say where the provider, a module, a lock or a backend is missing or is not the installed one;
#: in automation it does not name the command for providers.
_ADVICE = ("terraform init", "install the required plugins")


class Installation:
    """The installation in one root's folder.

    Parameters
    ----------
    folder
        The root's folder; its modules are in `modules/` beside it.
    binary
        The path of Terraform.
    """

    def __init__(self, folder: Path, *, binary: str) -> None:
        self._folder = folder
        self._binary = binary

    def is_current(self, mirror: Path | None) -> bool:
        """Whether the last `init` saw the same code, lock and mirror, and what it has installed is there."""
        with suppress(OSError):
            provider = self._folder.glob(f".terraform/providers/*/*/*/{locked_version()}/{os_arch()}/*")
            return (self._folder / _RECORD).read_text() == self._digest(mirror) and any(provider)
        return False

    def record(self, mirror: Path | None) -> None:
        """Record what an `init` that succeeded has seen."""
        if (self._folder / _RECORD.parent).is_dir():
            write_whole(self._folder / _RECORD, self._digest(mirror))

    @staticmethod
    def is_missed_by(output: str) -> bool:
        """Whether a command's output says that it needs an `init` first."""
        return any(advice in output for advice in _ADVICE)

    def _digest(self, mirror: Path | None) -> str:
        digest = hashlib.sha256(f"{self._binary}\n{mirror}\n".encode())
        for path in self._sources():
            text = path.read_bytes()
            digest.update(f"{path.relative_to(self._folder.parent)} {len(text)}\n".encode() + text)
        return digest.hexdigest()

    def _sources(self) -> Iterator[Path]:
        yield self._folder / LOCK_FILE
        for pattern in ("*.tf", "*.tf.json"):
            yield from sorted(self._folder.glob(pattern))
        yield from sorted(self._folder.parent.glob("modules/*/*.tf"))
