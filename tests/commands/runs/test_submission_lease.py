"""Whose turn it is: one at a time, the dead are recognised, nobody waits for ever."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs import submission_lease as lease_module
from opsctl.commands.runs.submission_lease import SubmissionLease
from opsctl.core.errors import Problem
from opsctl.core.location import Location
from opsctl.home import Home

OUTPUT = Location("data", "HNU1/derivatives/m2g-csa-native")
FOLDER = "opsctl/outputs/"


def make(storage: Storage, home: Path, *, waits: list[str] | None = None, **more: Any) -> SubmissionLease:
    said = waits if waits is not None else []
    return SubmissionLease(
        storage,
        Home(home),
        more.pop("output", OUTPUT),
        data_bucket="data",
        who=more.pop("who", "ada@lab"),
        on_wait=said.append,
        **more,
    )


def bodies(storage: Storage) -> list[tuple[str, str]]:
    keys = [one.key for one in storage.below(Location("data", "opsctl/outputs"))]
    read = storage.get_jsons("data", sorted(keys))
    return [(key.rpartition("/")[2], value["state"]) for key, value in read.items()]


def test_a_turn_is_taken_and_given_back(storage: Storage, tmp_path: Path) -> None:
    mine = make(storage, tmp_path)
    with mine.take():
        mine.check()
        assert bodies(storage) == [("turn.00001.json", "held")]
    assert bodies(storage) == [("turn.00001.json", "released")]
    with make(storage, tmp_path).take():
        assert bodies(storage)[-1] == ("turn.00002.json", "held")


def test_another_place_is_another_turn(storage: Storage, tmp_path: Path) -> None:
    elsewhere = make(storage, tmp_path, output=Location("data", "HNU1/derivatives/quick"))
    with make(storage, tmp_path).take(), elsewhere.take():
        assert [name for name, _ in bodies(storage)] == ["turn.00001.json"] * 2


@pytest.mark.parametrize("same_home", [True, False])
def test_while_somebody_else_submits_the_other_waits(storage: Storage, tmp_path: Path, same_home: bool) -> None:
    holder = make(storage, tmp_path / "a", who="mary@mac")
    holding = holder.take()
    holding.__enter__()
    said: list[str] = []
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            holding.__exit__(None, None, None)

    mine = make(storage, tmp_path / ("a" if same_home else "b"), waits=said, sleep=sleep)
    with mine.take():
        assert len(naps) == 3
        assert all("mary@mac is submitting" in one for one in said)


def _hold_until_killed(storage_bucket: str, home: str, ready: Any) -> None:
    with Home(Path(home)).alive("token-of-the-dead"):
        ready.set()
        signal.pause()


def test_a_killed_holder_of_the_same_home_is_succeeded_at_once(storage: Storage, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold_until_killed, args=("data", str(tmp_path), ready))
    process.start()
    assert ready.wait(30)
    home = Home(tmp_path)
    held = {"schema_version": 1, "state": "held", "token": "token-of-the-dead", "home": home.identity, "who": "me"}
    mine = make(storage, tmp_path, sleep=_never)
    storage.put_json("data", mine._key(1), held)
    assert home.is_alive("token-of-the-dead")
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    with mine.take():
        assert bodies(storage)[-1] == ("turn.00002.json", "held")


def _never(seconds: float) -> None:
    raise AssertionError("it waited")


def test_one_of_another_home_that_was_not_renewed_for_a_minute_is_over(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = make(storage, tmp_path, sleep=_never)
    storage.put_json("data", mine._key(1), {"state": "held", "token": "t", "home": "elsewhere", "who": "x"})
    real = storage.get_json_with_age
    monkeypatch.setattr(storage, "get_json_with_age", lambda *one: (real(*one)[0], lease_module.LEASE_SECONDS + 1))  # type: ignore[index]
    with mine.take():
        pass


def test_the_age_is_s3s_own(storage: Storage) -> None:
    storage.put_json("data", "one", {})
    found = storage.get_json_with_age("data", "one")
    assert found is not None
    assert -2 <= found[1] <= 5
    assert storage.get_json_with_age("data", "none") is None


def test_a_lost_reply_to_the_creation_is_no_lost_turn(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = storage.create_json
    # Botocore tries again, and the second try finds what the first one made.
    monkeypatch.setattr(storage, "create_json", lambda *one: real(*one) and False)
    naps: list[float] = []
    with make(storage, tmp_path, sleep=naps.append).take():
        assert bodies(storage) == [("turn.00001.json", "held")]
    assert len(naps) == 1


def test_who_has_lost_the_turn_submits_no_more(storage: Storage, tmp_path: Path) -> None:
    mine = make(storage, tmp_path)
    with mine.take():
        storage.put_json("data", mine._key(2), {"state": "held", "who": "mary@mac"})
        with pytest.raises(Problem, match="mary@mac has taken over"):
            mine.check()


def test_who_could_not_renew_submits_no_more(storage: Storage, tmp_path: Path) -> None:
    clock = [0.0]
    mine = make(storage, tmp_path, monotonic=lambda: clock[0])
    with mine.take():
        clock[0] = 29.0
        mine.check()
        clock[0] = 31.0
        with pytest.raises(Problem, match="nothing more is submitted"):
            mine.check()
