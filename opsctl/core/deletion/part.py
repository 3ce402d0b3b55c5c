"""A part of what is deleted: the keys below one prefix, or some of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from opsctl.core.deletion.subject import Subject
from opsctl.core.location import RUNS_PREFIX
from opsctl.core.runs.record_summary import SCANS_A_SUMMARY

#: The folders of a run whose documents are named after a scan's index (`abandoned/` and `submissions/` are not).
_SCAN_FOLDERS = ("scans", "results", "attempts", "claims", "failures")
_SCAN_DOCUMENT = re.compile(rf"(?:{'|'.join(_SCAN_FOLDERS)})/(\d{{5,}})[./]")

_SUMMARY = re.compile(r"summaries/[a-z]+/(\d{5,})\.")

RAW_DATA = "raw data"
_DERIVATIVES = "derivatives/"


@dataclass(frozen=True, kw_only=True)
class Part:
    """Keys that go.

    Attributes
    ----------
    prefix
        What the keys begin with; ends with `/`.
    holds
        Whether a key below the prefix is among them.
    folder_of
        Under which heading a key is counted.
    """

    prefix: str
    holds: Callable[[str], bool]
    folder_of: Callable[[str], str]


def dataset_part(prefix: str, *, subject: Subject | None = None, keeps_outputs: bool = False) -> Part:
    """A dataset's files, raw and derived, or those of one subject.

    Parameters
    ----------
    prefix
        The dataset's folder in the data bucket, with its slash.
    keeps_outputs
        Leave `derivatives/` out.
    """
    outputs = f"{prefix}{_DERIVATIVES}"

    def holds(key: str) -> bool:
        if keeps_outputs and key.startswith(outputs):
            return False
        return subject is None or subject.owns(key[len(prefix) :])

    def folder_of(key: str) -> str:
        if not key.startswith(outputs):
            return RAW_DATA
        return f"{_DERIVATIVES}{key[len(outputs) :].partition('/')[0]}"

    return Part(prefix=prefix, holds=holds, folder_of=folder_of)


def outputs_part(prefix: str, name: str) -> Part:
    """All of an output folder."""
    return Part(prefix=prefix, holds=lambda _: True, folder_of=lambda _: f"{_DERIVATIVES}{name}")


def run_part(run_id: str, indices: frozenset[int] | None = None) -> Part:
    """A run's records; with `indices` only those of these scans."""
    prefix = f"{RUNS_PREFIX}{run_id}/"

    def holds(key: str) -> bool:
        if indices is None:
            return True
        if summary := _SUMMARY.match(key, len(prefix)):
            # It holds 1,000 scans' records: the next reader writes it again from those that are left.
            return any(index // SCANS_A_SUMMARY == int(summary[1]) for index in indices)
        document = _SCAN_DOCUMENT.match(key, len(prefix))
        return document is not None and int(document[1]) in indices

    return Part(prefix=prefix, holds=holds, folder_of=lambda _: f"records of {run_id}")


def everything_part() -> Part:
    """Every key of a bucket, counted by its first folder."""
    return Part(prefix="", holds=lambda _: True, folder_of=lambda key: key.partition("/")[0])
