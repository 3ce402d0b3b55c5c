"""How a job ends, by the times and exit codes of the runner, the job definition, Batch and the local platform."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from m2g_job import attempt, faults, job, m2g, publication, version
from support.local_servers import retry_strategy

from opsctl.commands.platform import down
from opsctl.commands.runs import cancel
from opsctl.local import control, server
from opsctl.local.batch.definitions import check_retry_strategy
from opsctl.local.batch.retry import AttemptOutcome, should_retry
from opsctl.local.jobs.container import ContainerSettings
from opsctl.local.jobs.process import ProcessSettings

#: From SIGTERM to SIGKILL, for a job that is cancelled, past its timeout or on a reclaimed instance:
#: https://docs.aws.amazon.com/batch/latest/userguide/job_timeouts.html
BATCH_GRACE_SECONDS = 30.0


@pytest.fixture
def server_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    """What the local server does without options."""
    seen: list[argparse.Namespace] = []
    monkeypatch.setattr(server, "serve", lambda _files, options, _stopping, **_: seen.append(options))
    monkeypatch.setattr(server.signal, "signal", lambda *_: None)
    # It would hold for every later test of this process.
    monkeypatch.setattr(server.os, "umask", lambda _: 0)
    assert server.main(["--home", str(tmp_path)]) == 0
    return seen[0]


def test_a_local_job_has_as_long_to_end_as_one_on_aws(server_options: argparse.Namespace) -> None:
    graces = [server_options.stop_grace_seconds, ProcessSettings.stop_grace_seconds]
    assert {*graces, ContainerSettings.stop_grace_seconds} == {BATCH_GRACE_SECONDS}


def test_a_stopped_job_has_written_its_end_before_it_is_killed() -> None:
    # It polls for the signal, and the interpreter needs a moment.
    margin_seconds = 1.0
    assert job.FORCED_EXIT_SECONDS + job.FORCED_EXIT_TIMEOUT_SECONDS + margin_seconds < BATCH_GRACE_SECONDS
    # m2g's own end, or a push that goes on, leaves time for the logs and the result before the forced exit.
    m2g_seconds = m2g.GRACE_SECONDS + m2g.LAST_LINES_SECONDS
    for longest in (m2g_seconds, publication.PUSH_GRACE_SECONDS, version._TIMEOUT_SECONDS):
        assert longest + attempt._START_TIMEOUT_SECONDS < job.FORCED_EXIT_SECONDS


def test_whoever_waits_for_stopped_jobs_waits_longer_than_they_may_take() -> None:
    stop_seconds = inspect.signature(control.stop).parameters["timeout_seconds"].default
    for seconds in (stop_seconds, cancel._TIMEOUT_SECONDS, down._CANCEL_SECONDS):
        assert seconds > BATCH_GRACE_SECONDS + cancel._TERMINATE_AGAIN_SECONDS
    # `down` cancels first, and cancels again what was only about to start.
    assert down._CANCEL_SECONDS > cancel._TIMEOUT_SECONDS


def test_the_retry_rules_are_what_batch_takes_and_end_with_exit() -> None:
    strategy = retry_strategy()
    check_retry_strategy(strategy)
    rules = strategy["evaluateOnExit"]
    assert 1 <= len(rules) <= 5
    # Without it, Batch would retry what matches no rule: m2g's own failures too.
    assert rules[-1] == {"action": "exit", "onReason": "*"}
    assert [rule["action"] for rule in rules[:-1]] == ["retry"] * (len(rules) - 1)


def _kinds(kind: type[faults.Fault]) -> Iterator[type[faults.Fault]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)


@pytest.mark.parametrize("kind", sorted(_kinds(faults.Fault), key=lambda kind: kind.__name__))
def test_the_platform_retries_passing_faults_and_no_other(kind: type[faults.Fault]) -> None:
    strategy: dict[str, Any] = retry_strategy()
    outcome = AttemptOutcome(kind.exit_code, None, "Essential container in task exited")
    again = should_retry(outcome, attempt=1, attempts=strategy["attempts"], rules=strategy["evaluateOnExit"])
    assert again is issubclass(kind, faults.TransientFault)


@pytest.mark.parametrize("exit_code", [0, 1, 2, 75, 137, 139, 143, None])
def test_a_lost_instance_is_retried_whatever_the_job_said(exit_code: int | None) -> None:
    strategy = retry_strategy()
    outcome = AttemptOutcome(exit_code, None, "Host EC2 (instance i-1) terminated.")
    assert should_retry(outcome, attempt=1, attempts=strategy["attempts"], rules=strategy["evaluateOnExit"])


@pytest.mark.parametrize("exit_code", [1, 137, 139])
def test_what_ended_from_within_is_not_paid_for_again(exit_code: int) -> None:
    # 137 is the kernel's kill for lack of memory, 139 a crash: the next attempt would end so too.
    strategy = retry_strategy()
    reason = "OutOfMemoryError: Container killed due to memory usage" if exit_code == 137 else None
    outcome = AttemptOutcome(exit_code, reason, "Essential container in task exited")
    assert not should_retry(outcome, attempt=1, attempts=strategy["attempts"], rules=strategy["evaluateOnExit"])
