"""Scans: what one job processes, and what was left out and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["dwi", "bval", "bvec", "T1w", "bold"]


@dataclass(frozen=True, kw_only=True, slots=True)
class S3Object:
    """One object of a listing.

    Attributes
    ----------
    key
        S3's own bytes, decoded as UTF-8 and nothing else.
    etag
        Without the quotes that S3 puts around it.
    """

    key: str
    size_bytes: int
    etag: str


@dataclass(frozen=True, kw_only=True)
class Input:
    """A file that a scan's job pulls."""

    uri: str
    role: Role
    size_bytes: int
    etag: str


@dataclass(frozen=True, kw_only=True)
class Scan:
    """One primary image with its sidecars and its T1w.

    Attributes
    ----------
    name
        `sub-0025427/ses-1`; further entities (`/acq-x_run-2`) only where the session has several.
    subject, session
        BIDS labels; `session` None where the dataset has none.
    entities
        The primary image's, by pybids' names.
    pipeline
        `dwi` or `func`.
    note
        A choice that was made for the person and must be shown (which T1w of several), or empty.
    """

    name: str
    subject: str
    session: str | None
    entities: Mapping[str, Any]
    pipeline: Literal["dwi", "func"]
    inputs: tuple[Input, ...]
    note: str = ""

    @property
    def size_bytes(self) -> int:
        """What the job pulls."""
        return sum(one.size_bytes for one in self.inputs)


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """An image that m2g cannot process, or that was not asked for.

    Attributes
    ----------
    key
        The S3 key as it stands.
    reason
        Words for a person.
    """

    key: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """What a dataset holds for m2g."""

    scans: tuple[Scan, ...]
    excluded: tuple[Exclusion, ...]
    warnings: tuple[str, ...] = field(default=())
