"""A Podman with storage, settings and registries of its own, shared by all tests of a session and by nothing else."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from opsctl.engine import Engine, find_engine
from support.base_image import VARIABLES, write_base

BASE = "localhost/m2g-stand-in:1"
BUILT = "localhost/opsctl-m2g:built-once"
#: Another m2g: with a user of its own, and without one of the programs of FSL.
OTHER_BASE = "localhost/m2g-stand-in:2"
OTHER_USER, LACKING = "lab", "eddy_correct"
_OTHER_DOCKERFILE = f"""
FROM {BASE}
RUN rm /usr/lib/fsl/5.0/{LACKING} && echo '{OTHER_USER}:x:1000:1000:{OTHER_USER}:/tmp:/bin/sh' >> /etc/passwd
USER {OTHER_USER}
"""

_RUNTIMES = ("crun", "runc")
# As root in a container: no limits to set, no network to make, nothing shared with the machine's own Podman.
_CONTAINERS = """
[containers]
default_ulimits = []
netns = "host"
cgroupns = "host"
log_driver = "k8s-file"
[engine]
runtime = "{runtime}"
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
tmp_dir = "{folder}/tmp"
image_copy_tmp_dir = "{folder}/copies"
[network]
network_config_dir = "{folder}/networks"
"""
_STORAGE = """
[storage]
driver = "{driver}"
runroot = "{folder}/run"
graphroot = "{folder}/graph"
"""
_REGISTRIES = """
[[registry]]
location = "{host}"
insecure = true
"""
_POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}'


def why_none() -> str | None:
    """Why no engine can be had here for tests, or None."""
    if shutil.which("podman") is None:
        return "no container engine: podman is not installed"
    if not any(shutil.which(one) for one in _RUNTIMES):
        return "no container engine: podman has no runtime (runc or crun)"
    if os.geteuid() != 0:
        return "no container engine: podman with storage of its own needs root here"
    return None


@dataclass(frozen=True)
class EngineWorld:
    """An engine for tests.

    Attributes
    ----------
    folder
        Everything that it keeps.
    environment
        What opsctl must run in to find it.
    """

    folder: Path
    environment: dict[str, str]

    @property
    def engine(self) -> Engine:
        return find_engine(self.environment)

    def podman(self, *words: str) -> str:
        """A command of its own; the test fails with its words."""
        done = subprocess.run(
            ["podman", *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"podman {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def with_registry(self, host: str, location: str, *, name: str) -> dict[str, str]:
        """The environment in which what is sent to a registry's host arrives at one on this machine: as its proxy."""
        file = self.folder / f"registries-{name}.conf"
        # Other test processes write the same, and their Podman may be reading it.
        part = self.folder / f"registries-{name}.{os.getpid()}.part"
        part.write_text(_REGISTRIES.format(host=host))
        part.replace(file)
        return {
            **self.environment,
            "CONTAINERS_REGISTRIES_CONF": str(file),
            "HTTP_PROXY": f"http://{location}",
            "NO_PROXY": "127.0.0.1,localhost",
        }


def new_world(folder: Path) -> EngineWorld:
    """A Podman that has nothing yet."""
    for part in ("tmp", "copies", "networks", "home/.config/containers"):
        (folder / part).mkdir(parents=True)
    runtime = next(one for one in _RUNTIMES if shutil.which(one))
    (folder / "containers.conf").write_text(_CONTAINERS.format(runtime=runtime, folder=folder))
    (folder / "registries.conf").write_text("")
    (folder / "home/.config/containers/policy.json").write_text(_POLICY)
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
    world = EngineWorld(
        folder,
        kept
        | {
            "HOME": str(folder / "home"),
            "OPSCTL_ENGINE": "podman",
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
        },
    )
    # vfs works everywhere, inside a container too, but copies the whole image for each container: two seconds of each.
    for driver in ("overlay", "vfs"):
        (folder / "storage.conf").write_text(_STORAGE.format(driver=driver, folder=folder))
        asked = subprocess.run(["podman", "info"], env=world.environment, capture_output=True, check=False)
        if asked.returncode == 0:
            break
        shutil.rmtree(folder / "graph", ignore_errors=True)
    return world


@contextmanager
def shared_world(session_folder: Path) -> Iterator[EngineWorld]:
    """The session's Podman with the base image in it, made by whichever test process comes first."""
    if reason := why_none():
        pytest.skip(reason)
    folder = session_folder / "engine-world"
    with _locked(session_folder / "engine-world.lock"):
        ready = folder / "ready"
        world = EngineWorld(folder, json.loads(ready.read_text())) if ready.exists() else new_world(folder)
        if not ready.exists():
            write_base(folder / "base.tar")
            changes = [word for name, value in VARIABLES.items() for word in ("--change", f"ENV {name}={value}")]
            world.podman("import", *changes, str(folder / "base.tar"), BASE)
            (folder / "base.tar").unlink()
            ready.write_text(json.dumps(world.environment))
    with (session_folder / "engine-world.users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield world
        with suppress(BlockingIOError):
            # The last of the session's processes: no mount of the engine's storage stays behind.
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _unmount(folder)


def _unmount(folder: Path) -> None:
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((one for one in mounts if one.startswith(f"{folder}/")), key=len, reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False)


def built_once(world: EngineWorld) -> str:
    """The image of container/ on the base, as `opsctl image build` makes it; gives its name."""
    with _locked(world.folder / "built.lock"):
        if not (world.folder / "built").exists():
            tag = BUILT.rpartition(":")[2]
            said = opsctl(world.environment, "image", "build", "--base", BASE, "--tag", tag)
            assert said.returncode == 0, said.stdout + said.stderr
            (world.folder / "built").touch()
    return BUILT


@dataclass(frozen=True)
class OtherImage:
    """The image of container/ on `OTHER_BASE`: its name, and what `opsctl image build` said."""

    name: str
    said: str


def built_on_other_base(world: EngineWorld) -> OtherImage:
    """The image that the session's tests share: each build takes 20 seconds of a processor."""
    said, tag = world.folder / "other-said", "on-another-base"
    with _locked(world.folder / "other-built.lock"):
        if not said.exists():
            context = world.folder / "other-base"
            context.mkdir()
            (context / "Dockerfile").write_text(_OTHER_DOCKERFILE)
            world.podman("build", "--network", "host", "--tag", OTHER_BASE, str(context))
            words = ("image", "build", "--base", OTHER_BASE, "--tag", tag, "--", "--build-arg", "PROGRAMS=optional")
            done = opsctl(world.environment, *words)
            assert done.returncode == 0, done.stdout + done.stderr
            said.write_text(done.stderr)
    return OtherImage(f"localhost/opsctl-m2g:{tag}", said.read_text())


def opsctl(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Type a command of this checkout's opsctl."""
    return subprocess.run(
        [sys.executable, "-m", "opsctl", *words],
        env={"OPSCTL_CONFIG": os.devnull, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def session_folder(factory: pytest.TempPathFactory) -> Path:
    """The folder that all processes of one test session share."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
