"""A dataset's scans, found and chosen: what `scans`, `check` and `run` all begin with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from opsctl.aws.s3.storage import Storage
from opsctl.core.dataset.discovery import discover
from opsctl.core.dataset.entities import EntityPatterns
from opsctl.core.dataset.scan import Discovery, Scan
from opsctl.core.dataset.selection import EVERYTHING, Selection
from opsctl.core.errors import Problem
from opsctl.core.location import Location
from opsctl.core.runs.m2g_options import Pipeline


@dataclass(frozen=True, kw_only=True)
class Query:
    """Which scans of which dataset.

    Attributes
    ----------
    t1w
        See `opsctl.core.dataset.discovery.discover`.
    """

    dataset: Location
    pipeline: Pipeline = "dwi"
    selection: Selection = EVERYTHING
    t1w: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChosenScans:
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


def find(query: Query, storage: Storage, *, patterns: EntityPatterns) -> ChosenScans:
    """List a dataset and choose among its scans.

    Raises
    ------
    Problem
        When the dataset is not there, or a filter leaves nothing. A dataset in which nothing can be run is an answer;
        `ensure_runnable` makes it a problem.
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
    return ChosenScans(discovery=discovery, chosen=query.selection.of(discovery.scans) if discovery.scans else ())


def ensure_runnable(found: ChosenScans, query: Query) -> None:
    """Whether there is anything to submit.

    Raises
    ------
    Problem
        With the reasons when every image is excluded, or that there is none.
    """
    if found.chosen:
        return
    excluded = found.discovery.excluded
    kind = {"dwi": "dwi", "func": "bold", "both": "dwi or bold"}[query.pipeline]
    if not excluded:
        raise Problem(f"There is no {kind} image in {query.dataset.uri}.", "Is it a BIDS dataset?")
    reasons = sorted({one.reason for one in excluded})
    raise Problem(
        f"Nothing in {query.dataset.uri} can be run: all {len(excluded)} {kind} images are excluded "
        f"({'; '.join(reasons[:3])}).",
        "`opsctl scans` names them all.",
    )
