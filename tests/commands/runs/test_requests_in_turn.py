"""How many requests the verbs about a run send one after the other: the others are under way at the same moment."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from support.batch_world import NOW, BatchWorld, Child, made_run, snapshots_of, submitted
from support.memory_s3 import MemoryS3
from support.record_examples import ATTEMPT, RESULT, outputs_of, outputs_of_failed
from support.requests_in_turn import HeldClient, Turns

from opsctl.aws.batch.batch import Batch
from opsctl.aws.logs import Logs
from opsctl.aws.s3.storage import Storage
from opsctl.commands.logs.reader import LogReader
from opsctl.commands.logs.streams import LogStreams
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.core.logs.log_line import LineFilter

SCANS = 150
FAILED = 3
RUN = made_run(SCANS)
FOLDER = f"opsctl/runs/{RUN.run_id}/"

LISTED, SUBMISSION = "LIST su", "GET submissions/00.json"
ATTEMPTS, ATTEMPTS_SUMMARY = "LIST attempts/", "GET summaries/attempts/00000.gz"
RESULTS, RESULTS_SUMMARY = "LIST results/", "GET summaries/results/00000.gz"
DESCRIBED, PAGE = "DescribeJobs", "FilterLogEvents"


class World:
    """A run whose records have summaries; its last scans have failed."""

    def __init__(self, *, failed: int) -> None:
        self.s3 = MemoryS3("data", now=lambda: NOW)
        self.batch = BatchWorld()
        self.batch.arrays["p"] = [
            Child("FAILED", exit_code=1, streams=(stream(index),)) if index >= SCANS - failed else done(index)
            for index in range(SCANS)
        ]
        self._records(self.s3).put_run(RUN, {}, [submitted(RUN)])
        for index, child in enumerate(self.batch.arrays["p"]):
            own = {"index": index, "scan": RUN.scans[index], "job_id": f"p:{index}", "log_stream": stream(index)}
            end = {"cause": "", "exit_code": 0} if child.status == "SUCCEEDED" else {"cause": "x", "exit_code": 1}
            status = "succeeded" if child.status == "SUCCEEDED" else "failed"
            outputs = outputs_of(RUN.scans[index]) if status == "succeeded" else outputs_of_failed(index, RUN.run_id)
            self._put(f"attempts/{index:05d}.1.ab.json", {**ATTEMPT, **own, **end})
            self._put(
                f"results/{index:05d}.json", {**RESULT, **own, **end, "key": "k", "status": status, "outputs": outputs}
            )
        first = self._records(self.s3)
        first.attempts(RUN.run_id)
        first.results(RUN.run_id)

    def _put(self, name: str, record: dict[str, Any]) -> None:
        self.s3.put_object(Bucket="data", Key=FOLDER + name, Body=json.dumps(record).encode())

    @staticmethod
    def _records(client: Any) -> Records:
        return Records(Storage(client), data_bucket="data")

    def reader(self, turns: Turns) -> SnapshotReader:
        """The reader on a machine that knows nothing of the run."""
        client: Any = HeldClient(self.batch, turns)
        self.records = self._records(HeldClient(self.s3, turns, folder=FOLDER))
        return snapshots_of(RUN, self.records, Batch(client, submit_client=client))

    def log_reader(self, turns: Turns) -> LogReader:
        snapshots = self.reader(turns)
        client: Any = HeldClient(self, turns)
        return LogReader(
            snapshots,
            logs=Logs(client, group="/opsctl/m2g"),
            records=self.records,
            streams=LogStreams(snapshots),
            line_filter=LineFilter(),
            now=lambda: datetime.now(UTC),
        )

    def filter_log_events(self, **_: Any) -> dict[str, Any]:
        """CloudWatch's client: a line of each scan."""
        start_ms = int(datetime.fromisoformat(RUN.created_at).timestamp() * 1000)
        return {
            "events": [
                {"eventId": str(index), "logStreamName": stream(index), "timestamp": start_ms, "message": "line"}
                for index in range(SCANS)
            ]
        }


def stream(index: int) -> str:
    return f"csa/default/s{index}"


def done(index: int) -> Child:
    return Child("SUCCEEDED", exit_code=0, streams=(stream(index),))


def assert_in_turn(turns: Turns) -> None:
    assert (turns.broken, turns.missing) == ([], [])


def test_logs_ask_for_nothing_in_turn_that_is_known_before() -> None:
    # The submission comes beside the page and the attempts, whichever of them takes longer.
    turns = Turns([PAGE, LISTED], [SUBMISSION, ATTEMPTS], [ATTEMPTS_SUMMARY], [DESCRIBED] * 3)
    lines = World(failed=0).log_reader(turns).lines()
    assert len({line.scan for line in lines}) == len(lines) == SCANS
    assert_in_turn(turns)


@pytest.mark.parametrize(
    ("view", "failed", "turns"),
    [
        (
            "progress",
            0,
            [[LISTED], [SUBMISSION], [DESCRIBED], [RESULTS, ATTEMPTS], [RESULTS_SUMMARY, ATTEMPTS_SUMMARY]],
        ),
        (
            "progress",
            FAILED,
            [
                [LISTED],
                [SUBMISSION],
                [DESCRIBED],
                ["ListJobs FAILED"],
                [RESULTS, ATTEMPTS],
                [RESULTS_SUMMARY, ATTEMPTS_SUMMARY],
            ],
        ),
        ("whole", 0, [[LISTED], [SUBMISSION], [DESCRIBED], [RESULTS, ATTEMPTS], [RESULTS_SUMMARY, ATTEMPTS_SUMMARY]]),
        (
            "whole",
            FAILED,
            [
                [LISTED],
                [SUBMISSION],
                [DESCRIBED],
                [RESULTS, ATTEMPTS],
                [RESULTS_SUMMARY, ATTEMPTS_SUMMARY],
                [DESCRIBED],
            ],
        ),
    ],
)
def test_a_snapshot_reads_results_and_attempts_at_the_same_time(
    view: str, failed: int, turns: Sequence[Sequence[str]]
) -> None:
    held = Turns(*turns)
    reader = World(failed=failed).reader(held)
    snapshot = getattr(reader, view)()
    assert (len(snapshot.status.failed), len(snapshot.results)) == (failed, SCANS)
    assert_in_turn(held)


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    World(failed=FAILED).reader(
        Turns(
            [LISTED],
            [SUBMISSION],
            [DESCRIBED],
            ["ListJobs FAILED"],
            [RESULTS, ATTEMPTS],
            [RESULTS_SUMMARY, ATTEMPTS_SUMMARY],
        )
    ).progress()
    assert threading.active_count() == before
