"""Ctrl-C while `down` reads the Terraform state ends `down`: it does not go on without the state."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from opsctl.cli.platform.teardown import Teardown
from opsctl.core.errors import ErrorCode, Interrupted, PlatformBusy, Problem
from opsctl.render.screen import Screen


class Root:
    def __init__(self, error: Problem) -> None:
        self._error = error

    def state(self) -> Any:
        raise self._error


def teardown(error: Problem, monkeypatch: pytest.MonkeyPatch) -> Teardown:
    monkeypatch.setattr("opsctl.aws.platform.inventory.Inventory", lambda _: SimpleNamespace(of=lambda _: []))
    monkeypatch.setattr(Teardown, "_find_root", lambda _: Root(error))
    context: Any = SimpleNamespace(screen=Screen())
    remembered: Any = SimpleNamespace(name="m2g")
    clients: Any = None
    return Teardown(context, remembered, clients, endpoint_url=None, keep_logs=False)


@pytest.mark.parametrize("error", [Interrupted("Stopped."), PlatformBusy("Terraform is at work.")], ids=type)
def test_nothing_is_removed_after_ctrl_c_or_beside_another_terraform(
    error: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(type(error)):
        teardown(error, monkeypatch).finds_anything()


def test_a_damaged_state_is_told_and_done_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = Problem("The state is damaged.", code=ErrorCode.STATE_UNUSABLE)
    assert teardown(damaged, monkeypatch).finds_anything() is False
    assert "The state is damaged. What AWS shows is removed without it." in capsys.readouterr().err
