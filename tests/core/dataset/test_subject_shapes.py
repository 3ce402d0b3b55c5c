"""Subjects that are alike are looked at once: what is found is what looking at each would find."""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bids_trees import PATTERNS, PREFIX, Tree, dwi, listing, trees

from opsctl.core.dataset import discovery as module
from opsctl.core.dataset.discovery import Discoverer
from opsctl.core.dataset.file_index import ANY_SESSION
from opsctl.core.dataset.scan import Discovery
from opsctl.core.runs.m2g_options import Pipeline

_NEW_LABELS = ("77", "Q5a", "0")


def _plain(subject: str) -> list[str]:
    return [*dwi(f"{subject}/ses-1/dwi/{subject}_ses-1"), f"{subject}/ses-1/anat/{subject}_ses-1_T1w.nii.gz"]


def _discovery(
    paths: Collection[str],
    *,
    together: bool,
    pipeline: Pipeline = "dwi",
    t1w: str | None = None,
    empty: Collection[str] = (),
) -> Discovery:
    """A dataset's content; apart, each subject is looked at as if there were no other."""

    def begun() -> Discoverer:
        discoverer = Discoverer(PATTERNS, bucket="data", prefix=PREFIX, pipeline=pipeline, t1w=t1w)
        discoverer.add_root(listing((path for path in sorted(paths) if "/" not in path), empty=empty))
        return discoverer

    below = listing(sorted(path for path in paths if "/" in path), empty=empty)
    if together:
        discoverer = begun()
        return discoverer.discovery([discoverer.group(below)])
    subjects = [list(files) for _, files in groupby(below, key=lambda obj: obj.key.split("/")[1])]
    return begun().discovery([begun().group(files) for files in subjects])


def _with_copies(paths: Collection[str], random: st.DataObject) -> set[str]:
    """The same dataset with further subjects that are like one of it, some of them but for a file."""
    subjects = sorted({path.partition("/")[0] for path in paths if path.startswith("sub-")})
    copies = set(paths)
    for label in _NEW_LABELS if subjects else ():
        of = random.draw(st.sampled_from(subjects))
        files = [
            path.replace(f"{of}/", f"sub-{label}/", 1).replace(f"/{of}_", f"/sub-{label}_")
            for path in sorted(paths)
            if path.startswith(f"{of}/")
        ]
        copies.update(file for file in files if file != random.draw(st.sampled_from([None, *files])))
    return copies


@settings(max_examples=60, deadline=None)
@given(trees(), st.data(), st.sampled_from([None, ANY_SESSION, "sub-77*"]))
def test_subjects_that_are_alike_are_found_as_each_by_itself(tree: Tree, data: st.DataObject, t1w: str | None) -> None:
    paths = _with_copies(tree.paths, data)
    empty = data.draw(st.sets(st.sampled_from(sorted(paths)), max_size=2)) if paths else set()
    assert _discovery(paths, together=True, t1w=t1w, empty=empty) == _discovery(
        paths, together=False, t1w=t1w, empty=empty
    )


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["sub-2_dwi.bval"],
        ["task-a_bold.json", "dwi.bvec"],
        [path for path in _plain("sub-2") if not path.endswith("bval")],
        ["sub-2/ses-1/sub-1/dwi/sub-1_dwi.nii.gz"],
        ["sub-3/ses-1/dwi/sub-3_ses-1_dir-AP_dwi.nii.gz"],
    ],
)
@pytest.mark.parametrize("pipeline", ["dwi", "func", "both"])
def test_what_one_subject_has_more_counts_for_it_alone(more: list[str], pipeline: Pipeline) -> None:
    paths = {path for number in range(1, 5) for path in _plain(f"sub-{number}")} | set(more)
    paths |= {f"sub-{number}/func/sub-{number}_task-a_bold.nii.gz" for number in (1, 4)}
    if more == ["sub-2_dwi.bval"]:
        # The next subject has the same files below its folder, and no bval at all.
        paths -= {f"{subject}/ses-1/dwi/{subject}_ses-1_dwi.bval" for subject in ("sub-2", "sub-3")}
    assert _discovery(paths, together=True, pipeline=pipeline) == _discovery(paths, together=False, pipeline=pipeline)


def test_a_thousand_subjects_that_are_alike_are_parsed_once() -> None:
    paths = [path for number in range(1000) for path in _plain(f"sub-{number:04d}")]
    with mock.patch.object(module, "subject_scans", side_effect=module.subject_scans) as looked_at:
        discovery = _discovery(paths, together=True)
    assert looked_at.call_count == 1
    assert [scan.name for scan in discovery.scans] == [f"sub-{number:04d}/ses-1" for number in range(1000)]
    assert {scan.entities["subject"] for scan in discovery.scans} == {f"{number:04d}" for number in range(1000)}


@pytest.mark.parametrize(
    ("storage_class", "restore", "scans"),
    [("STANDARD", "", 3), ("STANDARD_IA", "", 3), ("DEEP_ARCHIVE", "", 2), ("GLACIER", "restored", 3)],
)
def test_an_archived_file_counts_for_its_subject_alone(storage_class: str, restore: str, scans: int) -> None:
    discoverer = Discoverer(PATTERNS, bucket="data", prefix=PREFIX, pipeline="dwi")
    objects = listing(path for number in range(3) for path in sorted(_plain(f"sub-{number}")))
    first = objects[-1]
    objects[-1] = type(first)(
        key=first.key,
        size_bytes=1,
        etag=first.etag,
        storage_class=storage_class,
        restore=restore,  # type: ignore[arg-type]
    )
    assert len(discoverer.discovery([discoverer.group(objects)]).scans) == scans
