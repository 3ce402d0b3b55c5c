"""Scans that m2g cannot process: `check` lists them, `run` offers to leave them out, and the advice of both works."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.batch_world import RATES
from support.fake_batch import FakeBatch
from support.input_cases import CASES
from support.moto_s3 import s3, s3_client, storage, whole_storage  # noqa: F401 fixtures
from support.run_world import PLATFORM

from opsctl.aws.s3.storage import Storage
from opsctl.core.diagnosis.account.obstacles import RunFacts
from opsctl.home import Home

Opsctl = Callable[..., Any]

CONTENT = CASES["sound"].inputs().files()
NAMES = {"dwi": "dwi/{}_dwi.nii.gz", "bval": "dwi/{}_dwi.bval", "bvec": "dwi/{}_dwi.bvec", "T1w": "anat/{}_T1w.nii.gz"}


class Keyboard(io.StringIO):
    """A terminal on which answers are typed."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def typed(storage: Storage, home: Path, opsctl: Opsctl, monkeypatch: pytest.MonkeyPatch) -> Opsctl:  # noqa: F811
    """Type a command about HNU1: sub-01 and sub-02 are sound, sub-03 has no bval, sub-04 is cut, sub-05 is missing."""
    for subject in ("sub-01", "sub-02", "sub-03", "sub-04"):
        content = dict(CONTENT)
        if subject == "sub-03":
            content["bval"] = b"0 1000\n"
        if subject == "sub-04":
            content["dwi"] = content["dwi"][:-100]
        for role, body in content.items():
            storage.client.put_object(Bucket="data", Key=f"HNU1/{subject}/{NAMES[role].format(subject)}", Body=body)
    for key in ("sub-05/anat/sub-05_T1w.nii.gz", "code/x.py"):
        storage.client.put_object(Bucket="data", Key=f"HNU1/{key}", Body=b"x")
    Home(home).keep(PLATFORM)
    batch = FakeBatch()
    monkeypatch.setattr("opsctl.cli.context.storage_of", lambda _: storage)
    monkeypatch.setattr("opsctl.cli.context.batch_of", lambda _: batch.adapter())
    monkeypatch.setattr("opsctl.aws.pricing.rates", lambda *_, **__: RATES)
    monkeypatch.setattr("opsctl.commands.diagnosis.account_look.start_run_facts", lambda *_: lambda: RunFacts())
    return opsctl


def text_of(said: Any) -> str:
    return " ".join((said.out + said.err).split())


def hinted(said: Any, verb: str) -> list[list[str]]:
    """The arguments of the commands of a verb that a screen suggests, with or without backquotes."""
    commands = re.findall(rf"opsctl ({verb} .*?)(?:`|\s{{2}}|\n)", said.out + said.err)
    return [shlex.split(command) for command in commands]


def test_check_shows_what_is_not_fine_and_the_next_command(typed: Opsctl) -> None:
    said = typed("check", "HNU1")
    assert said.code == 1
    rows = [line.split()[0] for line in said.out.splitlines() if line.startswith("sub-")]
    assert rows == ["sub-03"]
    assert "4 scans checked: m2g cannot process 1, nothing wrong was seen in 3." in text_of(said)
    assert "1 subject has no dwi image: sub-05" in text_of(said)
    assert "code/" not in text_of(said)
    assert hinted(said, "check") == [["check", "HNU1", "--whole"]]
    assert hinted(said, "run") == [["run", "HNU1", "--skip-invalid"]]


def test_check_all_shows_every_scan(typed: Opsctl) -> None:
    said = typed("check", "HNU1", "--all", "--exclude", "sub-03")
    rows = [line.split()[0] for line in said.out.splitlines() if line.startswith("sub-")]
    assert (said.code, rows) == (0, ["sub-01", "sub-02", "sub-04"])
    assert hinted(said, "run") == [["run", "HNU1", "--exclude", "sub-03"]]


def test_the_whole_look_that_check_suggests_finds_the_cut_image(typed: Opsctl) -> None:
    (words,) = hinted(typed("check", "HNU1"), "check")
    said = typed(*words)
    assert said.code == 1
    assert "sub-04_dwi.nii.gz is truncated: its gzip stream has no end" in text_of(said)
    # There is nothing that reads more.
    assert hinted(said, "check") == []


