"""The local platform's server sends when the last job has ended; what is not sent is tried again."""

from __future__ import annotations

import stat
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from opsctl.local.files import Files
from opsctl.local.notices.notifier import NOT_OVER, NOT_SENT, SETTLED, Notifier
from opsctl.local.notices.pending import PendingNotice, PendingNotices

NOTICE = PendingNotice("HNU1-20261122-120000-ab12", "local", ("slack://T0KEN/B/C",))


class World:
    """A notifier whose processes end with given codes."""

    def __init__(self, home: Path) -> None:
        self.pending = PendingNotices(home)
        self.active: set[str] = set()
        self.codes: list[int] = []
        self.started: list[Sequence[str]] = []
        self.now = 0.0
        scheduler: Any = self
        self._notifier = Notifier(Files(home), scheduler, start_process=self._start, now=lambda: self.now)

    def active_runs(self) -> set[str]:
        return self.active

    def look(self, *, after: float = 0.0) -> int:
        self.now += after
        self._notifier.look(threading.Event())
        return len(self.started)

    def _start(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        self.started.append(arguments)
        code = self.codes.pop(0)

        class Ended:
            def wait(self, timeout: float | None = None) -> int:
                return code

        process: Any = Ended()
        return process


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_it_waits_for_the_runs_own_jobs_and_sends_once(world: World) -> None:
    world.pending.add(NOTICE)
    world.active = {NOTICE.run_id, "other"}
    assert world.look() == 0
    world.active, world.codes = {"other"}, [SETTLED]
    assert world.look() == 1
    assert world.pending.run_ids() == []
    assert world.look(after=10_000) == 1


def test_a_run_that_waits_for_jobs_of_an_earlier_run_is_asked_again_after_a_minute(world: World) -> None:
    world.pending.add(NOTICE)
    world.codes = [NOT_OVER, SETTLED]
    assert [world.look(), world.look(after=30), world.look(after=31)] == [1, 1, 2]


def test_a_message_that_is_not_sent_is_tried_five_times_and_then_its_address_is_removed(world: World) -> None:
    world.pending.add(NOTICE)
    world.codes = [NOT_SENT] * 5
    seen = [world.look(after=after) for after in (0, 9, 2, 61, 601, 3601, 10_000)]
    assert seen == [1, 1, 2, 3, 4, 5, 5]
    assert [list(arguments[1:]) for arguments in world.started] == [[], [], [], [], ["--last"]]
    assert world.pending.run_ids() == []


def test_the_file_is_its_users_alone(tmp_path: Path) -> None:
    pending = PendingNotices(tmp_path)
    pending.add(NOTICE)
    (file,) = Files(tmp_path).notices.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "T0KEN" not in repr(pending.find(NOTICE.run_id))


def test_further_addresses_are_added_and_those_that_were_sent_to_are_removed(tmp_path: Path) -> None:
    pending = PendingNotices(tmp_path)
    pending.add(NOTICE)
    pending.add(PendingNotice(NOTICE.run_id, "local", ("ntfys://a", *NOTICE.addresses)))
    kept = pending.find(NOTICE.run_id)
    assert kept is not None
    assert kept.addresses == (*NOTICE.addresses, "ntfys://a")
    pending.replace(kept, ["ntfys://a"])
    assert pending.find(NOTICE.run_id) == PendingNotice(NOTICE.run_id, "local", ("ntfys://a",))
    pending.replace(kept, [])
    assert pending.run_ids() == []


def test_down_removes_those_of_its_platform(tmp_path: Path) -> None:
    pending = PendingNotices(tmp_path)
    pending.add(NOTICE)
    pending.add(PendingNotice("B-20261122-120000-ab12", "other", ("ntfys://a",)))
    pending.remove_of("local")
    assert pending.run_ids() == ["B-20261122-120000-ab12"]


def test_a_damaged_file_sends_nothing_and_stops_nothing(world: World, tmp_path: Path) -> None:
    world.pending.add(NOTICE)
    (file,) = Files(tmp_path).notices.iterdir()
    file.write_text("{")
    assert world.pending.find(NOTICE.run_id) is None
    world.codes = [SETTLED]
    assert world.look() == 1
    assert world.pending.run_ids() == []
