"""The local platform's server is killed within each verb: one sentence, in bounded time; what was stored comes back."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import botocore.httpsession
import pytest
from support.local_servers import alive, client, kill
from support.platform_record import BUCKET, register_platform
from support.small_platform import SmallPlatform, dataset
from typed_command import Typed, typed

from opsctl.aws.s3.connection import Connection
from opsctl.home import Home
from opsctl.local import control

#: botocore and opsctl try a request again for a while, so each verb takes many seconds.
_SECONDS = 120


class Killed:
    """A platform whose server is killed at a request of the command's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.small = SmallPlatform(folder, slots=2)
        for key, body in dataset("HNU1").items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)

    def type(self, *arguments: str, kill_at: int = 0) -> Typed:
        """Type a command; the server dies when the command sends its request of this number."""
        requests = iter(range(1, 100_000))

        def counted(send: Callable[..., Any]) -> Callable[..., Any]:
            def send_or_kill(*arguments: Any, **settings: Any) -> Any:
                if next(requests) == kill_at:
                    kill(self.small.server)
                return send(*arguments, **settings)

            return send_or_kill

        # boto3's requests, and those through opsctl's own connections.
        session, connection = botocore.httpsession.URLLib3Session, Connection
        with (
            patch.object(session, "send", counted(session.send)),
            patch.object(connection, "exchange", counted(connection.exchange)),
            patch.object(connection, "begin", counted(connection.begin)),
        ):
            return typed(*arguments, folder=self.folder, environment=self.small.environment)

    def is_up(self) -> bool:
        return alive(self.small.server.pid)

    def start_again(self) -> None:
        """What `opsctl up --local` does: the server with its objects, then the queue and the definitions."""
        small = self.small
        shutil.rmtree(self.folder / "bin")
        small.server = control.start(small.home, slots=2, entrypoint=small._entrypoint(()), stop_grace_seconds=1.0)
        small.s3 = client(small.server, "s3")
        Home(small.home).keep(register_platform(small.home, small.server, endpoint_url=small.server.endpoint_url))

    def json(self, key: str) -> Any:
        return json.loads(self.small.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def jobs(self, run_id: str) -> list[dict[str, Any]]:
        """The jobs of a run that Batch knows."""
        filters = [{"name": "JOB_NAME", "values": [f"{run_id}*"]}]
        listed: list[dict[str, Any]] = client(self.small.server, "batch").list_jobs(jobQueue="q", filters=filters)[
            "jobSummaryList"
        ]
        return listed

    def keys(self, prefix: str = "") -> set[str]:
        pages = self.small.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    world = Killed(tmp_path_factory.mktemp("killed"))
    try:
        first = world.type("run", "HNU1", "--yes")
        assert first.code == 0, first.text
        world.small.finish_jobs()
        yield world
    finally:
        world.small.gate.touch()
        world.small.close()


LONG = pytest.mark.long
CAMPAIGN = pytest.mark.campaign
#: The words of a verb, and at which of its requests the server dies.
VERBS = [
    (("status",), 2, CAMPAIGN),
    (("runs",), 2, LONG),
    (("results", "out"), 6, CAMPAIGN),
    (("report",), 6, LONG),
    (("logs",), 3, LONG),
    (("logs", "--follow"), 4, LONG),
    (("cost",), 2, LONG),
    (("cancel", "--yes"), 3, LONG),
    (("upload", "HNU1", "--name", "COPY"), 3, CAMPAIGN),
    (("datasets",), 1, LONG),
    (("scans", "HNU1"), 1, LONG),
    (("check", "HNU1"), 4, LONG),
    (("audit", "HNU1"), 3, LONG),
    (("why",), 2, LONG),
    (("down", "--yes"), 2, CAMPAIGN),
]
SENTENCES = (
    "The connection to the local platform broke",
    "The local platform is not running",
    "did not arrive whole",
)


def is_sentence(ended: Typed) -> bool:
    """Whether a command whose server died said so in time."""
    return (
        ended.code == 1
        and any(sentence in ended.text for sentence in SENTENCES)
        and "Traceback" not in ended.text
        and "bug" not in ended.text
        and ended.seconds < _SECONDS
    )


@pytest.mark.parametrize(
    ("words", "request_number"),
    [pytest.param(words, number, marks=mark, id="-".join(words)) for words, number, mark in VERBS],
)
def test_a_verb_whose_server_dies_ends_with_one_sentence(
    world: Killed, words: tuple[str, ...], request_number: int
) -> None:
    before = world.keys()
    ended = world.type(*words, kill_at=request_number)
    assert not world.is_up(), f"the verb made fewer requests than that: {ended.text}"
    assert is_sentence(ended), ended
    # The advice, and what the next command says before anybody has followed it.
    after = world.type("status")
    assert (after.code, "`opsctl up --local` brings it back, with its data." in after.text) == (1, True), after.text
    world.start_again()
    assert world.keys() >= before
    if words[0] not in ("logs", "down"):
        again = world.type(*words)
        # `check` and `audit` tell of the scan that has a vector too few.
        assert again.code == (1 if words[0] in ("check", "audit") else 0), again.text


@CAMPAIGN
def test_a_deletion_whose_server_dies_goes_on_and_deletes_nothing_else(world: Killed) -> None:
    for key, body in dataset("GONE").items():
        world.small.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    others = world.keys() - world.keys("GONE/")
    words = ("delete", "dataset", "GONE", "--confirm", "GONE")
    ended = world.type(*words, kill_at=6)
    assert not world.is_up(), f"the verb made fewer requests than that: {ended.text}"
    assert is_sentence(ended), ended
    world.start_again()
    again = world.type(*words)
    assert again.code in (0, 1), again.text
    assert world.keys("GONE/") == set(), again.text
    assert world.keys() >= others


@pytest.mark.parametrize(
    "request_number", [pytest.param(number, marks=CAMPAIGN if number == 20 else LONG) for number in range(4, 29, 4)]
)
def test_a_run_whose_server_dies_goes_on_and_submits_no_scan_twice(world: Killed, request_number: int) -> None:
    output = f"killed-{request_number}"
    earlier = world.keys("opsctl/runs/")
    ended = world.type("run", "HNU1", "--modif", output, "--yes", kill_at=request_number)
    if world.is_up():
        # It makes fewer requests than that.
        assert (ended.code, request_number > 20) == (0, True), ended.text
    else:
        assert ended.code == 0 or is_sentence(ended), ended
        world.start_again()
        # Batch has forgotten its jobs with the server, so what had been submitted is submitted again.
        again = world.type("run", "HNU1", "--modif", output, "--yes")
        assert again.code == 0, again.text
    world.small.finish_jobs()
    new = world.keys("opsctl/runs/") - earlier
    runs = {key.split("/")[2]: world.json("/".join([*key.split("/")[:3], "run.json"])) for key in new}
    scans = Counter(
        runs[key.split("/")[2]]["scans"][number]
        for key in new
        if "/submissions/" in key
        for submission in [world.json(key)]
        # What the dead server had is given up, by a note in its record.
        if submission["state"] != "abandoned"
        for number in range(submission["offset"], submission["offset"] + submission["size"])
    )
    assert scans and set(scans.values()) == {1}, (scans, new)
    jobs = [job for run_id in runs for job in world.jobs(run_id)]
    assert len(jobs) <= len([key for key in new if "/submissions/" in key]), jobs
    # A scan that failed has a result too.
    results = Counter(runs[key.split("/")[2]]["scans"][int(Path(key).stem)] for key in new if "/results/" in key)
    assert results and set(results.values()) == {1}, (results, new)
    status = world.type("run", "HNU1", "--modif", output, "--dry-run")
    assert "2 done" in status.text, status.text
