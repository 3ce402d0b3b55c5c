"""Every AWS call is written down as it ends, and nobody's data with it."""

from __future__ import annotations

import logging
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.stub import Stubber
from support.aws_answers import Answers

from opsctl.aws.call_log import CALLS, redacted_path
from opsctl.aws.clients import Clients
from opsctl.home import Home
from opsctl.log_file import LogFile


class Written(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.request_ids: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self.request_ids.append(record.request_id)  # type: ignore[attr-defined]


@pytest.fixture
def written() -> Iterator[Written]:
    handler = Written()
    CALLS.addHandler(handler)
    yield handler
    CALLS.removeHandler(handler)


def test_a_call_with_its_time_and_status(server: Answers, written: Written) -> None:
    server.replies = [(200, {"jobs": []})]
    Clients(endpoint_url=server.url).batch.describe_jobs(jobs=["secret-job"])
    (line,) = written.lines
    assert re.fullmatch(r"batch\.DescribeJobs \d+ ms 200", line)


def test_retries_are_counted(server: Answers, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    server.replies = [(500, {}), "hang up", (200, {"jobs": []})]
    Clients(endpoint_url=server.url).batch.describe_jobs(jobs=["x"])
    # The server closes behind each reply: a try on the old connection may come on top.
    assert re.fullmatch(r"batch\.DescribeJobs \d+ ms 200 [3-5] tries", written.lines[0])


def test_a_refusal_has_its_code_and_its_request_id(written: Written) -> None:
    client = Clients(endpoint_url="http://127.0.0.1:1").batch
    with Stubber(client) as stubber, pytest.raises(ClientError):
        more = {"RequestId": "r-1"}
        stubber.add_client_error("submit_job", "AccessDeniedException", "no", 403, response_meta=more)
        client.submit_job(jobName="n", jobQueue="q", jobDefinition="d")
    assert re.fullmatch(r"batch\.SubmitJob \d+ ms 403 AccessDeniedException", written.lines[0])
    assert written.request_ids == ["r-1"]


def test_half_a_reply_is_no_200(server: Answers, written: Written) -> None:
    server.replies = ["half an answer"]
    with pytest.raises((ClientError, BotoCoreError)):
        Clients(endpoint_url=server.url).batch_once.describe_jobs(jobs=["x"])
    assert " 200" not in written.lines[0]


def test_a_call_that_never_got_there(written: Written) -> None:
    with pytest.raises(BotoCoreError):
        Clients(endpoint_url="http://127.0.0.1:1").batch_once.describe_jobs(jobs=["x"])
    assert re.fullmatch(r"batch\.DescribeJobs \d+ ms EndpointConnectionError", written.lines[0])


def test_without_credentials(written: Written) -> None:
    with pytest.raises(BotoCoreError):
        Clients(region="us-east-1").batch_once.describe_jobs(jobs=["x"])
    assert re.fullmatch(r"batch\.DescribeJobs \d+ ms NoCredentialsError", written.lines[0])


def test_from_many_threads_each_its_own_time(server: Answers, written: Written) -> None:
    server.replies = [(200, {"jobs": []})]
    batch = Clients(endpoint_url=server.url).batch
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: batch.describe_jobs(jobs=[str(number)]), range(40)))
    assert len(written.lines) == 40
    assert all(re.fullmatch(r"batch\.DescribeJobs \d+ ms 200( \d tries)?", line) for line in written.lines)


PLACES = [
    ({"Bucket": "lab", "Key": "HNU1/sub-0025427/ses-1/dwi/sub-0025427_dwi.nii.gz"}, "s3://lab/HNU1/…"),
    ({"Bucket": "lab", "Key": "sub-01/dwi/x.nii.gz"}, "s3://lab/…"),
    ({"Bucket": "lab", "Key": "John_Doe.nii.gz"}, "s3://lab/…"),
    ({"Bucket": "lab", "Key": "patients/John_Doe/x.nii.gz"}, "s3://lab/patients/…"),
    ({"Bucket": "lab", "Prefix": "HNU1/derivatives/m2g-csd-native/sub-01/"}, "s3://lab/HNU1/…"),
    ({"Bucket": "lab", "Prefix": "HNU1/"}, "s3://lab/HNU1/"),
    ({"Bucket": "lab", "Prefix": ""}, "s3://lab/"),
    ({"Bucket": "lab"}, "s3://lab/"),
    ({"Bucket": "lab", "Key": "opsctl/runs/R-1/scans/00000.json"}, "s3://lab/opsctl/runs/R-1/scans/…"),
    ({"Bucket": "lab", "Key": "opsctl/runs/R-1/failures/00000/sub-01/qa.png"}, "s3://lab/opsctl/runs/R-1/failures/…"),
    ({}, ""),
]


