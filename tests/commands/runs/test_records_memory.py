"""The memory that the records of a run take while `status` or `cost` looks at them."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Sequence
from typing import Any

from support.record_examples import ATTEMPT, GRAPH, RESULT, encoded

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.records import Records
from opsctl.core.dataset.scan import S3Object
from opsctl.core.location import Location
from opsctl.core.size_limits import RECORD_BYTES

SCANS = 1_000
#: m2g writes a connectome for each of 35 atlases, and as many pictures and logs.
_ATLASES = 35
_FILES = 80
_BUCKET = "opsctl-m2g-123456789012-us-east-1"
_OUTPUT = f"s3://{_BUCKET}/HNU1/derivatives/m2g-csa-native"


def result_with_files() -> bytes:
    """The result of `sub-0000000`, as long as m2g's results are."""
    atlases = [f"atlas{number:02d}_space-MNI152NLin6_res-2x2x2" for number in range(_FILES)]
    files = [
        {
            "path": f"dwi/roi-connectomes/{atlas}/connectome.csv",
            "size_bytes": 40_000,
            "sha256": "5f" * 32,
            "etag": "7a" * 16,
            **({"graph": {**GRAPH, "atlas": atlas}} if number < _ATLASES else {}),
        }
        for number, atlas in enumerate(atlases)
    ]
    outputs = {"folder": f"{_OUTPUT}/sub-0000000/ses-1", "files": files}
    return json.dumps(
        {**RESULT, "index": "INDEX", "scan": "sub-0000000/ses-1", "outputs": outputs, "key": "5f" * 32}, indent=1
    ).encode()


class EndlessStorage(Storage):
    """S3 with one result and two attempts for each scan, made when they are read."""

    def __init__(self) -> None:
        self._result = result_with_files()
        self._attempt = encoded({**ATTEMPT, "index": "INDEX", "attempt": "NUMBER"})
        self.read: list[str] = []

    def below(self, location: Location) -> list[S3Object]:
        names = {"results": ("{:05d}.json",), "attempts": ("{:05d}.1.ab.json", "{:05d}.2.ab.json")}[location.name]
        return [
            S3Object(key=f"{location.prefix}/{name.format(index)}", size_bytes=1, etag=f"{index:032x}")
            for index in range(SCANS)
            for name in names
        ]

    def get_bodies(self, bucket: str, keys: Sequence[str], *, at_most: int = RECORD_BYTES) -> dict[str, bytes]:
        bodies = {}
        self.read += keys
        for key in keys:
            index = int(key.rpartition("/")[2][:5])
            body = self._result if "/results/" in key else self._attempt
            number = b"2" if ".2." in key else b"1"
            body = body.replace(b'"NUMBER"', number)
            bodies[key] = body.replace(b'"INDEX"', b"%d" % index).replace(b"sub-0000000", b"sub-%07d" % index)
        return bodies


def test_a_scan_takes_at_most_ten_kilobytes() -> None:
    records = Records(EndlessStorage(), data_bucket=_BUCKET)
    records.results("warm"), records.attempts("warm")
    gc.collect()
    tracemalloc.start()
    snapshot: Any = (records.results("R"), records.attempts("R"))
    gc.collect()
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(snapshot[0]), len(snapshot[1])) == (SCANS, 2 * SCANS)
    assert kept / SCANS < 10_000
    # Bodies and parsed files are let go on the way: all of them would take 80 kB a scan.
    assert peak / SCANS < 45_000


def test_results_one_after_the_other_take_no_memory_for_their_files_and_are_read_once() -> None:
    storage = EndlessStorage()
    records = Records(storage, data_bucket=_BUCKET)
    list(records.each_result("warm"))
    gc.collect()
    tracemalloc.start()
    files = sum(len(result.files) for result in records.each_result("R"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert files == SCANS * _FILES
    assert peak / SCANS < 25_000
    storage.read.clear()
    assert len(records.results("R")) == SCANS
    assert storage.read == []


def test_files_are_read_when_they_are_asked_for() -> None:
    records = Records(EndlessStorage(), data_bucket=_BUCKET)
    result = records.results("R", files=True)[7]
    assert (len(result.files), len(result.connectomes)) == (_FILES, _ATLASES)
    assert "sub-0000007" in result.files[0].uri
