"""When m2g has ended, however it ended, no process of its own goes on: it could still write into the outputs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from m2g_job import m2g
from m2g_job.log import Log
from m2g_job.stop import StopRequest
from support.local_servers import alive
from support.waiting import until

#: How m2g leaves a child, as a shell's script; the child writes its number into the file `child` and never ends.
WRITE = 'echo $$ > "$0.part"; mv "$0.part" "$0"; exec sleep 600'
LEFT = {
    "holds m2g's output open": f"sh -c '{WRITE}' child &",
    "is silent": f"sh -c '{WRITE}' child > /dev/null 2>&1 &",
    "ignores the signals of a polite end": f"trap '' HUP TERM INT; sh -c '{WRITE}' child > /dev/null 2>&1 &",
}
ENDS = {"normally": "exit 0", "by a failure": "exit 1", "by a signal": "kill -KILL $$"}


@pytest.fixture
def child_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file with the child's number; a child that is left nevertheless is killed."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "child"
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


@pytest.mark.parametrize("ending", ENDS)
@pytest.mark.parametrize("left", LEFT)
def test_a_child_that_m2g_leaves_behind_ends_with_it(child_file: Path, tmp_path: Path, left: str, ending: str) -> None:
    script = f"{LEFT[left]} while [ ! -e child ]; do sleep 0.02; done; echo m2g ends; {ENDS[ending]}"
    with (tmp_path / "log").open("wb") as stream:
        ended = m2g.run(
            ["/bin/sh", "-c", script],
            log=Log(stream),
            log_path=str(tmp_path / "m2g.log"),
            stop=StopRequest(),
            variables={"PATH": os.environ["PATH"]},
        )
    child = int(child_file.read_text())
    assert ended.exit_code == {"normally": 0, "by a failure": 1, "by a signal": -9}[ending]
    assert ended.tail == ("m2g ends",)
    until(lambda: not alive(child))


def test_a_short_m2g_is_not_waited_for_longer_than_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Were its end looked for only now and then, this would take a minute.
    monkeypatch.setattr(m2g, "_POLL_SECONDS", 60.0)
    with (tmp_path / "log").open("wb") as stream:
        for command in ("echo m2g ends", "exec > /dev/null 2>&1; sleep 0.1"):
            ended = m2g.run(
                ["/bin/sh", "-c", command],
                log=Log(stream),
                log_path=str(tmp_path / "m2g.log"),
                stop=StopRequest(),
                variables={"PATH": os.environ["PATH"]},
            )
            assert ended.seconds < 30
