"""Scans, and the images of a dataset that were left out, with the reason."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, overload

from msgspec import Struct
from msgspec.json import Decoder, Encoder

from opsctl.core.dataset.s3_object import S3Object as S3Object
from opsctl.core.foreign_json import parse

Role = Literal["dwi", "bval", "bvec", "T1w", "bold", "bold_json"]

#: An input as `Inputs` holds it: address, role, size in bytes and etag.
PackedInput = tuple[str, Role, int, str]
_ENCODER = Encoder()
_DECODER = Decoder(list[PackedInput])


# As many are made as of `S3Object`, and they hold no other objects either.
class Input(Struct, frozen=True, kw_only=True, gc=False):
    """A file that a scan's job downloads."""

    uri: str
    role: Role
    size_bytes: int
    etag: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.uri.rpartition("/")[2]


def _packed(files: Sequence[PackedInput]) -> bytes | str:
    """Files as JSON: a text where a name is not UTF-8, as on some disks; msgspec does not take those."""
    try:
        # A copy: the encoder's own bytes keep half as much again for what might have followed.
        return bytes(memoryview(_ENCODER.encode(files)))
    except (UnicodeEncodeError, OverflowError):
        return json.dumps(files)


def _unpacked(packed: bytes | str) -> list[PackedInput]:
    return _DECODER.decode(packed) if isinstance(packed, bytes) else parse(packed)


class Inputs(Sequence[Input]):
    """A scan's files in little memory: 0.5 kB for four of them, which take 1.2 kB as objects.

    Parameters
    ----------
    files
        Each is made again when it is asked for.
    """

    __slots__ = ("_packed",)

    def __init__(self, files: Iterable[Input]) -> None:
        self._packed = _packed([(file.uri, file.role, file.size_bytes, file.etag) for file in files])

    @classmethod
    def packed(cls, files: Sequence[PackedInput]) -> Inputs:
        """The same of files that were never objects."""
        inputs = cls.__new__(cls)
        inputs._packed = _packed(files)
        return inputs

    def __iter__(self) -> Iterator[Input]:
        for uri, role, size_bytes, etag in _unpacked(self._packed):
            yield Input(uri=uri, role=role, size_bytes=size_bytes, etag=etag)

    @overload
    def __getitem__(self, index: int) -> Input: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Input]: ...

    def __getitem__(self, index: int | slice) -> Input | Sequence[Input]:
        return tuple(self)[index]

    def __len__(self) -> int:
        return len(_unpacked(self._packed))

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Sequence) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Inputs({list(self)})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """A primary image with its sidecars and its T1w: what one job processes.

    Attributes
    ----------
    name
        `sub-0025427/ses-1`; further entities (`/acq-x_run-2`) only where the session has several.
    subject, session
        BIDS labels; `session` is None where the dataset has no sessions.
    entities
        The primary image's entities, under pybids' names.
    pipeline
        `dwi` or `func`.
    note
        A choice that opsctl made and shows (which of several T1w); may be empty.
    """

    name: str
    subject: str
    session: str | None
    entities: Mapping[str, Any]
    pipeline: Literal["dwi", "func"]
    inputs: Sequence[Input]
    note: str = ""

    @property
    def primary_role(self) -> Role:
        """The role of its primary image."""
        return "dwi" if self.pipeline == "dwi" else "bold"

    @property
    def size_bytes(self) -> int:
        """Size of all inputs."""
        return sum(file.size_bytes for file in self.inputs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusion:
    """A primary image that is not processed.

    Attributes
    ----------
    key
        The image's S3 key.
    reason
        Why, in words.
    """

    key: str
    reason: str


AbsenceKind = Literal["subject_without_image", "session_without_image", "sidecar_without_image"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Absence:
    """A place where a primary image is to be expected, and is not.

    Attributes
    ----------
    path
        Relative to the dataset's root: the folder of the subject or session, or the sidecar.
    other_images
        How many primary images of the other pipeline a subject or session has.
    """

    kind: AbsenceKind
    path: str
    other_images: int = 0


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """What a dataset contains for m2g.

    Attributes
    ----------
    excluded
        The images that are not processed, up to a number (`opsctl.core.dataset.discovery.MOST_KEPT`).
    more_excluded
        How many further ones there are, by reason.
    absences
        Where an image is missing, up to the same number.
    more_absent
        How many further ones there are, by kind.
    not_read
        The folders beside the subjects' folders.
    """

    scans: tuple[Scan, ...]
    excluded: tuple[Exclusion, ...]
    pipeline: Literal["dwi", "func", "both"] = "dwi"
    warnings: tuple[str, ...] = field(default=())
    more_excluded: Mapping[str, int] = field(default_factory=dict)
    absences: tuple[Absence, ...] = ()
    more_absent: Mapping[str, int] = field(default_factory=dict)
    not_read: tuple[str, ...] = ()

    @property
    def excluded_count(self) -> int:
        """How many images are not processed."""
        return len(self.excluded) + sum(self.more_excluded.values())

    def as_json(self) -> dict[str, Any]:
        """What `scans`, `check` and `run --dry-run` print of a dataset besides its scans."""
        return {
            "excluded": [asdict(exclusion) for exclusion in self.excluded],
            "excluded_count": self.excluded_count,
            "absences": [asdict(absence) for absence in self.absences],
            "absence_count": len(self.absences) + sum(self.more_absent.values()),
            "not_read": list(self.not_read),
            "warnings": list(self.warnings),
        }