@pytest.mark.parametrize("options", [(), ("--scan", "sub-0[134]", "--t1w", "*T1w*", "--sp", "native_dsn")])
def test_run_says_how_to_leave_them_out_and_that_works(typed: Opsctl, options: tuple[str, ...]) -> None:
    said = typed("run", "HNU1", *options, "--dry-run")
    assert said.code == 0
    total = 4 if not options else 3
    assert f"m2g cannot process 1 of {total} scans: sub-03:" in text_of(said)
    (words,) = hinted(said, "run")
    assert "--dry-run" not in words
    again = typed(*words, "--dry-run", "--json")
    document = json.loads(again.out)
    assert [entry["scan"] for entry in document["left_out"]] == ["sub-03"]
    assert len(document["scans"]) == total - 1
    assert document["schema_version"] == 1
    space = options[-1] if options else "native"
    assert {scan["m2g"]["space"] for scan in document["scans"]} == {space} if "m2g" in document["scans"][0] else True


def test_a_dry_run_is_a_screen(typed: Opsctl) -> None:
    said = typed("run", "HNU1", "--dry-run")
    assert "{" not in said.out + said.err
    assert [line.split()[0] for line in said.out.splitlines()] == ["sub-01", "sub-02", "sub-03", "sub-04"]
    assert "Nothing was submitted. Add --json" in text_of(said)


@pytest.mark.parametrize(("answers", "jobs"), [("y\nn\n", 3), ("n\nn\n", 4)])
def test_the_question_offers_it(typed: Opsctl, monkeypatch: pytest.MonkeyPatch, answers: str, jobs: int) -> None:
    monkeypatch.setattr("sys.stdin", Keyboard(answers))
    monkeypatch.setattr("opsctl.render.screen._discard_typed", lambda _: None)
    said = typed("run", "HNU1")
    assert said.code == 1
    assert "Leave this scan out? [y/N]" in text_of(said)
    assert f"Submit {jobs} jobs? [y/N]" in text_of(said)


def test_the_run_has_no_job_for_them(typed: Opsctl) -> None:
    outcome = json.loads(typed("run", "HNU1", "--skip-invalid", "--yes", "--json").out)
    assert (outcome["submitted"], outcome["left_out"], outcome["schema_version"]) == (3, ["sub-03"], 1)


def test_without_a_question_they_are_submitted_and_named(typed: Opsctl) -> None:
    said = typed("run", "HNU1", "--yes", "--json")
    assert json.loads(said.out)["submitted"] == 4
    assert "m2g cannot process 1 of 4 scans" in text_of(said)
    assert hinted(said, "run") == [["run", "HNU1", "--skip-invalid"]]


def test_the_command_names_the_typed_platform_once(typed: Opsctl) -> None:
    said = typed("run", "HNU1", "--platform", PLATFORM.name, "--dry-run", "--json")
    assert hinted(said, "run") == [["run", "HNU1", "--skip-invalid", "--platform", PLATFORM.name]]


def test_where_no_scan_is_left_that_is_an_error(typed: Opsctl) -> None:
    said = typed("run", "HNU1", "--scan", "sub-03", "--skip-invalid", "--yes", "--json")
    assert (said.code, json.loads(said.out)["error"]["code"]) == (1, "no_scans")


@pytest.mark.parametrize("verb", ["scans", "check"])
def test_the_documents_have_what_no_scan_is_made_of(typed: Opsctl, verb: str) -> None:
    document = json.loads(typed(verb, "HNU1", "--json").out)
    assert document["schema_version"] == 1
    assert document["absences"] == [{"kind": "subject_without_image", "path": "sub-05", "other_images": 0}]
    assert document["not_read"] == ["code/"]
    assert len(document["scans"]) == 4


def test_scans_name_the_folders_that_are_not_read(typed: Opsctl) -> None:
    assert "1 folder not read: code/" in text_of(typed("scans", "HNU1"))
