"""The memory that finding the scans of a large dataset takes."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from support.bids_trees import PATTERNS

from opsctl.aws.s3.storage import Storage
from opsctl.commands.dataset.discovery import Query, find
from opsctl.core.dataset.scan import S3Object
from opsctl.core.location import Location

T = TypeVar("T")

_SMALL, _LARGE = 100, 500
_FILES = ("anat/{}_T1w.nii.gz", "dwi/{}_dwi.bval", "dwi/{}_dwi.bvec", "dwi/{}_dwi.nii.gz")


class EndlessStorage(Storage):
    """S3 with a dataset whose objects are made when they are listed."""

    def __init__(self, subjects: int) -> None:
        self._subjects = subjects

    def dataset_shards(
        self,
        location: Location,
        *,
        of_root: Callable[[list[S3Object]], object],
        of_shard: Callable[[Iterator[S3Object]], T],
        **_: Any,
    ) -> Iterator[T]:
        of_root([])
        yield of_shard(self._objects(location.key_prefix))

    def _objects(self, prefix: str) -> Iterator[S3Object]:
        for number in range(self._subjects):
            for file in _FILES:
                name = file.format(f"sub-{number:07d}_ses-1")
                key = f"{prefix}sub-{number:07d}/ses-1/{name}"
                yield S3Object(key=key, size_bytes=100_000 + number, etag=f"{number:032x}")


def bytes_of(subjects: int) -> tuple[int, int]:
    """What the discovery of so many scans leaves in memory, and what it takes at most."""
    gc.collect()
    tracemalloc.start()
    scans = find(Query(dataset=Location("data", "UKB")), EndlessStorage(subjects), patterns=PATTERNS)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(scans.chosen) == subjects
    return kept, peak


def test_a_scan_takes_at_most_1150_bytes_and_its_listing_none() -> None:
    bytes_of(10)
    (small_kept, small_peak), (large_kept, large_peak) = bytes_of(_SMALL), bytes_of(_LARGE)
    further = _LARGE - _SMALL
    # With its files as objects a scan would take 1,630 bytes, and with their listing 2,180.
    assert (large_kept - small_kept) / further < 1_150
    assert (large_peak - small_peak) / further < 1_300
