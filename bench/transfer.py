"""The tools that copy files to and from S3, each a process whose time and processor time are measured."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import peers
from opsctl.aws.clients import NO_KEY

_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Taken:
    """What a process took.

    Attributes
    ----------
    seconds, cpu_seconds
        By the wall, and of the processor for user and system.
    """

    seconds: float
    cpu_seconds: float


class Tools:
    """The tools against one server.

    Parameters
    ----------
    url
        The server's address.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._environment = {**os.environ, **NO_KEY, "AWS_REGION": "us-east-1", "PYTHONPATH": str(_ROOT)}
        # Debian's rclone does not start with it, and the server has no certificate.
        self._environment.pop("AWS_CA_BUNDLE", None)
        remote = {"TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": url, "REGION": "us-east-1", "NO_CHECK_BUCKET": "true"}
        remote |= {"ACCESS_KEY_ID": "none", "SECRET_ACCESS_KEY": "none"}
        self._environment |= {f"RCLONE_CONFIG_S_{name}": value for name, value in remote.items()}

    def opsctl(self, verb: str, folder: Path, third: str, *, count: int) -> Taken:
        """`upload` or `results` of opsctl, which must send or fetch so many files."""
        taken, output = self._run([sys.executable, "-m", "bench.transfer_process", self._url, verb, str(folder), third])
        if int(output) != count:
            raise SystemExit(f"opsctl copied {output.strip()} files instead of {count}.")
        return taken

    def s5cmd(self, source: str, target: str) -> Taken | None:
        """`s5cmd cp`; None where it is not installed."""
        program = peers.path("s5cmd")
        if program is None:
            return None
        return self._run([str(program), "--endpoint-url", self._url, "cp", source, target])[0]

    def others(self, source: str, target: str) -> str:
        """What aws-cli and rclone take for the same copy, once, for a row's note; s3:// is a bucket's address."""
        said = []
        aws, rclone = peers.path("aws"), shutil.which("rclone")
        places = [place.replace("s3://", "s:") for place in (source, target)]
        commands: dict[str, list[Any]] = {
            "aws-cli": [aws, "--endpoint-url", self._url, "s3", "cp", "--recursive", source, target],
            # It repeats requests that fail for as long as half an hour.
            "rclone": [rclone, "copy", "--transfers=64", "--checkers=64", "--retries=1", "--max-duration=90s", *places],
        }
        for name, command in commands.items():
            if command[0] is None:
                continue
            try:
                taken, _ = self._run([str(part) for part in command])
            except subprocess.CalledProcessError:
                said.append(f"{name} failed")
            else:
                said.append(f"{name} {taken.seconds:.1f} s, {taken.cpu_seconds:.1f} s of CPU")
        return "; ".join(said)

    def _run(self, command: list[str]) -> tuple[Taken, str]:
        with tempfile.TemporaryFile("w+") as output:
            started = time.perf_counter()
            process = subprocess.Popen(
                command, cwd=_ROOT, env=self._environment, stdout=output, stderr=subprocess.DEVNULL
            )
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise subprocess.CalledProcessError(process.returncode, command)
            output.seek(0)
            return Taken(seconds, used.ru_utime + used.ru_stime), output.read()
