"""The installed opsctl, driven as a person drives it, on one local platform that all e2e tests share."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ragged import write_ragged
from support.printed_commands import ensure_readable
from support.recording_site import recording_environment
from support.repository import ROOT

REPOSITORY = ROOT
UV = Path(sys.executable).with_name("uv")
_COMMAND_SECONDS = 400


@dataclass(frozen=True)
class Said:
    """What one command left behind."""

    code: int
    out: str
    err: str
    seconds: float


@dataclass
class Program:
    """An installed opsctl with a home of its own, run from a folder that is no checkout."""

    binary: Path
    home: Path
    folder: Path

    @property
    def calls(self) -> Path:
        """What the local platform was asked, a line a call."""
        return self.home / "calls.jsonl"

    @property
    def environment(self) -> dict[str, str]:
        """No configuration of the machine for AWS or Terraform reaches it."""
        foreign = ("AWS_", "TF_")
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(foreign) or key == "AWS_CA_BUNDLE"
        }
        own = {"OPSCTL_HOME": str(self.home), "OPSCTL_CONFIG": os.devnull, "COLUMNS": "100"}
        own |= recording_environment(self.calls)
        return {**kept, **own, "AWS_EC2_METADATA_DISABLED": "true"}

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Begin a command."""
        return subprocess.Popen(
            [self.binary, *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str | Path) -> Said:
        """Type a command."""
        began = time.monotonic()
        done = subprocess.run(
            [self.binary, *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        ensure_readable(f"{done.stdout}\n{done.stderr}")
        return Said(done.returncode, done.stdout, done.stderr, time.monotonic() - began)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as it would be published."""
    target = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target, REPOSITORY],
        check=True,
        capture_output=True,
    )
    return next(target.glob("*.whl"))


def _first_that_works(with_uv: list[str | Path], with_pip: list[str | Path]) -> None:
    """Let uv do it, in a tenth of the time; or pip, which knows this machine's settings for a package index."""
    if subprocess.run(with_uv, check=False, capture_output=True).returncode:
        subprocess.run(with_pip, check=True, capture_output=True)


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `opsctl` of an environment into which nothing but the wheel was installed, at the lock file's versions."""
    folder = tmp_path_factory.mktemp("environment")
    pins = re.findall(
        r"^[A-Za-z0-9_.-]+==[^ \\\n]+(?: ; [^\\\n]+)?", (REPOSITORY / "requirements.lock").read_text(), re.M
    )
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(pins))
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    wanted: list[str | Path] = ["-q", "-c", constraints, f"{wheel}[local]"]
    _first_that_works(
        [UV, "pip", "install", "--python", python, *wanted], [python, "-m", "pip", "install", "--no-compile", *wanted]
    )
    return folder / "venv" / "bin" / "opsctl"


@pytest.fixture(scope="session")
def program(installed: Path, tmp_path_factory: pytest.TempPathFactory):
    """opsctl, and at the end no process of its platform."""
    one = Program(installed, tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("elsewhere"))
    yield one
    code = "import pathlib, sys; from opsctl.local import control; control.stop(pathlib.Path(sys.argv[1]))"
    subprocess.run([installed.parent / "python", "-c", code, one.home], check=False, cwd=one.folder)


@dataclass
class Journey:
    """Every command of the whole road and what it said, by a name of its own."""

    program: Program
    said: dict[str, Said] = field(default_factory=dict)
    typed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def type(self, name: str, *words: str | Path) -> Said:
        """Type a command and keep what it said."""
        self.typed[name] = tuple(map(str, words))
        self.said[name] = self.program(*words)
        return self.said[name]

    def kill(self, name: str, seconds: float, *words: str | Path) -> None:
        """Type a command and kill it -9 in the middle, or see it end before."""
        process = self.program.start(*words)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        self.said[name] = Said(process.returncode, out, err, seconds)


@pytest.fixture(scope="session")
def journey(program: Program) -> Journey:
    """The whole road, once: a platform up, data, runs, down, up again."""
    trip = Journey(program)
    trip.type("status before up", "status")
    trip.type("sample", "sample", "sample")
    trip.type("up", "up", "--local", "--yes")
    trip.type("second up", "up", "--local")
    _work(trip)
    trip.type("run for down", "run", "HNU1", "--modif", "last", "--yes")
    trip.type("down while active", "down", "--yes")
    trip.type("cancel", "cancel", "--yes")
    trip.type("status after cancel", "status", "--json")
    trip.type("down", "down", "--yes")
    trip.type("second down", "down", "--yes")
    trip.type("status after down", "status")
    trip.type("up again", "up", "--local", "--yes")
    early = json.loads(trip.said["status csa"].out)["run_id"]
    trip.type("results again", "results", "again", "--run", early, "--json")
    trip.type("upload again", "upload", "sample", "--name", "HNU1", "--json")
    return trip


def _work(trip: Journey) -> None:
    from example_lines import type_examples

    trip.type("upload", "upload", "sample", "--name", "HNU1", "--json")
    trip.type("second upload", "upload", "sample", "--name", "HNU1", "--json")
    trip.type("dry run", "run", "HNU1", "--sp", "native", "--dry-run", "--json")
    trip.type("runs after dry run", "status")
    trip.type("run csa", "run", "HNU1", "--sp", "native", "--yes")
    # Four scans in two slots: two of them wait, so that the queue and its subnets are looked at.
    trip.type("why csa waits", "why")
    trip.type("follow csa", "logs", "--follow", "--tail", "100000")
    trip.type("logs json", "logs", "--json")
    trip.type("status csa", "status", "--json")
    trip.type("results csa", "results", "csa", "--json")
    trip.type("run csa again", "run", "HNU1", "--sp", "native", "--yes", "--json")
    trip.type("audit csa", "audit", "HNU1", "--json")
    trip.type("cost csa", "cost", "--json")
    trip.type("why csa", "why")
    trip.type("report csa", "report", "csa.html")
    type_examples(trip)
    trip.type("all of csa", "results", "csa-all", "--what", "all", "--json")
    trip.type("mixed", "run", "HNU1", "--seeds", "1", "--yes")
    trip.kill("run csd killed", 1.5, "run", "HNU1", "--model", "csd", "--yes")
    trip.type("run csd", "run", "HNU1", "--model", "csd", "--yes", "--follow")
    trip.type("results csd", "results", "csd", "--json")
    write_ragged(trip.program.folder / "ragged", trip.program.folder / "sample")
    trip.type("upload ragged", "upload", "ragged", "--name", "ragged")
    trip.type("scans ragged", "scans", "ragged", "--json")
    trip.type("check ragged", "check", "ragged", "--json")
    trip.type("run ragged", "run", "ragged", "--yes", "--follow", "--parcellation", "Desikan")
    trip.type("status ragged", "status", "--json")
    trip.type("wait ragged", "status", "--wait")
    trip.type("audit ragged", "audit", "ragged", "--json")
    trip.type("results ragged", "results", "ragged-out", "--json")
