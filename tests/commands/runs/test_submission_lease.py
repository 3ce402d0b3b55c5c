"""The submission lease: one holder at a time, dead holders are recognised, nobody waits for ever."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support.record_examples import LEASE

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs import submission_lease as lease_module
from opsctl.commands.runs.submission_lease import SubmissionLease
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location
from opsctl.home import Home

TOKEN_OF_THE_DEAD = "d" * 32

OUTPUT = Location("data", "HNU1/derivatives/m2g-csa-native")
FOLDER = "opsctl/outputs/"


def make(storage: Storage, home: Path, *, waits: list[str] | None = None, **more: Any) -> SubmissionLease:
    messages = waits if waits is not None else []
    return SubmissionLease(
        storage,
        Home(home),
        more.pop("output", OUTPUT),
        data_bucket="data",
        who=more.pop("who", "ada@lab"),
        on_wait=messages.append,
        **more,
    )


def bodies(storage: Storage) -> list[tuple[str, str]]:
    keys = [obj.key for obj in storage.below(Location("data", "opsctl/outputs"))]
    read = storage.get_bodies("data", sorted(keys))
    return [(key.rpartition("/")[2], json.loads(body)["state"]) for key, body in read.items()]


def test_a_lease_is_acquired_and_released(storage: Storage, tmp_path: Path) -> None:
    lease = make(storage, tmp_path)
    with lease.acquire():
        lease.ensure_held()
        assert bodies(storage) == [("lease.00001.json", "held")]
    assert bodies(storage) == [("lease.00001.json", "released")]
    with make(storage, tmp_path).acquire():
        assert bodies(storage)[-1] == ("lease.00002.json", "held")


def test_each_output_location_has_its_own_lease(storage: Storage, tmp_path: Path) -> None:
    elsewhere = make(storage, tmp_path, output=Location("data", "HNU1/derivatives/quick"))
    with make(storage, tmp_path).acquire(), elsewhere.acquire():
        assert [name for name, _ in bodies(storage)] == ["lease.00001.json"] * 2


@pytest.mark.parametrize("same_home", [True, False])
def test_the_lease_is_waited_for_while_somebody_else_holds_it(
    storage: Storage, tmp_path: Path, same_home: bool
) -> None:
    holder = make(storage, tmp_path / "a", who="mary@mac")
    holding = holder.acquire()
    holding.__enter__()
    messages: list[str] = []
    sleeps: list[float] = []

    def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        if len(sleeps) == 3:
            holding.__exit__(None, None, None)

    lease = make(storage, tmp_path / ("a" if same_home else "b"), waits=messages, sleep=sleep)
    with lease.acquire():
        assert len(sleeps) == 3
        assert all("mary@mac is submitting" in message for message in messages)


def _hold_until_killed(storage_bucket: str, home: str, ready: Any) -> None:
    with Home(Path(home)).alive(TOKEN_OF_THE_DEAD):
        ready.set()
        signal.pause()


def test_the_lease_of_a_killed_holder_of_the_same_home_ends_at_once(storage: Storage, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold_until_killed, args=("data", str(tmp_path), ready))
    process.start()
    assert ready.wait(30)
    home = Home(tmp_path)
    held = {"schema_version": 1, "state": "held", "token": TOKEN_OF_THE_DEAD, "home": home.identity, "who": "me"}
    held["output"] = "s3://data/HNU1/derivatives/m2g"
    lease = make(storage, tmp_path, sleep=_never)
    storage.put_json("data", lease._key(1), held)
    assert home.is_alive(TOKEN_OF_THE_DEAD)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    with lease.acquire():
        assert bodies(storage)[-1] == ("lease.00002.json", "held")


def _never(seconds: float) -> None:
    raise AssertionError("waited for the lease")


def test_a_lease_of_another_home_expires_when_it_was_not_renewed_for_a_minute(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = make(storage, tmp_path, sleep=_never)
    storage.put_json("data", lease._key(1), {**LEASE, "home": "elsewhere"})
    body, _ = storage.get_body_with_age("data", lease._key(1)) or (b"", 0.0)
    monkeypatch.setattr(storage, "get_body_with_age", lambda *_: (body, lease_module.LEASE_SECONDS + 1))
    with lease.acquire():
        pass


def test_the_age_is_s3s_own(storage: Storage) -> None:
    storage.put_json("data", "one", {})
    read = storage.get_body_with_age("data", "one")
    assert read is not None
    assert -2 <= read[1] <= 5
    assert storage.get_body_with_age("data", "none") is None


def test_a_lost_reply_to_the_creation_does_not_lose_the_lease(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = storage.create_json
    # Botocore tries again, and the second try finds what the first one made.
    monkeypatch.setattr(storage, "create_json", lambda *arguments: real(*arguments) and False)
    sleeps: list[float] = []
    with make(storage, tmp_path, sleep=sleeps.append).acquire():
        assert bodies(storage) == [("lease.00001.json", "held")]
    assert len(sleeps) == 1


def test_a_newer_lease_that_cannot_be_read_is_another_holders(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = make(storage, tmp_path)
    with lease.acquire():
        storage.put_json("data", lease._key(2), {**LEASE, "who": "mary@mac"})
        monkeypatch.setattr(storage, "get_body_with_age", lambda *_: None)
        with pytest.raises(Problem, match="Somebody else has taken over"):
            lease.ensure_held()


def test_a_holder_that_lost_the_lease_submits_no_more(storage: Storage, tmp_path: Path) -> None:
    lease = make(storage, tmp_path)
    with lease.acquire():
        storage.put_json("data", lease._key(2), {**LEASE, "who": "mary@mac"})
        with pytest.raises(Problem, match="mary@mac has taken over"):
            lease.ensure_held()


def test_a_holder_that_could_not_renew_submits_no_more(storage: Storage, tmp_path: Path) -> None:
    clock = [0.0]
    lease = make(storage, tmp_path, monotonic=lambda: clock[0])
    with lease.acquire():
        clock[0] = 29.0
        lease.ensure_held()
        clock[0] = 31.0
        with pytest.raises(Problem, match="nothing more is submitted"):
            lease.ensure_held()


@pytest.mark.parametrize(("renewal_seconds", "is_held"), [(1.0, True), (31.0, False)])
def test_a_lease_whose_reply_was_lost_is_renewed_and_counts_from_that_request(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renewal_seconds: float, is_held: bool
) -> None:
    clock = [0.0]
    create, put = storage.create_json, storage.put_json

    def slow_create(*arguments: Any) -> bool:
        create(*arguments)
        clock[0] += 31.0
        return False

    def slow_put(*arguments: Any) -> None:
        put(*arguments)
        clock[0] += renewal_seconds

    monkeypatch.setattr(storage, "create_json", slow_create)
    monkeypatch.setattr(storage, "put_json", slow_put)
    lease = make(storage, tmp_path, monotonic=lambda: clock[0], sleep=lambda _: None)
    with lease.acquire():
        if is_held:
            lease.ensure_held()
        else:
            with pytest.raises(Problem, match="nothing more is submitted"):
                lease.ensure_held()


def test_of_two_that_find_no_lease_one_gets_it(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make(storage, tmp_path / "a", who="mary@mac")
    holding = first.acquire()
    messages: list[str] = []
    below = storage.below

    def list_then_be_overtaken(location: Location) -> Any:
        objects = below(location)
        monkeypatch.setattr(storage, "below", below)
        holding.__enter__()
        return objects

    def let_go(_: float) -> None:
        if messages:
            holding.__exit__(None, None, None)
        else:
            first.ensure_held()

    monkeypatch.setattr(storage, "below", list_then_be_overtaken)
    with make(storage, tmp_path / "b", waits=messages, sleep=let_go).acquire():
        assert bodies(storage) == [("lease.00001.json", "released"), ("lease.00002.json", "held")]
    assert "mary@mac is submitting" in messages[0]


def test_a_renewal_counts_from_its_request(storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    put = storage.put_json
    renewals: list[float] = []
    failed = threading.Event()

    def answer_one_late_and_no_other(*arguments: Any) -> None:
        if arguments[2]["state"] == "held":
            renewals.append(clock[0])
            if len(renewals) > 1:
                failed.set()
                raise Problem("S3 does not answer.", code=ErrorCode.AWS_UNREACHABLE)
            clock[0] += 29.0
        put(*arguments)

    monkeypatch.setattr(lease_module, "_RENEW_SECONDS", 0.02)
    monkeypatch.setattr(storage, "put_json", answer_one_late_and_no_other)
    lease = make(storage, tmp_path, monotonic=lambda: clock[0])
    with lease.acquire():
        assert failed.wait(30)
        lease.ensure_held()
        clock[0] += 2.0
        with pytest.raises(Problem, match="nothing more is submitted"):
            lease.ensure_held()


def test_a_laptop_that_was_closed_submits_no_more(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_gettime = time.clock_gettime
    counting = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    suspended_seconds = 0.0
    monkeypatch.setattr(
        time, "clock_gettime", lambda clock: clock_gettime(clock) + (suspended_seconds if clock == counting else 0.0)
    )
    lease = make(storage, tmp_path)
    with lease.acquire():
        lease.ensure_held()
        suspended_seconds = 600.0
        with pytest.raises(Problem, match="nothing more is submitted"):
            lease.ensure_held()


@pytest.mark.parametrize("name", ["thesis.tex", "../../thesis.tex", "{folder}/thesis.tex", "thesis.tex\0", ""])
def test_a_lease_that_names_a_file_of_this_machine_deletes_nothing(storage: Storage, tmp_path: Path, name: str) -> None:
    """`Home.is_alive` removes the lock file of a dead process; its name comes from S3."""
    home = Home(tmp_path / "home")
    thesis = tmp_path / "thesis.tex"
    thesis.write_text("years")
    (home.path / "alive").mkdir(parents=True)
    (home.path / "alive" / "thesis.tex").write_text("years")
    waits: list[float] = []

    def stop(seconds: float) -> None:
        waits.append(seconds)
        raise KeyboardInterrupt

    lease = make(storage, home.path, sleep=stop)
    token = name.format(folder=tmp_path)
    storage.put_json("data", lease._key(1), {**LEASE, "home": home.identity, "token": token})
    # It cannot be read, so it counts by its age: there is a minute to wait.
    with pytest.raises(KeyboardInterrupt), lease.acquire():
        pass
    assert waits and thesis.exists() and (home.path / "alive" / "thesis.tex").exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"schema_version": 1, "token": 5}', b"[" * 200_000, b"\xff"])
def test_a_lease_that_cannot_be_read_ends_by_its_age(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    lease = make(storage, tmp_path, sleep=_never)
    storage.client.put_object(Bucket="data", Key=lease._key(1), Body=body)
    monkeypatch.setattr(storage, "get_body_with_age", lambda *_: (body, lease_module.LEASE_SECONDS + 1))
    with lease.acquire():
        assert storage.get_body("data", lease._key(2)) is not None
