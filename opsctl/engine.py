"""Run Docker or Podman through its command line.

Every installation has the command line: Docker Desktop, Docker on Linux, rootless Podman without a socket.
docs/decisions/0010 says why opsctl uses no client library.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal, cast

from opsctl.core.errors import ErrorCode, Interrupted, Problem
from opsctl.core.harmless import harmless
from opsctl.program import ask_program, find_program, why_not_found
from opsctl.user_path import user_path

VARIABLE = "OPSCTL_ENGINE"

_NAMES = ("docker", "podman")
_DOCKER_VERSION = "{{.Server.Version}}"
_ANSWER_SECONDS = 60
_STOP_SECONDS = 20
_QUOTED = 100
_VERSION = re.compile(r"v?\d{1,4}\.\d{1,4}[\w.+-]{0,60}")
_ELSEWHERE = (
    "Install Docker (https://docs.docker.com/get-docker) or Podman (https://podman.io/docs/installation), "
    "or let a colleague or a CI job with one of them build and push the image; "
    "`opsctl up --image URI` uses what they pushed."
)


class NoEngine(Problem):
    """Neither Docker nor Podman is installed."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint, code=ErrorCode.ENGINE_MISSING)


class EngineSilent(Problem):
    """An installed engine does not answer.

    Attributes
    ----------
    engine
        Its name: `docker`, `podman`, or that of the program which was asked for.
    """

    def __init__(self, what: str, hint: str = "", *, engine: str) -> None:
        super().__init__(what, hint, code=ErrorCode.ENGINE_FAILED)
        self.engine = engine


