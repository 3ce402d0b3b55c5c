"""`opsctl delete …` as typed: what must be typed before anything goes, and what is printed."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from support.deletion_world import LABEL, DeletionWorld
from support.run_views import RATES, hidden_snapshot

from opsctl.__main__ import main
from opsctl.cli.context import Context


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


Typed = Callable[..., Said]


@pytest.fixture
def opsctl(world: DeletionWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    adapters = {
        "platform": world.runs.platform,
        "clients": SimpleNamespace(),
        "storage": world.runs.storage,
        "batch": world.runs.batch.adapter(),
    }
    for name, adapter in adapters.items():
        monkeypatch.setattr(Context, name, adapter)
    monkeypatch.setattr("opsctl.aws.pricing.rates", lambda *_, **__: RATES)
    monkeypatch.setattr("opsctl.aws.batch.queue_snapshot.take_snapshot", lambda *_: hidden_snapshot())
    monkeypatch.setenv("OPSCTL_HOME", str(world.runs.home))
    monkeypatch.setattr("opsctl.render.screen._discard_typed", lambda _: None)

    def run(*words: str, answer: str | None = None) -> Said:
        monkeypatch.setattr(sys, "argv", ["opsctl", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO() if answer is None else _Terminal(f"{answer}\n"))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Said(int(ended.value.code or 0), *capsys.readouterr())

    return run


SUBJECT = ("delete", "dataset", "HNU1", "--participant-label", LABEL)


@pytest.mark.parametrize(
    ("words", "answer", "code", "said"),
    [
        (SUBJECT, None, 2, f"Add --confirm sub-{LABEL}"),
        (SUBJECT, LABEL, 1, "Nothing was deleted."),
        (SUBJECT, "y", 1, "Nothing was deleted."),
        ((*SUBJECT, "--confirm", "HNU1"), None, 2, "nothing was deleted"),
        ((*SUBJECT, "--yes"), None, 2, "--yes"),
        ((*SUBJECT, "--dry-run"), None, 0, "Nothing was deleted."),
        ((*SUBJECT, "--participant-label", "01", "--confirm", "sub-01"), None, 2, "once"),
        (("delete", "dataset", "HNU1", "--participant-label", "00*", "--confirm", "sub-00*"), None, 2, "globs"),
        (("delete", "dataset", "HNU1", "--participant-label", "", "--confirm", "sub-"), None, 2, "label"),
        (("delete", "dataset", "opsctl", "--confirm", "opsctl"), None, 2, "opsctl's own"),
        (("delete", "dataset", "opsctl/runs", "--confirm", "runs"), None, 2, "opsctl's own"),
        (("delete", "dataset", "/", "--confirm", ""), None, 2, "empty"),
        (("delete", "dataset", "s3://data", "--confirm", "data"), None, 2, "opsctl's own"),
        (("delete", "dataset", "s3://elsewhere/HNU1", "--confirm", "HNU1"), None, 2, "of other buckets"),
        (("delete", "outputs", "HNU1", "--modif", "..", "--confirm", ".."), None, 2, "one folder"),
        (("delete", "outputs", "HNU1", "--modif", "", "--confirm", ""), None, 2, "one folder"),
        (("delete", "run", "nosuch", "--confirm", "nosuch"), None, 1, "no run nosuch"),
        (("delete", "dataset", "HNU", "--confirm", "HNU"), None, 0, "There is nothing of"),
        (("delete", "dataset", "HNU1", "--keep-outputs", "--participant-label", "1"), None, 2, "contradict"),
    ],
)
def test_nothing_goes(
    world: DeletionWorld, opsctl: Typed, words: tuple[str, ...], answer: str | None, code: int, said: str
) -> None:
    world.finished_run()
    before = world.versions()
    ended = opsctl(*words, answer=answer)
    assert ended.code == code, ended
    assert said in ended.err.replace("\n", " ")
    assert world.versions() == before


@pytest.mark.parametrize(("confirm", "answer"), [(("--confirm", f"sub-{LABEL}"), None), ((), f"sub-{LABEL}")])
def test_the_name_is_typed_and_the_receipt_is_printed(
    world: DeletionWorld, opsctl: Typed, confirm: tuple[str, ...], answer: str | None
) -> None:
    run_id = world.finished_run()
    ended = opsctl(*SUBJECT, *confirm, "--json", answer=answer)
    assert ended.code == 0, ended
    receipt = json.loads(ended.out)
    assert receipt["state"] == "complete"
    assert LABEL not in ended.out
    assert world.naming(LABEL) == set()
    assert "receipt  s3://data/opsctl/deletions/deletion-" in ended.err
    status = opsctl("status", "--run", run_id)
    assert status.code == 0
    assert "1 scan was deleted on request and counts no more" in status.out
    for words in (("runs",), ("datasets",), ("scans", "HNU1"), ("audit", "HNU1"), ("status", "--scan", "*"), ("why",)):
        ended = opsctl(*words)
        assert ended.code in (0, 1), ended
        assert LABEL not in ended.out.replace(f"{LABEL}1", "").replace(f"{LABEL}x", "")


def test_every_subject_goes_and_its_run_still_has_a_status(world: DeletionWorld, opsctl: Typed) -> None:
    world.finished_run()
    for label in (LABEL, f"{LABEL}1", f"{LABEL}x"):
        assert opsctl("delete", "dataset", "HNU1", "--participant-label", label, "--confirm", f"sub-{label}").code == 0
    status = opsctl("status")
    assert status.code == 0, status
    assert "\n0 scans\n" in status.out
    assert "3 scans were deleted on request" in status.out
    # Nothing is left to be run: no command that would name what is gone.
    assert "opsctl run" not in status.out + status.err
    codes = {words: opsctl(*words.split()).code for words in ("runs", "why", "status --scan *", "results x", "cost")}
    assert codes == {"runs": 0, "why": 0, "status --scan *": 1, "results x": 1, "cost": 0}
    assert "deleted on request" in opsctl("results", "x").err


def test_what_is_left_is_exit_code_1(world: DeletionWorld, opsctl: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**request: Any) -> Any:
        entries = request["Delete"]["Objects"]
        return {"Errors": [{**entry, "Code": "AccessDenied", "Message": "Object Lock"} for entry in entries]}

    monkeypatch.setattr(world.s3, "delete_objects", refuse)
    ended = opsctl("delete", "dataset", "HNU1", "--confirm", "HNU1", "--json")
    assert ended.code == 1
    assert json.loads(ended.out)["state"] == "incomplete"
    assert "AccessDenied: Object Lock" in ended.err