@pytest.mark.parametrize(("params", "place"), PLACES)
def test_a_place_on_s3_names_no_subject(params: dict[str, str], place: str) -> None:
    assert redacted_path(params) == place


def test_nothing_of_a_subject_is_written(written: Written) -> None:
    client = Clients(endpoint_url="http://127.0.0.1:1").s3
    with Stubber(client) as stubber:
        stubber.add_client_error("get_object", "NoSuchKey", "sub-01 is not there", 404)
        with suppress(ClientError):
            client.get_object(Bucket="lab", Key="HNU1/sub-01/dwi/x.nii.gz")
    assert re.fullmatch(r"s3\.GetObject \d+ ms 404 NoSuchKey s3://lab/HNU1/…", written.lines[0])


def line_of(log: LogFile, words: str) -> None:
    log.handle(logging.makeLogRecord({"msg": words, "request_id": "r-1", "created": 0.0, "msecs": 7.0}))


def test_the_log_file_is_the_owners_alone_and_has_time_and_request_id(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    log = LogFile(home)
    assert not home.path.exists()
    line_of(log, "batch.DescribeJobs 12 ms 200")
    log.close()
    said = home.log.read_text()
    assert said == f"1970-01-01T00:00:00.007Z {os.getpid()} batch.DescribeJobs 12 ms 200 request r-1\n"
    assert stat.S_IMODE(home.log.stat().st_mode) == 0o600


def test_the_log_file_is_bounded(tmp_path: Path) -> None:
    log = LogFile(Home(tmp_path), limit_bytes=2000)
    for number in range(500):
        line_of(log, f"call {number}")
    log.close()
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["opsctl.log", "opsctl.log.1"]
    assert sum(path.stat().st_size for path in files) < 2 * 2100
    assert "call 499" in files[0].read_text()
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)


def test_threads_lose_no_line_where_it_begins_anew(tmp_path: Path) -> None:
    log = LogFile(Home(tmp_path), limit_bytes=12_000)

    def many(name: int) -> None:
        for number in range(50):
            line_of(log, f"call {name}-{number}")

    threads = [threading.Thread(target=many, args=(name,)) for name in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    log.close()
    lines = [line for path in tmp_path.iterdir() for line in path.read_text().splitlines()]
    assert len({line.split(" call ")[1] for line in lines}) == len(lines) == 300


SHARED = """
import logging, sys
from pathlib import Path
from opsctl.home import Home
from opsctl.log_file import LogFile
log = LogFile(Home(Path(sys.argv[1])), limit_bytes=20_000)
for number in range(150):
    log.handle(logging.makeLogRecord({"msg": f"call {sys.argv[2]}-{number}"}))
"""


def test_processes_share_it_and_lose_no_line_where_it_begins_anew(tmp_path: Path) -> None:
    running = [subprocess.Popen([sys.executable, "-c", SHARED, str(tmp_path), str(name)]) for name in range(4)]
    assert [one.wait(60) for one in running] == [0] * 4
    lines: list[Any] = [line for path in tmp_path.iterdir() for line in path.read_text().splitlines()]
    assert len({line.split(" call ")[1] for line in lines}) == len(lines) == 600


def test_who_still_holds_the_old_file_goes_on_in_the_new_one(tmp_path: Path) -> None:
    mine, theirs = (LogFile(Home(tmp_path), limit_bytes=400) for _ in range(2))
    line_of(theirs, "theirs-0")
    for number in range(10):
        line_of(mine, f"mine-{number}")
    assert (tmp_path / "opsctl.log.1").exists()
    line_of(theirs, "theirs-1")
    mine.close()
    theirs.close()
    assert [line.split()[2] for line in (tmp_path / "opsctl.log").read_text().splitlines()][-1] == "theirs-1"
    words = "".join(path.read_text() for path in tmp_path.iterdir())
    assert all(f"mine-{number} " in words for number in range(10))
    assert "theirs-0" in words


def test_a_log_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line_of(LogFile(Home(tmp_path / "file" / "home")), "call")
