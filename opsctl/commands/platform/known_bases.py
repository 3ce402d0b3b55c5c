"""The digests that the names of base images had when this machine last built on them."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from opsctl.aws.ecr.image import pinned_digest
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.foreign_json import inner_object, parse_object
from opsctl.small_file import read_small
from opsctl.whole_file import write_whole

_MAX_BYTES = 64 * 1024
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class KnownBase:
    """A base image at the last build on it.

    Attributes
    ----------
    digest
        `sha256:…`.
    day
        The day of the build that first had it: UTC, ISO 8601.
    """

    digest: str
    day: str


class KnownBases:
    """The base images that this machine has built on, in one file.

    Parameters
    ----------
    path
        The file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def refuse_changed(self, name: str, digest: str | None) -> None:
        """Refuse a base whose name means another image than at the last build on it.

        Parameters
        ----------
        digest
            What the name means now; None for an image that is in no registry.

        Raises
        ------
        Problem
            When it changed, or the file cannot be read.
        """
        known = self._read().get(name)
        if digest is None or not _may_change(name) or known is None or known.digest == digest:
            return
        repository = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
        raise Problem(
            f"The base image {name} has changed: it is {digest} now, and was {known.digest} on {known.day}. "
            "m2g in it may be another program.",
            f"`opsctl image build --base {name} --accept-base` builds on the new one, "
            f"`opsctl image build --base {repository}@{known.digest}` on the earlier one.",
            code=ErrorCode.IMAGE_BASE_CHANGED,
        )

    def keep(self, name: str, digest: str | None, *, day: str) -> None:
        """Write down what a name means; a digest that is known already keeps its day."""
        bases = self._read()
        known = bases.get(name)
        if digest is None or not _may_change(name) or (known is not None and known.digest == digest):
            return
        bases[name] = KnownBase(digest, day)
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = {"schema_version": 1, "bases": {key: asdict(base) for key, base in sorted(bases.items())}}
        write_whole(self._path, json.dumps(content, indent=1))

    def _read(self) -> dict[str, KnownBase]:
        try:
            data = read_small(self._path, at_most=_MAX_BYTES)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unreadable(str(error.strerror)) from error
        try:
            bases = inner_object(parse_object(data), "bases")
            known = {str(name): KnownBase(str(base["digest"]), str(base["day"])) for name, base in bases.items()}
        except (ValueError, KeyError, TypeError) as error:
            raise self._unreadable("it is not what opsctl wrote") from error
        if not all(_DIGEST.fullmatch(base.digest) for base in known.values()):
            raise self._unreadable("it holds something else than digests")
        return known

    def _unreadable(self, reason: str) -> Problem:
        return Problem(
            f"{self._path}, which holds the base images of earlier builds, cannot be read: {reason}.",
            "Remove it: the next build writes it again.",
            code=ErrorCode.FILE_UNREADABLE,
        )


def _may_change(name: str) -> bool:
    """Whether a name can mean another image one day: a tag of a registry, neither a digest nor an image of this machine."""
    return pinned_digest(name) is None and not name.startswith("localhost/")
