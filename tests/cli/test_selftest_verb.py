"""`opsctl selftest` and `opsctl up --selftest` as they are typed, and every command that a row advises."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer.main
from support.played_selftest import PlayedJob, PlayedSelftest

from opsctl.cli import app
from opsctl.cli.context import Context
from opsctl.cli.verbs import selftest as verb
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.cause_table import CAUSES
from opsctl.core.selftest.check_table import CHECKS
from opsctl.core.selftest.job_row import _remedy

Typed = Callable[..., Any]


#: Without the causes that only a scan's own files have, which no message of Batch means.
OF_JOBS = [code for code in CauseCode if "{dataset}" not in CAUSES[code].help]


def remedies() -> Iterator[str]:
    yield from (text.remedy for text in CHECKS.values())
    yield from (_remedy(code) for code in OF_JOBS)


COMMANDS = sorted({command for remedy in remedies() for command in re.findall(r"`(opsctl [^`]*)`", remedy)})


def test_some_commands_are_advised() -> None:
    assert {"opsctl up", "opsctl selftest", "opsctl image push"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_a_row_advises_is_read_by_opsctl(command: str) -> None:
    words = shlex.split(command)[1:]
    context: Any = typer.main.get_command(app).make_context("opsctl", words)
    while hasattr(context.command, "commands"):
        name, found, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
        context = found.make_context(name, rest, parent=context)


@pytest.mark.parametrize("code", OF_JOBS)
def test_no_remedy_of_a_job_speaks_of_a_run(code: CauseCode) -> None:
    assert not re.search(r"opsctl (run|logs|why)|--only|\{|DATASET", _remedy(code))


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> PlayedSelftest:
    played = PlayedSelftest()

    def report(_: Context, *, models: tuple[str, ...], timeout_minutes: int) -> Any:
        return played.selftest(models=models, timeout_seconds=60 * timeout_minutes).run()

    monkeypatch.setattr(verb, "_report", report)
    # There is no platform here; tests/refusals types it on one that AWS refuses.
    monkeypatch.setattr(verb, "refuse_what_aws_refuses", lambda *_: None)
    return played


def test_all_fine_ends_with_0(opsctl: Typed, played: PlayedSelftest) -> None:
    said = opsctl("selftest")
    assert said.code == 0
    assert "All is fine." in said.err
    assert [request["jobName"].rpartition("-")[2] for request in played.requests] == ["csd", "csa"]


def test_a_failed_check_ends_with_1_after_the_table(opsctl: Typed, played: PlayedSelftest) -> None:
    played.jobs["csa"].rows = {"s3_delete": "failed"}
    said = opsctl("selftest", "--model", "csa")
    assert said.code == 1
    assert "failed       csa  no deletion" in said.out
    assert f"The self-test failed: 1 of {len(CHECKS)} checks." in said.err


def test_json_is_one_document_also_of_a_failed_self_test(opsctl: Typed, played: PlayedSelftest) -> None:
    played.jobs["csd"].rows = {"s3_delete": "failed"}
    said = opsctl("selftest", "--json")
    assert said.code == 1
    document = json.loads(said.out)
    assert (document["ok"], len(document["models"])) == (False, 2)
    assert "The self-test failed" in said.err


def test_the_time_limit_is_in_minutes(opsctl: Typed, played: PlayedSelftest) -> None:
    played.jobs["csd"] = PlayedJob(states=((0, "RUNNABLE"),), has_result=False)
    said = opsctl("selftest", "--model", "csd", "--timeout", "3")
    assert said.code == 1
    assert "It was still RUNNABLE after 3 min, and was ended." in said.out


@pytest.mark.parametrize(
    "words", [("selftest", "--model", "dti"), ("selftest", "--timeout", "0"), ("up", "--local", "--plan", "--selftest")]
)
def test_what_can_never_be_right_is_wrong_usage(opsctl: Typed, words: tuple[str, ...]) -> None:
    assert opsctl(*words).code == 2
