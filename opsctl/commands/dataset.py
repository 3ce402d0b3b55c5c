"""A dataset's scans, found and chosen: what `scans`, `check` and `run` all begin with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from opsctl.aws.s3 import Storage
from opsctl.core.bids import discover
from opsctl.core.entities import EntityPatterns
from opsctl.core.errors import Problem
from opsctl.core.location import Location
from opsctl.core.m2g import Pipeline
from opsctl.core.scan import Discovery, Scan
from opsctl.core.selection import EVERYTHING, Selection


@dataclass(frozen=True, kw_only=True)
class Query:
    """Which scans of which dataset.

    Attributes
    ----------
    t1w
        See `opsctl.core.bids.discover`.
    """

    dataset: Location
    pipeline: Pipeline = "dwi"
    selection: Selection = EVERYTHING
    t1w: str | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """A dataset's scans and what was left out of them.

    Attributes
    ----------
    chosen
        The scans that the selection means.
    """

    discovery: Discovery
    chosen: tuple[Scan, ...]

    def as_json(self) -> dict[str, Any]:
        """What `scans --json` prints."""
        return {
            "scans": [
                {
                    "name": scan.name,
                    "subject": scan.subject,
                    "session": scan.session,
                    "entities": dict(scan.entities),
                    "inputs": [asdict(one) for one in scan.inputs],
                }
                for scan in self.chosen
            ],
            "excluded": [asdict(one) for one in self.discovery.excluded],
        }


def find(query: Query, storage: Storage, *, patterns: EntityPatterns) -> Found:
    """List a dataset and choose among its scans.

    Raises
    ------
    Problem
        When the dataset is not there, holds nothing to run, or a filter leaves nothing.
    """
    objects = storage.dataset(query.dataset, pipeline=query.pipeline)
    discovery = discover(
        objects,
        patterns,
        bucket=query.dataset.bucket,
        prefix=query.dataset.key_prefix,
        pipeline=query.pipeline,
        t1w=query.t1w,
    )
    if not discovery.scans:
        raise _nothing_to_run(query, discovery)
    return Found(discovery=discovery, chosen=query.selection.of(discovery.scans))


def _nothing_to_run(query: Query, discovery: Discovery) -> Problem:
    kind = {"dwi": "dwi", "func": "bold", "both": "dwi or bold"}[query.pipeline]
    if not discovery.excluded:
        return Problem(f"There is no {kind} image in {query.dataset.uri}.", "Is it a BIDS dataset?")
    reasons = sorted({one.reason for one in discovery.excluded})
    return Problem(
        f"Nothing in {query.dataset.uri} can be run: all {len(discovery.excluded)} {kind} images are excluded "
        f"({'; '.join(reasons[:3])})."
    )
