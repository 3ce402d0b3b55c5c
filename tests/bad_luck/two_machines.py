"""Two people's machines at one small platform: commands that run at once, are stopped, and see other clocks."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.local_servers import client
from support.repository import ROOT
from support.small_platform import SmallPlatform
from support.waiting import until

from opsctl.local import control

_SECONDS = 120.0
_OPSCTL = (sys.executable, "-m", "opsctl")
_STOPPING = (sys.executable, str(Path(__file__).with_name("stopping_opsctl.py")))


@dataclass(frozen=True)
class Ended:
    """The exit code and the output of a command."""

    code: int
    text: str

    @property
    def is_sentence(self) -> bool:
        """Whether it went well, or failed with an error that the user is told about."""
        return self.code in (0, 1) and "Traceback" not in self.text and "bug in opsctl" not in self.text


@dataclass(frozen=True)
class Started:
    """A command that was started; it writes into a file, so that a test can look at what it has printed so far."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    @property
    def shown(self) -> str:
        """What was printed so far."""
        return self.output.read_text(errors="replace")


@dataclass
class TwoMachines:
    """Two homes, `lab` and `laptop`, that know one platform.

    Attributes
    ----------
    commands
        All that were started: `close` ends them.
    """

    platform: SmallPlatform
    commands: list[Started] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.laptop = self.platform.folder / "laptop"
        self.lab = self.platform.home
        self.platform.share_with(self.laptop)

    def start(self, *words: str, home: Path | None = None, stopped: str = "", **variables: str) -> Started:
        """Start a command; `stopped` is the moment at which it stops itself (`stopping_opsctl.py`)."""
        program: Sequence[str] = (*_STOPPING, stopped) if stopped else _OPSCTL
        paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
        output = self.platform.folder / f"command-{len(self.commands)}.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*program, *words],
                env={
                    **self.platform.environment,
                    "OPSCTL_HOME": str(home or self.lab),
                    "OPSCTL_CONFIG": os.devnull,
                    "PYTHONPATH": paths,
                    **variables,
                },
                cwd=self.platform.folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.commands.append(Started(process, output))
        return self.commands[-1]

    @staticmethod
    def end(command: Started) -> Ended:
        """Wait for the end of a command."""
        code = command.process.wait(timeout=_SECONDS)
        return Ended(code, command.shown)

    def run(self, *words: str, **more: Any) -> Ended:
        """Type a command and wait for its end."""
        return self.end(self.start(*words, **more))

    def together(self, *commands: Sequence[str], homes: Sequence[Path] = ()) -> list[Ended]:
        """Type several commands at once, in the homes by turns."""
        homes = homes or (self.lab,)
        running = [self.start(*words, home=homes[number % len(homes)]) for number, words in enumerate(commands)]
        return [self.end(process) for process in running]

    def jobs(self, run_id: str = "") -> list[dict[str, Any]]:
        """Batch's jobs of a run, or all."""
        batch = client(self.platform.server, "batch")
        listed = batch.list_jobs(jobQueue="q", filters=[{"name": "JOB_NAME", "values": ["*"]}])["jobSummaryList"]
        return [job for job in listed if job["jobName"].startswith(run_id)]

    def run_ids(self) -> list[str]:
        """The runs that have a record."""
        listed = self.platform.s3.list_objects_v2(Bucket="opsctl-data", Prefix="opsctl/runs/").get("Contents", [])
        return sorted(entry["Key"].split("/")[2] for entry in listed if entry["Key"].endswith("/run.json"))

    def close(self) -> None:
        """End every command; one that is stopped goes on first."""
        for process in (command.process for command in self.commands):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        pid = json.loads(control.Files(self.lab).record.read_text())["pid"]
        os.kill(pid, signal.SIGCONT)
        self.platform.finish_jobs()
        self.platform.close()


def wait_until_stopped(pid: int) -> None:
    """Wait until a process is stopped by SIGSTOP."""
    until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T", "the stop", seconds=60)


def contents(folder: Path) -> dict[str, str]:
    """The files below a folder with their digests."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