@dataclass(frozen=True)
class Engine:
    """A container engine that answers.

    Attributes
    ----------
    command
        The program's path.
    name
        The engine's kind, which the program's name does not tell: `docker` may be a link to Podman.
    version
        The version; of Docker the daemon's.
    environment
        The environment that the program runs in.
    """

    command: str
    name: Literal["docker", "podman"]
    version: str
    environment: Mapping[str, str] = field(repr=False, compare=False)

    def ask(self, *arguments: str, stdin: str | None = None, environment: Mapping[str, str] | None = None) -> str:
        """Run a command to its end and return its standard output.

        Parameters
        ----------
        stdin
            The standard input. Secrets go here, because arguments show in the list of processes.
        environment
            Added to the engine's own.

        Raises
        ------
        Problem
            When the command fails: with its last line.
        """
        done = subprocess.run(
            [self.command, *arguments],
            env={**self.environment, **(environment or {})},
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            raise self._failure(arguments[0], done.stderr)
        return done.stdout

    def follow(
        self, *arguments: str, on_line: Callable[[str], None], environment: Mapping[str, str] | None = None
    ) -> None:
        """Run a long command, and pass each line of its output on as it comes.

        Raises
        ------
        Problem
            When the command fails: with its last line.
        Interrupted
            After Ctrl-C, once the engine has stopped.
        """
        process = subprocess.Popen(
            [self.command, *arguments],
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C reaches only opsctl, which passes it on and waits.
            start_new_session=True,
        )
        last_lines: list[str] = []
        try:
            for line in cast("IO[str]", process.stdout):
                last_lines = [*last_lines[-20:], line]
                on_line(line.rstrip())
            code = process.wait()
        except KeyboardInterrupt as error:
            _stop(process)
            raise Interrupted(f"Stopped: {self.name} {arguments[0]} was ended.") from error
        finally:
            if process.poll() is None:
                _stop(process)
        if code != 0:
            raise self._failure(arguments[0], "".join(last_lines))

    def _failure(self, verb: str, output: str) -> Problem:
        return Problem(f"{self.name} {verb} failed: {final_output(output)}", code=ErrorCode.ENGINE_FAILED)


def find_engine(
    environment: Mapping[str, str], *, name: str | None = None, timeout_seconds: float = _ANSWER_SECONDS
) -> Engine:
    """The engine `name`, else the one that `OPSCTL_ENGINE` names, else Docker or Podman, whichever answers first.

    Parameters
    ----------
    name
        `docker`, `podman` or a path; `OPSCTL_ENGINE` takes the same.
    timeout_seconds
        How long an engine may take for each of two questions.

    Raises
    ------
    EngineSilent
        When an engine is installed and does not answer.
    NoEngine
        When neither Docker nor Podman is installed.
    Problem
        When the named engine is not installed.
    """
    requested = name or environment.get(VARIABLE, "")
    problems: list[Problem] = []
    for candidate in (requested,) if requested else _NAMES:
        command = _program(candidate, environment)
        if command is None:
            continue
        try:
            return _probe(command, environment, timeout_seconds)
        except Problem as problem:
            problems.append(problem)
    if problems:
        raise problems[0]
    if requested:
        if name in _NAMES:
            what = _with_reasons(f"This needs {name}, which is not on the PATH.", (name,), environment)
            raise Problem(what, _ELSEWHERE, code=ErrorCode.ENGINE_MISSING)
        named_by = "--engine" if name else VARIABLE
        raise Problem(
            f"{named_by} names {requested}, which is no program here.",
            "Name docker, podman or a path.",
            code=ErrorCode.ENGINE_MISSING,
        )
    what = "This needs a container engine, and neither Docker nor Podman is on the PATH."
    raise NoEngine(_with_reasons(what, _NAMES, environment), _ELSEWHERE)


def _program(candidate: str, environment: Mapping[str, str]) -> str | None:
    """The path of an engine by its name on the PATH, or by a path that the user has named."""
    if os.sep not in candidate:
        return find_program(candidate, environment)
    command = shutil.which(user_path(candidate))
    return str(Path(command).absolute()) if command is not None else None


def _with_reasons(what: str, names: Sequence[str], environment: Mapping[str, str]) -> str:
    return " ".join(filter(None, (what, *(why_not_found(name, environment) for name in names))))


def _probe(command: str, environment: Mapping[str, str], timeout_seconds: float) -> Engine:
    def output(*arguments: str, engine: str) -> str:
        return _output(command, *arguments, environment=environment, engine=engine, timeout_seconds=timeout_seconds)

    # Debian's podman-docker and many an alias call Podman `docker`. As a link of that name it says `docker version`;
    # Docker itself says `Docker version`.
    banner = output("--version", engine=Path(command).name)
    is_podman = "podman" in banner or banner.startswith("docker version")
    name: Literal["docker", "podman"] = "podman" if is_podman else "docker"
    question = ("info", "--format", "{{.Version.Version}}") if is_podman else ("version", "--format", _DOCKER_VERSION)
    version = harmless(output(*question, engine=name)).strip()
    if not _VERSION.fullmatch(version):
        said = f"says {version[:_QUOTED]!r}" if version else "says nothing"
        raise EngineSilent(
            f"{command} does not tell its version: it {said}. Is it {name.capitalize()}?",
            f"Mend it, or name another with {VARIABLE}.",
            engine=name,
        )
    return Engine(command, name, version, dict(environment))


def _output(command: str, *arguments: str, environment: Mapping[str, str], engine: str, timeout_seconds: float) -> str:
    try:
        reply = ask_program([command, *arguments], environment=environment, timeout_seconds=timeout_seconds)
    except subprocess.TimeoutExpired:
        what = f"{command} has not answered within {timeout_seconds:g} s."
        raise EngineSilent(what, "Restart it.", engine=engine) from None
    except OSError as error:
        raise EngineSilent(f"{command} cannot be run ({error.strerror}).", _ELSEWHERE, engine=engine) from error
    if reply.code != 0:
        raise EngineSilent(*_explained(command, reply.errors), engine=engine)
    return reply.output


def _explained(command: str, errors: str) -> tuple[str, str]:
    """Why an installed engine does not answer, and the hint. Engines have no error codes for it, only messages."""
    message = errors.lower()
    is_about_docker = "docker daemon" in message or "docker api" in message
    if "permission denied" in message and ("docker.sock" in message or is_about_docker):
        return (
            "Docker is installed, but you may not use it: no permission on its socket.",
            "Join its group (sudo usermod -aG docker $USER) and log in again, or install Podman, which needs no right.",
        )
    if is_about_docker or "docker_engine" in message:
        return (
            "Docker is installed, but its daemon does not answer.",
            "Start Docker Desktop, or on Linux: sudo systemctl start docker",
        )
    if "cannot connect to podman" in message or "podman machine" in message:
        return "Podman is installed, but its machine does not run.", "Start it: podman machine start"
    return f"{command} does not answer: {final_output(errors)}", f"Mend it, or name another with {VARIABLE}."


def _stop(process: subprocess.Popen[str]) -> None:
    """Interrupt the process, and kill it if it does not end. A killed build or push leaves nothing under a tag."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def final_output(output: str) -> str:
    """The last line that is not empty, as the end of a sentence."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " ".join((lines or ["it said nothing"])[-1].removeprefix("Error: ").split())[:400].rstrip(".") + "."
