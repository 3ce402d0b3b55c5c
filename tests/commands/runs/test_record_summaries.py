"""Records of many scans: the first reader writes summaries, the next one reads them, and nobody believes them."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock
from typing import Any

import pytest
from support.memory_s3 import MemoryS3
from support.record_examples import ATTEMPT, RESULT, RUN_ID, SCAN, outputs_of_failed

from opsctl.aws.s3.cache import Cache
from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs import checked_records
from opsctl.commands.runs.decoded_record import decoded_record
from opsctl.commands.runs.records import Records
from opsctl.core.deletion.part import run_part
from opsctl.core.runs.record_summary import summary_of
from opsctl.core.runs.result import Result

FOLDER = f"opsctl/runs/{RUN_ID}"
SUMMARY = f"{FOLDER}/summaries/results/00000.gz"
SCANS = 150


class CountedS3(MemoryS3):
    """Counts the objects that are read, by their folder."""

    def __init__(self) -> None:
        super().__init__("data", now=lambda: datetime.now(UTC))
        self.gets: Counter[str] = Counter()

    def get_object(self, *, Key: str, **request: Any) -> dict[str, Any]:
        self.gets[Key.removeprefix(f"{FOLDER}/").split("/")[0]] += 1
        return super().get_object(Key=Key, **request)


def put(s3: MemoryS3, key: str, record: dict[str, Any]) -> None:
    s3.put_object(Bucket="data", Key=f"{FOLDER}/{key}", Body=json.dumps(record).encode())


def put_result(s3: MemoryS3, index: int, **changes: Any) -> None:
    put(s3, f"results/{index:05d}.json", {**RESULT, "index": index, **changes})


@pytest.fixture
def s3() -> CountedS3:
    s3 = CountedS3()
    for index in range(SCANS):
        put_result(s3, index)
        put(s3, f"attempts/{index:05d}.1.ab.json", {**ATTEMPT, "index": index})
        put(s3, f"scans/{index:05d}.json", {**SCAN, "index": index})
    return s3


def records(s3: MemoryS3, cache: Path | None = None) -> Records:
    client: Any = s3
    return Records(Storage(client), data_bucket="data", cache=Cache(cache))


def test_the_second_reader_reads_no_record_by_itself(s3: CountedS3) -> None:
    def everything(reader: Records) -> list[Any]:
        by_index = {result.index: result for result in reader.each_result(RUN_ID)}
        attempts = sorted(reader.attempts(RUN_ID), key=lambda attempt: attempt.index)
        return [reader.results(RUN_ID), attempts, reader.documents(RUN_ID), by_index]

    first = everything(records(s3))
    assert s3.gets == {"results": SCANS, "attempts": SCANS, "scans": SCANS}
    s3.gets.clear()
    assert everything(records(s3)) == first
    assert s3.gets == {"summaries": 3}


@pytest.mark.parametrize("where", ["summaries", "cache"])
def test_one_thread_at_a_time_decodes(
    s3: CountedS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Two that compute take turns for the interpreter, which costs more than it saves."""
    cache = tmp_path / "cache"
    for reader in (records(s3), records(s3, cache if where == "cache" else None)):
        assert len(reader.results(RUN_ID)) == len(reader.attempts(RUN_ID)) == SCANS
    are_alone = []
    busy = Lock()

    def noting(*arguments: Any) -> Any:
        is_alone = busy.acquire(blocking=False)
        # Lets the other thread go on.
        time.sleep(0.0001)
        try:
            return decoded_record(*arguments)
        finally:
            are_alone.append(is_alone)
            if is_alone:
                busy.release()

    monkeypatch.setattr(checked_records, "decoded_record", noting)
    reader = records(s3, cache)
    with reader.reading_attempts([RUN_ID]) as attempts_of:
        results = reader.results(RUN_ID)
        attempts = attempts_of(RUN_ID)
    assert len(results) == len(attempts) == SCANS
    assert are_alone == [True] * (2 * SCANS)


def test_what_this_machine_stores_is_what_s3_says(s3: CountedS3, tmp_path: Path) -> None:
    put_result(s3, 3, status="failed", exit_code=1, cause="é", facts={"signal": 9}, outputs=outputs_of_failed(3))
    path = tmp_path / "records.sqlite"
    fresh = records(s3, path)
    said = fresh.results(RUN_ID), fresh.attempts(RUN_ID), fresh.documents(RUN_ID)
    s3.gets.clear()
    again = records(s3, path)
    assert (again.results(RUN_ID), again.attempts(RUN_ID), again.documents(RUN_ID)) == said
    assert not s3.gets
    assert (
        said[0][5].files_digest
        == Result.decode(json.dumps({**RESULT, "index": 5}).encode(), f"s3://data/{FOLDER}/results/00005.json")
        .without_files()
        .files_digest
        != ""
    )


