"""Command lines typed at a world in memory: the real program in this process, with the world's adapters."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from opsctl.__main__ import main
from opsctl.aws.logs import Logs
from opsctl.aws.s3.storage import Storage
from opsctl.cli.context import Context
from opsctl.core.diagnosis.account.obstacles import RunFacts
from support.history_world import HistoryWorld
from support.printed_commands import ensure_readable
from support.run_views import RATES, hidden_snapshot
from support.run_world import PLATFORM


@dataclass(frozen=True)
class Said:
    """The exit code, and what was printed."""

    code: int
    out: str
    err: str


class TypedOpsctl:
    """Types `opsctl WORDS…`."""

    def __init__(
        self, world: HistoryWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        s3: Any = world.s3
        no_logs: Any = SimpleNamespace(filter_log_events=lambda **_: {"events": []})
        adapters = {
            "platform": PLATFORM,
            "clients": SimpleNamespace(),
            "storage": Storage(s3),
            "batch": world.history.adapter(),
            "logs": Logs(no_logs, group=PLATFORM.log_group),
        }
        for name, adapter in adapters.items():
            monkeypatch.setattr(Context, name, adapter)
        monkeypatch.setattr("opsctl.aws.pricing.rates", lambda *_, **__: RATES)
        monkeypatch.setattr("opsctl.commands.diagnosis.account_look.start_run_facts", lambda *_: RunFacts)
        monkeypatch.setattr("opsctl.aws.batch.queue_snapshot.take_snapshot", lambda *_: hidden_snapshot())
        monkeypatch.setenv("OPSCTL_HOME", str(world.home))

    def __call__(self, *words: str) -> Said:
        self._monkeypatch.setattr(sys, "argv", ["opsctl", *words])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = Said(int(ended.value.code or 0), *self._capsys.readouterr())
        ensure_readable(f"{said.out}\n{said.err}")
        return said
