"""What `up --local --engine` makes sure of before anything is made: the image is there, and runs as a job's will."""

from __future__ import annotations

import socket
import subprocess

from opsctl.core.errors import Problem
from opsctl.engine import Engine, final_output
from opsctl.local.control import Containers
from opsctl.local.jobs.container import CONFINED, USER, limit_words

#: Said inside the container: the limit that holds there (version 2 of control groups, then 1), and whether this
#: machine's own address leads here.
_PROGRAM = """
import socket, sys
def limit():
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path) as file:
                return file.read().strip()
        except OSError:
            pass
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10).close()
    print("reached", limit())
except OSError as error:
    print("unreached", error)
sys.exit(int(sys.argv[2]))
"""
_CODE = 75
_TRIAL_MIB = 512
_TRIAL = ({"type": "MEMORY", "value": str(_TRIAL_MIB)}, {"type": "VCPU", "value": "1"})
#: From what every engine can to what rootless Podman without delegated control groups is left with.
_LIMITS = (("memory", "cpu"), ("memory",), ())


def try_engine(engine: Engine, image: str) -> Containers:
    """Run the image once as jobs will run, and see what the engine can limit here.

    Parameters
    ----------
    engine
        One that answers.
    image
        What the engine's own store calls it: nothing is pulled.

    Returns
    -------
    Containers
        For the local platform's server.

    Raises
    ------
    Problem
        When the store has no such image, it is none of opsctl's, or a container cannot reach the local platform.
    """
    try:
        engine.ask("image", "inspect", "--format", "{{.Id}}", image)
    except Problem as problem:
        raise Problem(
            f"{engine.name} has no image {image} on this machine.",
            f"Make it (`opsctl image build`), or fetch it ({engine.name} pull {image}).",
        ) from problem
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        limits, code, said = _try(engine, image, port)
    if code != _CODE:
        # Docker's client before Podman's socket (4.3) gives 0, whatever the container ended with.
        raise Problem(
            f"{engine.name} does not pass on how a container ended: every job would seem to succeed.",
            "If Podman stands behind it, name Podman itself: `--engine podman`.",
        )
    if said[:1] != ["reached"]:
        raise Problem(
            f"A container of {engine.name} does not reach this machine's own addresses: {' '.join(said[1:])}.",
            "On a Mac, switch on host networking in Docker Desktop's settings. An engine elsewhere will not do.",
        )
    # Docker warns and goes on where the kernel cannot limit memory: only the container itself knows.
    if said[1:] != [str(_TRIAL_MIB * 1024**2)]:
        limits = tuple(name for name in limits if name != "memory")
    return Containers(engine.name, engine.command, limits)


def _try(engine: Engine, image: str, port: int) -> tuple[tuple[str, ...], int, list[str]]:
    refusal = ""
    for limits in _LIMITS:
        words = [*CONFINED, "--user", USER, *limit_words(_TRIAL, limits), "--entrypoint", "/opt/opsctl/python"]
        done = subprocess.run(
            [engine.command, "run", *words, image, "-S", "-B", "-c", _PROGRAM, str(port), str(_CODE)],
            env=dict(engine.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if said := done.stdout.split():
            return limits, done.returncode, said
        refusal = refusal or final_output(done.stderr)
    raise Problem(
        f"{engine.name} cannot run {image} as a job's container: {refusal}",
        "Is it an image of opsctl's jobs? `opsctl image build` makes one.",
    )
