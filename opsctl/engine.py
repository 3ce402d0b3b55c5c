"""The container engine: Docker or Podman by its command line, whichever answers.

The command line is what every installation has: Docker Desktop, Docker on Linux, rootless Podman without a socket.
docs/decisions/0010 says why no library stands between.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal, cast

from opsctl.core.errors import Interrupted, Problem

VARIABLE = "OPSCTL_ENGINE"

_NAMES = ("docker", "podman")
_ANSWER_SECONDS = 60
_STOP_SECONDS = 20
_ELSEWHERE = (
    "Install Docker (https://docs.docker.com/get-docker) or Podman (https://podman.io/docs/installation), "
    "or let a colleague or a CI job with one of them build and push the image; "
    "`opsctl up --image URI` uses what they pushed."
)


@dataclass(frozen=True)
class Engine:
    """A container engine that answers.

    Attributes
    ----------
    command
        The program's path.
    name
        What it is, whatever it is called: `docker` may be a link to Podman.
    version
        Docker's is the daemon's.
    environment
        What it runs in.
    """

    command: str
    name: Literal["docker", "podman"]
    version: str
    environment: Mapping[str, str] = field(repr=False, compare=False)

    def ask(self, *words: str, stdin: str | None = None, environment: Mapping[str, str] | None = None) -> str:
        """Run a command to its end; gives what it wrote on standard output.

        Parameters
        ----------
        stdin
            What it reads: secrets go here, for an argument shows in the list of processes.
        environment
            Added to the engine's own.

        Raises
        ------
        Problem
            With the engine's own last words.
        """
        done = subprocess.run(
            [self.command, *words],
            env={**self.environment, **(environment or {})},
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            raise self._failure(words[0], done.stderr)
        return done.stdout

    def follow(self, *words: str, on_line: Callable[[str], None], environment: Mapping[str, str] | None = None) -> None:
        """Run a long command, each line of its output told as it comes.

        Raises
        ------
        Problem
            With the engine's own last words.
        Interrupted
            After Ctrl-C, once the engine has stopped.
        """
        process = subprocess.Popen(
            [self.command, *words],
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C reaches opsctl alone, which passes it on and waits.
            start_new_session=True,
        )
        last: list[str] = []
        try:
            for line in cast("IO[str]", process.stdout):
                last = [*last[-20:], line]
                on_line(line.rstrip())
            code = process.wait()
        except KeyboardInterrupt as error:
            _stop(process)
            raise Interrupted(f"Stopped: {self.name} {words[0]} was ended.") from error
        finally:
            if process.poll() is None:
                _stop(process)
        if code != 0:
            raise self._failure(words[0], "".join(last))

    def _failure(self, verb: str, said: str) -> Problem:
        return Problem(f"{self.name} {verb} failed: {final_output(said)}")


def find_engine(environment: Mapping[str, str], *, name: str | None = None) -> Engine:
    """The engine of this name, or that `OPSCTL_ENGINE` names (docker, podman or a path), else the first that answers.

    Raises
    ------
    Problem
        When there is none, or none answers: why, and what to do.
    """
    wanted = name or environment.get(VARIABLE, "")
    problems: list[Problem] = []
    for candidate in (wanted,) if wanted else _NAMES:
        command = shutil.which(str(Path(candidate).expanduser()), path=environment.get("PATH"))
        if command is None:
            continue
        try:
            return _answering(command, environment)
        except Problem as problem:
            problems.append(problem)
    if problems:
        raise problems[0]
    if wanted:
        if name in _NAMES:
            raise Problem(f"This needs {name}, which is not on the PATH.", _ELSEWHERE)
        named_by = "--engine" if name else VARIABLE
        raise Problem(f"{named_by} names {wanted}, which is no program here.", "Name docker, podman or a path.")
    raise Problem("This needs a container engine, and neither Docker nor Podman is on the PATH.", _ELSEWHERE)


def _answering(command: str, environment: Mapping[str, str]) -> Engine:
    # Debian's podman-docker and many an alias call Podman `docker`.
    name: Literal["docker", "podman"] = "podman" if "podman" in _said(command, environment, "--version") else "docker"
    question = ("version", "--format", "{{.Server.Version}}")
    if name == "podman":
        question = ("info", "--format", "{{.Version.Version}}")
    return Engine(command, name, _said(command, environment, *question).strip(), dict(environment))


def _said(command: str, environment: Mapping[str, str], *words: str) -> str:
    try:
        done = subprocess.run(
            [command, *words],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Problem(f"{command} has not answered within {_ANSWER_SECONDS} s.", "Restart it.") from None
    except OSError as error:
        raise Problem(f"{command} cannot be run ({error.strerror}).", _ELSEWHERE) from error
    if done.returncode != 0:
        raise _silence(command, done.stderr)
    return done.stdout


def _silence(command: str, said: str) -> Problem:
    """Why an engine that is installed does not answer. It has no codes for it, only words."""
    words = said.lower()
    if "permission denied" in words and ("docker.sock" in words or "docker daemon" in words or "docker api" in words):
        return Problem(
            "Docker is installed, but you may not use it: no permission on its socket.",
            "Join its group (sudo usermod -aG docker $USER) and log in again, or install Podman, which needs no right.",
        )
    if "docker daemon" in words or "docker api" in words or "docker_engine" in words:
        return Problem(
            "Docker is installed, but its daemon does not answer.",
            "Start Docker Desktop, or on Linux: sudo systemctl start docker",
        )
    if "cannot connect to podman" in words or "podman machine" in words:
        return Problem("Podman is installed, but its machine does not run.", "Start it: podman machine start")
    return Problem(f"{command} does not answer: {final_output(said)}", f"Mend it, or name another with {VARIABLE}.")


def _stop(process: subprocess.Popen[str]) -> None:
    """Ask once, wait, and be done: a build or a push that is killed leaves nothing half made under a tag."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def final_output(said: str) -> str:
    """The last line of substance, as the end of a sentence."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return " ".join((lines or ["it said nothing"])[-1].removeprefix("Error: ").split())[:400].rstrip(".") + "."
