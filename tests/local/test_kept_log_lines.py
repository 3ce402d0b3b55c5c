"""The jobs' log lines on the local platform: there again after a restart, and gone when they are deleted, as on AWS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.local_servers import GROUP, Homes, Platform, client, kill

from opsctl.local import control
from opsctl.local.log_store import LogStore, StoredLine

NOW = int(time.time() * 1000)
DAY_MS = 86_400_000


class Server:
    """A local server that is stopped or killed, and started again."""

    def __init__(self, homes: Homes) -> None:
        self._homes = homes
        self.home, self.server = homes.start()

    @property
    def logs(self) -> Any:
        return client(self.server, "logs")

    def restart(self, *, hard: bool) -> None:
        kill(self.server) if hard else control.stop(self.server)
        _, self.server = self._homes.start(self.home)

    def write(self, *messages: str, group: str = "/g", stream: str = "csa/default/1") -> None:
        events = [{"timestamp": NOW + number, "message": text} for number, text in enumerate(messages)]
        self.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def events(self, group: str = "/g") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.logs.filter_log_events(logGroupName=group)["events"]
        return found


@pytest.fixture(scope="module")
def server(homes: Homes) -> Server:
    return Server(homes)


@pytest.fixture
def group(server: Server) -> Iterator[Server]:
    server.logs.create_log_group(logGroupName="/g")
    server.logs.create_log_stream(logGroupName="/g", logStreamName="csa/default/1")
    yield server
    if server.logs.describe_log_groups(logGroupNamePrefix="/g")["logGroups"]:
        server.logs.delete_log_group(logGroupName="/g")


@pytest.mark.parametrize("hard", [False, True], ids=["stopped", "killed"])
def test_lines_are_there_again_when_their_group_is_made_again(group: Server, hard: bool) -> None:
    group.write("one", "two é", "three")
    before = group.events()
    group.restart(hard=hard)
    # Terraform makes the group again; until then nobody sees a group that is not in its state.
    assert group.logs.describe_log_groups()["logGroups"] == []
    group.logs.create_log_group(logGroupName="/g")
    assert group.events() == before
    group.write("four")
    after = group.events()
    assert {event["message"] for event in after} == {"one", "two é", "three", "four"}
    assert len({event["eventId"] for event in after}) == 4
    (stream,) = group.logs.describe_log_streams(logGroupName="/g")["logStreams"]
    assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"]) == (NOW, NOW + 2)


def test_what_was_deleted_does_not_come_back(group: Server) -> None:
    group.logs.create_log_stream(logGroupName="/g", logStreamName="csa/default/2")
    group.write("one", stream="csa/default/2")
    group.logs.delete_log_stream(logGroupName="/g", logStreamName="csa/default/2")
    group.write("two")
    group.restart(hard=True)
    group.logs.create_log_group(logGroupName="/g")
    assert [event["message"] for event in group.events()] == ["two"]
    group.logs.delete_log_group(logGroupName="/g")
    group.logs.create_log_group(logGroupName="/g")
    assert group.events() == []
    group.restart(hard=False)
    group.logs.create_log_group(logGroupName="/g")
    assert group.events() == []


def test_the_lines_of_a_job_survive_the_server(homes: Homes) -> None:
    home, server = homes.start()
    platform = Platform(home, server)
    job = platform.submit("echo first; echo second")
    platform.wait(job)
    stream = platform.job(job)["container"]["logStreamName"]
    kill(server)
    _, server = homes.start(home)
    logs = client(server, "logs")
    logs.create_log_group(logGroupName=GROUP)
    events = logs.filter_log_events(logGroupName=GROUP, logStreamNames=[stream])["events"]
    assert [event["message"] for event in events] == ["first", "second"]


def line(number: int, *, timestamp_ms: int = NOW) -> StoredLine:
    return StoredLine(f"{number:056d}", timestamp_ms, NOW, f"line {number}")


def test_lines_older_than_the_retention_are_removed(tmp_path: Path) -> None:
    store = LogStore(tmp_path / "lines")
    store.set_retention("kept for a day", 1)
    for arn in ("kept for a day", "kept for ever"):
        store.add_stream(arn, "s", created_ms=NOW)
        store.add_lines(arn, "s", [line(1, timestamp_ms=NOW - DAY_MS - 1000), line(2)])
    store.remove_expired(now=NOW / 1000)
    assert store.lines("kept for a day", "s") == [line(2)]
    assert len(store.lines("kept for ever", "s")) == 2
    store.set_retention("kept for a day", None)
    store.remove_expired(now=NOW / 1000 + 100 * 86_400)
    assert store.lines("kept for a day", "s") == [line(2)]


def test_a_damaged_file_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"no database" * 1000)
    store = LogStore(path)
    store.add_lines("g", "s", [line(1)])
    assert store.lines("g", "s") == [line(1)]
    assert "earlier log lines are gone" in caplog.text
    assert (tmp_path / "lines.damaged").read_bytes().startswith(b"no database")


def test_a_disk_that_takes_no_lines_does_not_stop_a_job(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = LogStore(tmp_path / "lines")
    store._index.execute("PRAGMA query_only=ON")
    store.add_lines("g", "s", [line(1)])
    store.add_lines("g", "s", [line(2)])
    assert caplog.text.count("cannot be written to the disk") == 1