def test_a_cache_that_somebody_has_changed_is_not_the_records_fault(s3: CountedS3, tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    truth = records(s3, path).results(RUN_ID)
    with sqlite3.connect(path) as other:
        other.execute("UPDATE bodies SET body = X'7B7D' WHERE key LIKE '%00003.json'")
    other.close()
    reader = records(s3, path)
    assert reader.results(RUN_ID) == truth
    assert reader.unreadable() == []


def test_a_record_that_has_changed_since_is_read_by_itself(s3: CountedS3) -> None:
    records(s3).results(RUN_ID)
    put_result(s3, 7, peak_memory_mib=1)
    s3.delete_object(Bucket="data", Key=f"{FOLDER}/results/00008.json")
    s3.gets.clear()
    results = records(s3).results(RUN_ID)
    assert (results[7].peak_memory_mib, len(results), 8 in results) == (1, SCANS - 1, False)
    assert s3.gets == {"summaries": 1, "results": 1}


def test_a_forged_summary_is_replaced_and_not_believed(s3: CountedS3) -> None:
    truth = records(s3).results(RUN_ID)
    forged = {
        f"{index:05d}.json": json.dumps({**RESULT, "index": index, "attempt": 9}).encode() for index in range(SCANS)
    }
    s3.put_object(Bucket="data", Key=SUMMARY, Body=summary_of(forged))
    s3.gets.clear()
    assert records(s3).results(RUN_ID) == truth
    assert s3.gets["results"] == SCANS
    s3.gets.clear()
    assert records(s3).results(RUN_ID) == truth
    assert s3.gets == {"summaries": 1}


def test_a_reader_that_may_not_write_goes_on_silently(s3: CountedS3) -> None:
    s3.may_write = False
    assert len(records(s3).results(RUN_ID)) == SCANS
    s3.may_write = True
    assert not any("/summaries/" in page["Key"] for page in s3.list_objects_v2(Bucket="data").get("Contents", ()))


def test_of_two_first_readers_one_writes(s3: CountedS3) -> None:
    put_object, first = s3.put_object, summary_of({})

    def overtaken(**request: Any) -> dict[str, Any]:
        s3.put_object = put_object  # type: ignore[method-assign]
        put_object(Bucket="data", Key=SUMMARY, Body=first)
        return put_object(**request)

    s3.put_object = overtaken  # type: ignore[method-assign]
    assert len(records(s3).results(RUN_ID)) == SCANS
    assert s3.get_object(Bucket="data", Key=SUMMARY)["Body"].read() == first


def test_few_records_are_not_worth_a_summary(s3: CountedS3) -> None:
    records(s3).results(RUN_ID)
    before = s3.head_object(Bucket="data", Key=SUMMARY)["ETag"]
    for index in range(20):
        put_result(s3, index, peak_memory_mib=1)
    records(s3).results(RUN_ID)
    assert s3.head_object(Bucket="data", Key=SUMMARY)["ETag"] == before
    for index in range(20, 140):
        put_result(s3, index, peak_memory_mib=1)
    records(s3).results(RUN_ID)
    assert s3.head_object(Bucket="data", Key=SUMMARY)["ETag"] != before
    s3.gets.clear()
    records(s3).results(RUN_ID)
    assert s3.gets == {"summaries": 1}


def test_what_is_deleted_while_it_is_read_does_not_come_back_in_a_summary(s3: CountedS3) -> None:
    get_object = s3.get_object

    def last_read(*, Key: str, **request: Any) -> dict[str, Any]:
        reply = get_object(Key=Key, **request)
        if Key.endswith(f"/{SCANS - 1:05d}.json"):
            # Of the second batch: the other was read in the first.
            s3.delete_object(Bucket="data", Key=f"{FOLDER}/results/00003.json")
        return reply

    s3.get_object = last_read  # type: ignore[method-assign]
    records(s3).results(RUN_ID)
    s3.get_object = get_object  # type: ignore[method-assign]
    put_result(s3, 3)
    s3.gets.clear()
    assert len(records(s3).results(RUN_ID)) == SCANS
    assert s3.gets == {"summaries": 1, "results": 1}


def test_the_next_summaries_arrive_while_one_is_worked_on(s3: CountedS3) -> None:
    for index in (1_000, 2_000, 3_000):
        for number in range(SCANS):
            put_result(s3, index + number)
    truth = records(s3).results(RUN_ID)
    get_object, asked, is_second_asked = s3.get_object, list[str](), Event()

    def answer_when_two_are_asked(*, Key: str, **request: Any) -> dict[str, Any]:
        if "/summaries/" in Key:
            asked.append(Key)
            if len(asked) > 1:
                is_second_asked.set()
            assert is_second_asked.wait(60)
        return get_object(Key=Key, **request)

    s3.get_object = answer_when_two_are_asked  # type: ignore[method-assign]
    assert records(s3).results(RUN_ID) == truth
    assert len(truth) == 4 * SCANS


def test_the_summaries_that_hold_a_deleted_scan_are_deleted_with_it() -> None:
    part = run_part(RUN_ID, frozenset({1_500}))
    keys = [f"{FOLDER}/summaries/{folder}/{number:05d}.gz" for folder in ("results", "scans") for number in range(3)]
    assert [key for key in keys if part.holds(key)] == [keys[1], keys[4]]
