"""A dataset in which nothing can be run is an answer to `scans`, and a problem for `run`."""

from __future__ import annotations

from typing import Any

import pytest
from support.run_world import PATTERNS

from opsctl.aws.s3.storage import Storage
from opsctl.commands.dataset.discovery import Query, ensure_runnable, find
from opsctl.core.errors import Problem
from opsctl.core.location import Location
from opsctl.render.scans import scan_lines

QUERY = Query(dataset=Location("data", "D"))
#: What `scans --json` says of a dataset in which nothing was found and nothing is left out.
NOTHING = {
    "schema_version": 1,
    "scans": [],
    "excluded": [],
    "excluded_count": 0,
    "absences": [],
    "absence_count": 0,
    "not_read": [],
    "warnings": ["dataset_description.json is missing; the jobs write one into their own copy."],
}


def test_scans_shows_what_is_left_out_where_nothing_is_left(s3: Any, storage: Storage) -> None:
    s3.put_object(Bucket="data", Key="D/sub-01/dwi/sub-01_dwi.nii.gz", Body=b"x")
    scans = find(QUERY, storage, patterns=PATTERNS)
    assert scans.as_json() == NOTHING | {
        "excluded": [{"key": "D/sub-01/dwi/sub-01_dwi.nii.gz", "reason": "no bval and no bvec and no T1w"}],
        "excluded_count": 1,
    }
    assert scan_lines(scans.chosen) == []
    with pytest.raises(Problem, match=r"its only dwi image is excluded \(no bval and no bvec and no T1w\)"):
        ensure_runnable(scans, QUERY)


def test_the_list_of_what_is_left_out_is_that_of_the_same_query(s3: Any, storage: Storage) -> None:
    s3.put_object(Bucket="data", Key="D/sub-01/func/sub-01_task-rest_bold.nii.gz", Body=b"x")
    s3.put_object(Bucket="data", Key="D/sub-02/func/sub-02_task-rest_bold.nii.gz", Body=b"x")
    query = Query(dataset=Location("data", "D"), pipeline="func", t1w="acq-mprage run-1")
    scans = find(query, storage, patterns=PATTERNS)
    with pytest.raises(Problem, match="all 2 bold images are excluded") as raised:
        ensure_runnable(scans, query)
    assert raised.value.hint == "`opsctl scans s3://data/D --pipeline func --t1w 'acq-mprage run-1'` names them all."


def test_a_folder_without_images_is_no_dataset_to_run(s3: Any, storage: Storage) -> None:
    s3.put_object(Bucket="data", Key="D/sub-01/notes.txt", Body=b"x")
    scans = find(QUERY, storage, patterns=PATTERNS)
    assert scans.as_json() == NOTHING | {
        "absences": [{"kind": "subject_without_image", "path": "sub-01", "other_images": 0}],
        "absence_count": 1,
    }
    with pytest.raises(Problem, match="There is no dwi image"):
        ensure_runnable(scans, QUERY)
