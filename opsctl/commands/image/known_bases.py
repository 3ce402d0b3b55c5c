"""The digests that the names of base images had when this machine last built on them."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

from opsctl.aws.ecr.image import pinned_digest
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.foreign_json import inner_object, parse_object
from opsctl.home import Home
from opsctl.small_file import read_small
from opsctl.whole_file import write_whole

_MAX_BYTES = 64 * 1024
#: Names of images have 255 characters at most, so that these fit; the oldest go first.
_MOST_BASES = 100
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
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
    """The base images that this machine has built on, in one file of opsctl's folder."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._path = home.path / "image-bases.json"

    def digest_of(self, name: str) -> str | None:
        """What a name meant at the last build on it; None where this machine has not built on it.

        Raises
        ------
        Problem
            When the file cannot be read.
        """
        known = self._read().get(name)
        return known.digest if known else None

    def refuse_changed(self, name: str, digest: str | None, *, is_accepted: bool, more: str = "") -> None:
        """Refuse a base whose name means another image than at the last build on it.

        Parameters
        ----------
        digest
            What the name means now; None for an image that is in no registry.
        is_accepted
            Whether the user takes whatever it is; the file must be readable all the same.
        more
            The other words of the build that was typed, for the commands of the hint.

        Raises
        ------
        Problem
            When it changed, or the file cannot be read.
        """
        known = self._read().get(name)
        if is_accepted or digest is None or not _is_published_tag(name) or known is None or known.digest == digest:
            return
        repository = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
        raise Problem(
            f"The base image {name} has changed: it is {digest} now, and was {known.digest} on {known.day}. "
            "m2g in it may be another program.",
            f"`opsctl image build --base {name} --accept-base{more}` builds on the new one, "
            f"`opsctl image build --base {repository}@{known.digest}{more}` on the earlier one.",
            code=ErrorCode.IMAGE_BASE_CHANGED,
        )

    def keep(self, name: str, digest: str | None, *, day: str) -> None:
        """Write down what a name means; a digest that is known already keeps its day.

        An image of `localhost/` is written down too: where it has several digests, the next build takes the same one.
        """
        bases = self._read()
        known = bases.get(name)
        if digest is None or pinned_digest(name) or (known is not None and known.digest == digest):
            return
        bases[name] = KnownBase(digest, day)
        newest = sorted(bases, key=lambda key: bases[key].day)[-_MOST_BASES:]
        content = {"schema_version": 1, "bases": {key: asdict(bases[key]) for key in sorted(newest)}}
        self._home.make(self._home.path)
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
        if not all(_DIGEST.fullmatch(base.digest) and _DAY.fullmatch(base.day) for base in known.values()):
            raise self._unreadable("it is not what opsctl wrote")
        return known

    def _unreadable(self, reason: str) -> Problem:
        return Problem(
            f"{self._path}, which holds the base images of earlier builds, cannot be read: {reason}.",
            "Remove it: the next build writes it again.",
            code=ErrorCode.FILE_UNREADABLE,
        )


def _is_published_tag(name: str) -> bool:
    """Whether others can change what a name means: a registry's tag, not a digest, not an image of this machine."""
    return pinned_digest(name) is None and not name.startswith("localhost/")
