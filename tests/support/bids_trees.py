"""Datasets as listings: helpers for small ones, and a strategy for generated ones."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from hypothesis import strategies as st

from opsctl.assets import entity_patterns
from opsctl.core.dataset.discovery import discover
from opsctl.core.dataset.scan import Discovery, S3Object, Scan
from opsctl.core.runs.m2g_options import Pipeline

PATTERNS = entity_patterns()
PREFIX = "HNU1/"


def listing(paths: Iterable[str], *, prefix: str = PREFIX, empty: Collection[str] = ()) -> list[S3Object]:
    """Objects below a prefix; those named in `empty` have 0 bytes."""
    return [
        S3Object(
            key=prefix + path,
            size_bytes=0 if path in empty else 100,
            etag=hashlib.md5(path.encode(), usedforsecurity=False).hexdigest(),
        )
        for path in paths
    ]


def discovered(
    paths: Iterable[str], *, pipeline: Pipeline = "dwi", prefix: str = PREFIX, empty: Collection[str] = ()
) -> Discovery:
    objects = listing(paths, prefix=prefix, empty=empty)
    return discover(objects, PATTERNS, bucket="data", prefix=prefix, pipeline=pipeline)


def dwi(stem: str, *, image: str = ".nii.gz") -> list[str]:
    """An image with its sidecars; `stem` ends before `_dwi`."""
    return [f"{stem}_dwi{ending}" for ending in (image, ".bval", ".bvec")]


def inputs(scan: Scan) -> dict[str, str]:
    """Paths relative to the dataset, by role."""
    return {file.role: file.uri.removeprefix(f"s3://data/{PREFIX}") for file in scan.inputs}


def reasons(discovery: Discovery) -> dict[str, str]:
    return {exclusion.key.removeprefix(PREFIX): exclusion.reason for exclusion in discovery.excluded}


def images(discovery: Discovery) -> list[str]:
    """The keys of all primary images: a scan's and an exclusion's, each as often as it is listed."""
    primary = [scan.inputs[0].uri.removeprefix("s3://data/") for scan in discovery.scans]
    return sorted(primary + [exclusion.key for exclusion in discovery.excluded])


@dataclass(frozen=True)
class Tree:
    """A generated dataset: its paths, and the paths of its primary dwi images."""

    paths: tuple[str, ...]
    primary: tuple[str, ...]


_LABEL = st.text("abcXYZ0129", min_size=1, max_size=3)


def _labels(largest: int) -> st.SearchStrategy[list[str]]:
    return st.lists(_LABEL, min_size=1, max_size=largest, unique_by=str.lower)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Valid names and folders; any file but the images may be missing, duplicated or inherited."""
    paths = draw(st.lists(st.sampled_from(["dwi.bval", "dwi.bvec", "README", "dataset_description.json"]), unique=True))
    primary: list[str] = []
    for subject in draw(_labels(3)):
        sessions = draw(st.one_of(st.just([None]), _labels(3)))
        for session in sessions:
            folder = f"sub-{subject}" + (f"/ses-{session}" if session else "")
            pairs = f"sub-{subject}" + (f"_ses-{session}" if session else "")
            tails = draw(st.lists(_tails(), max_size=3, unique_by=str.lower))
            for tail in tails:
                stem = f"{folder}/dwi/{pairs}{tail}"
                primary.append(f"{stem}_dwi{draw(st.sampled_from(['.nii', '.nii.gz']))}")
                paths += [f"{stem}_dwi{ending}" for ending in draw(_some(".bval", ".bvec", ".json"))]
            paths += [
                f"{folder}/anat/{pairs}{entity}_T1w.nii.gz" for entity in draw(_some("", "_run-1", "_run-02", "_acq-b"))
            ]
            paths += [f"{folder}/{name}" for name in draw(_some(f"{pairs}_dwi.bval", f"{pairs}_dwi.bvec"))]
    # A listing may have any order.
    return Tree(tuple(draw(st.permutations(paths + primary))), tuple(primary))


def _some(*choices: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(choices), unique=True)


@st.composite
def _tails(draw: st.DrawFn) -> str:
    parts = {"acq": draw(st.none() | _LABEL), "dir": draw(st.none() | st.sampled_from(["AP", "PA"]))}
    parts["run"] = draw(st.none() | st.sampled_from(["1", "2", "02", "10"]))
    return "".join(f"_{entity}-{label}" for entity, label in parts.items() if label is not None)
