"""`up --local --engine`: check that the engine has the image and can run it as a job, before anything is created."""

from __future__ import annotations

import socket
import subprocess

from opsctl.core.errors import ErrorCode, Problem
from opsctl.engine import Engine, final_output
from opsctl.local.control import Containers
from opsctl.local.jobs.container import CONFINED, PIDS_LIMIT, limit_arguments

#: Runs in the container. It prints whether the container reaches this machine's 127.0.0.1, and its limits of memory and
#: of processes (control groups version 2, then 1).
_PROGRAM = """
import socket, sys
def limit(*names):
    for path in names:
        try:
            with open("/sys/fs/cgroup/" + path) as file:
                return file.read().strip()
        except OSError:
            pass
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10).close()
    memory = limit("memory.max", "memory/memory.limit_in_bytes")
    print("reached", memory, limit("pids.max", "pids/pids.max"))
except OSError as error:
    print("unreached", error)
sys.exit(int(sys.argv[2]))
"""
_EXIT_CODE = 75
_MEMORY_MIB = 512
_REQUIREMENTS = ({"type": "MEMORY", "value": str(_MEMORY_MIB)}, {"type": "VCPU", "value": "1"})
#: The limits to try. Rootless Podman without delegated control groups can set none.
_LIMITS = (("memory", "cpu", "pids"), ("memory", "pids"), ("memory",), ())


def try_engine(engine: Engine, image: str) -> Containers:
    """Run the image once as jobs will run, and find out which limits the engine can set.

    Parameters
    ----------
    image
        Its name in the engine's store: nothing is pulled.

    Returns
    -------
    Containers
        The settings for the local platform's server.

    Raises
    ------
    Problem
        When the store has no such image, the image is not opsctl's, or a container cannot reach the local platform.
    """
    try:
        engine.ask("image", "inspect", "--format", "{{.Id}}", image)
    except Problem as problem:
        raise Problem(
            f"{engine.name} has no image {image} on this machine.",
            f"Make it (`opsctl image build`), or fetch it ({engine.name} pull {image}).",
            code=ErrorCode.IMAGE_NOT_FOUND,
        ) from problem
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        limits, code, answer = _run_program(engine, image, port)
    if code != _EXIT_CODE:
        # Docker's client with Podman 4.3's socket always returns 0, whatever the container's exit code.
        raise Problem(
            f"{engine.name} does not pass on how a container ended: every job would seem to succeed.",
            "If Podman stands behind it, name Podman itself: `--engine podman`.",
            code=ErrorCode.ENGINE_FAILED,
        )
    if answer[:1] != ["reached"]:
        raise Problem(
            f"A container of {engine.name} does not reach this machine's own addresses: {' '.join(answer[1:])}.",
            "On a Mac, switch on host networking in Docker Desktop's settings. An engine elsewhere will not do.",
            code=ErrorCode.ENGINE_FAILED,
        )
    # Docker only warns when the kernel cannot limit something, so the container itself says its limits.
    asked = {"memory": str(_MEMORY_MIB * 1024**2), "pids": str(PIDS_LIMIT)}
    unlimited = {name for (name, limit), said in zip(asked.items(), answer[1:], strict=True) if said != limit}
    limits = tuple(name for name in limits if name not in unlimited)
    return Containers(engine.name, engine.command, limits)


def _run_program(engine: Engine, image: str, port: int) -> tuple[tuple[str, ...], int, list[str]]:
    """Run the program under the first limits that the engine accepts; returns them, the exit code and the output."""
    refusal = ""
    for limits in _LIMITS:
        options = [
            *CONFINED,
            *limit_arguments(_REQUIREMENTS, limits),
            "--entrypoint",
            "/opt/opsctl/python",
        ]
        done = subprocess.run(
            [engine.command, "run", *options, image, "-S", "-B", "-c", _PROGRAM, str(port), str(_EXIT_CODE)],
            env=dict(engine.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if answer := done.stdout.split():
            return limits, done.returncode, answer
        refusal = refusal or final_output(done.stderr)
    raise Problem(
        f"{engine.name} cannot run {image} as a job's container: {refusal}",
        "Is it an image of opsctl's jobs? `opsctl image build` makes one.",
        code=ErrorCode.ENGINE_FAILED,
    )
