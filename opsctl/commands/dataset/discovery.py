"""Finds a dataset's scans and selects among them; the first step of `scans`, `check` and `run`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from msgspec import structs

from opsctl.commands.dataset.headers import ScanFiles
from opsctl.core.dataset.discovery import Discoverer
from opsctl.core.dataset.entities import EntityPatterns
from opsctl.core.dataset.scan import Discovery, S3Object, Scan
from opsctl.core.dataset.selection import EVERYTHING, Selection
from opsctl.core.dataset_argument import typed_dataset
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location
from opsctl.core.record import SCHEMA_VERSION
from opsctl.core.runs.m2g_options import Pipeline

T = TypeVar("T")


class DatasetFiles(Protocol):
    """A dataset's files: of `opsctl.aws.s3.storage.Storage`, or of `opsctl.commands.dataset.folder.Folder`."""

    @property
    def files(self) -> ScanFiles:
        """Reads single files of scans."""

    def dataset_shards(
        self,
        location: Location,
        *,
        pipeline: Pipeline,
        of_root: Callable[[list[S3Object]], object],
        of_shard: Callable[[Iterator[S3Object]], T],
        of_folders: Callable[[list[str]], object],
    ) -> Iterator[T]:
        """Lists the files; see `Storage.dataset_shards`."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """Which scans of which dataset.

    Attributes
    ----------
    t1w
        Which T1w a scan gets; see `opsctl.core.dataset.discovery.Discoverer`.
    """

    dataset: Location
    pipeline: Pipeline = "dwi"
    selection: Selection = EVERYTHING
    t1w: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChosenScans:
    """A dataset's scans and exclusions, and the scans that a query selects.

    Attributes
    ----------
    chosen
        The selected scans.
    """

    discovery: Discovery
    chosen: tuple[Scan, ...]

    def as_json(self, uri_of: Callable[[str], str] = str) -> dict[str, Any]:
        """What `scans --json` prints.

        Parameters
        ----------
        uri_of
            Gives the address of an input that is shown, by that of its scan.
        """
        return {
            "schema_version": SCHEMA_VERSION,
            "scans": [
                {
                    "name": scan.name,
                    "subject": scan.subject,
                    "session": scan.session,
                    "entities": dict(scan.entities),
                    "inputs": [{**structs.asdict(file), "uri": uri_of(file.uri)} for file in scan.inputs],
                }
                for scan in self.chosen
            ],
            **self.discovery.as_json(),
        }


def find(query: Query, files: DatasetFiles, *, patterns: EntityPatterns) -> ChosenScans:
    """List a dataset and select among its scans.

    Returns also when no scan can be run; `ensure_runnable` refuses that.

    Raises
    ------
    Problem
        When the dataset does not exist, or a filter leaves nothing.
    """
    discoverer = Discoverer(
        patterns,
        bucket=query.dataset.bucket,
        prefix=query.dataset.key_prefix,
        pipeline=query.pipeline,
        t1w=query.t1w,
    )
    groups = files.dataset_shards(
        query.dataset,
        pipeline=query.pipeline,
        of_root=discoverer.add_root,
        of_shard=discoverer.group,
        of_folders=discoverer.add_folders,
    )
    discovery = discoverer.discovery(groups)
    return ChosenScans(discovery=discovery, chosen=query.selection.of(discovery.scans) if discovery.scans else ())


def ensure_runnable(scans: ChosenScans, query: Query) -> None:
    """Ensure that there is a scan to run.

    Raises
    ------
    Problem
        When there is no image, or with the reasons when every image is excluded; the hint lists them with this query.
    """
    if scans.chosen:
        return
    excluded = scans.discovery.excluded
    kind = {"dwi": "dwi", "func": "bold", "both": "dwi or bold"}[query.pipeline]
    if not excluded:
        raise Problem(
            f"There is no {kind} image in {query.dataset.uri}.", "Is it a BIDS dataset?", code=ErrorCode.NO_SCANS
        )
    reasons = sorted({exclusion.reason for exclusion in excluded})
    images = f"all {len(excluded):,} {kind} images are" if len(excluded) > 1 else f"its only {kind} image is"
    # The configuration may name another pipeline.
    command = ["opsctl", "scans", typed_dataset(query.dataset.uri), "--pipeline", query.pipeline]
    command += ["--t1w", query.t1w] if query.t1w is not None else []
    raise Problem(
        f"Nothing in {query.dataset.uri} can be run: {images} excluded ({'; '.join(reasons[:3])}).",
        f"`{shlex.join(command)}` names {'them all' if len(excluded) > 1 else 'it'}.",
        code=ErrorCode.NO_SCANS,
    )
