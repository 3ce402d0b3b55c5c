"""Which files of results are in an output location: the digest's answer is the answer of looking at each file."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from support.core_examples import run
from support.memory_s3 import MemoryS3
from support.record_examples import GRAPH, RESULT

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.output_files import OutputFiles
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.run_reader import RunReader
from opsctl.core.location import Location
from opsctl.core.runs.manifest import Run

PLACE = "HNU1/derivatives/m2g-csa-native"
SCAN = "sub-01/ses-1"


class World:
    """An output location and the runs into it, each with one result of one scan."""

    def __init__(self) -> None:
        self.s3 = MemoryS3("data", now=lambda: datetime.now(UTC))
        client: Any = self.s3
        self.storage = Storage(client)
        self.runs: list[Run] = []

    def put(self, name: str, body: bytes = b"file", *, scan: str = SCAN) -> dict[str, Any]:
        etag = self.s3.put_object(Bucket="data", Key=f"{PLACE}/{name}", Body=body)["ETag"].strip('"')
        return {"path": name.removeprefix(f"{scan}/"), "size_bytes": len(body), "sha256": "f" * 64, "etag": etag}

    def job_publishes(self, *names: str, scan: str = SCAN) -> None:
        """A run of one scan whose job publishes these files."""
        files = [self.put(f"{scan}/{name}", f"{len(self.runs)}".encode(), scan=scan) for name in names]
        run_id = f"HNU1-20261122-12000{len(self.runs)}-ab12"
        self.runs.append(run(1, scans=(scan,), run_id=run_id))
        files[0]["graph"] = GRAPH
        outputs = {"folder": f"s3://data/{PLACE}/{scan}", "files": files}
        body = json.dumps({**RESULT, "index": 0, "scan": scan, "outputs": outputs}).encode()
        self.s3.put_object(Bucket="data", Key=f"opsctl/runs/{run_id}/results/00000.json", Body=body)

    def told(self) -> tuple[list[tuple[int, int]], list[str]]:
        """The damage of each run's result, and the files that nobody lists."""
        records = Records(self.storage, data_bucket="data")
        readers = {run.run_id: RunReader(run, records=records) for run in self.runs}
        files = OutputFiles(
            Location("data", PLACE),
            storage=self.storage,
            runs=self.runs,
            reader_of=lambda run: readers[run.run_id],
        )
        results = [reader.results()[0] for reader in readers.values()]
        damages = [files.damage(result) for result in results]
        assert [files.has_all_of(result) for result in results] == [damage == (0, 0) for damage in damages]
        prefix = f"s3://data/{PLACE}/"
        return damages, [uri.removeprefix(prefix) for uri in files.unlisted()]


@pytest.fixture
def world() -> World:
    return World()


def test_all_is_there(world: World) -> None:
    world.job_publishes("a", "b/c")
    world.put("dataset_description.json")
    assert world.told() == ([(0, 0)], [])


def test_missing_and_changed_files(world: World) -> None:
    world.job_publishes("a", "b", "c")
    world.put(f"{SCAN}/a", b"other")
    world.s3.delete_object(Bucket="data", Key=f"{PLACE}/{SCAN}/b")
    assert world.told() == ([(1, 1)], [])


def test_everything_is_gone(world: World) -> None:
    world.job_publishes("a", "b")
    for name in ("a", "b"):
        world.s3.delete_object(Bucket="data", Key=f"{PLACE}/{SCAN}/{name}")
    assert world.told() == ([(2, 0)], [])


def test_strange_files_damage_nothing(world: World) -> None:
    world.job_publishes("a")
    world.put(f"{SCAN}/.DS_Store"), world.put("sub-99/x"), world.put("sub-01/x")
    assert world.told() == ([(0, 0)], ["sub-01/ses-1/.DS_Store", "sub-01/x", "sub-99/x"])


def test_two_runs_publish_into_one_folder(world: World) -> None:
    world.job_publishes("a", "b")
    world.job_publishes("b", "c")
    assert world.told() == ([(0, 1), (0, 0)], [])


def test_a_scan_in_the_folder_of_another(world: World) -> None:
    world.job_publishes("a", scan="sub-01")
    world.job_publishes("a", scan="sub-01/ses-1")
    assert world.told() == ([(0, 0), (0, 0)], [])
