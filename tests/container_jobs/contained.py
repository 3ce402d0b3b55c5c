"""A local platform whose jobs are containers, with helpers for tests of it and of its engine."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path
from typing import Any

import pytest
from support.engine_world import EngineWorld, built_once
from support.local_servers import GROUP, Platform, alive, kill
from support.waiting import until

from opsctl.core.errors import Problem
from opsctl.local import control
from opsctl.local.control import Containers
from opsctl.local.jobs.container import label_of

SHELL_IMAGE = "localhost/opsctl-shell:1"
LAB_IMAGE = "localhost/opsctl-lab:1"


def shell_image(world: EngineWorld) -> str:
    """Build, once a session, the jobs' image with a shell as its entrypoint; returns its name."""
    return _derived(world, SHELL_IMAGE, built_once(world))


def lab_image(world: EngineWorld) -> str:
    """The same as a laboratory may make it: with a user of its own; returns its name."""
    return _derived(world, LAB_IMAGE, built_once(world), "USER 1000:1000")


def _derived(world: EngineWorld, name: str, base: str, *instructions: str) -> str:
    file = world.folder / name.replace("/", "-")
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            file.mkdir()
            lines = [f"FROM {base}", *instructions, 'ENTRYPOINT ["/bin/sh", "-c"]']
            (file / "Dockerfile").write_text("\n".join(lines) + "\n")
            world.podman("build", "--network", "host", "--tag", name, str(file))
    return name


class Contained(Platform):
    """A server, its queue, and jobs of one image."""

    def __init__(
        self, world: EngineWorld, containers: Containers, home: Path, *, image: str, grace_seconds: float = 20.0
    ) -> None:
        self.world, self.containers, self.image = world, containers, image
        self._grace_seconds = grace_seconds
        super().__init__(home, self.begin(home))

    def begin(self, home: Path) -> control.LocalServer:
        """Start the server in the engine's environment."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.world.environment.items():
                patch.setenv(name, value)
            return control.start(
                home, slots=2, stop_grace_seconds=self._grace_seconds, containers=self.containers
            )  # fmt: skip

    def define(self, script: str = "true", *, group: str = GROUP, **more: Any) -> str:
        """Register a job definition that runs a script; `properties` are further properties of its container."""
        properties = {
            "image": self.image,
            "command": [script] if script else [],
            "resourceRequirements": [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "15200"}],
            "environment": [{"name": "OPSCTL_GREETING", "value": "defined"}],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": group, "awslogs-stream-prefix": "csa"},
            },
            "jobRoleArn": self.job_role,
            **more.pop("properties", {}),
        }
        self._number += 1
        return self.batch.register_job_definition(
            jobDefinitionName=f"d{self._number}", type="container", containerProperties=properties, **more
        )["jobDefinitionArn"]

    def submit_defined(self, script: str, *, size: int | None = None, **more: Any) -> str:
        """Submit a script with further properties in its definition; returns the job's id."""
        array = {"arrayProperties": {"size": size}} if size else {}
        definition = self.define(script, **more)
        return self.batch.submit_job(jobName="job", jobQueue="q", jobDefinition=definition, **array)["jobId"]

    def names(self, *arguments: str) -> list[str]:
        """The names of this platform's containers, in any state."""
        output = self.world.podman("ps", "--all", "--format", "json", *arguments)
        label = {"org.opsctl.home": label_of(self.home)}
        containers = [
            each for each in json.loads(output or "[]") if label.items() <= (each.get("Labels") or {}).items()
        ]
        return [name for container in containers for name in container["Names"]]

    def wait_for_no_volumes(self) -> None:
        """Wait until no volume is left that no container uses.

        Other workers' containers share this storage, and the engine removes a container's volumes after the container:
        a list of all volumes, read once, may name others' or ones that are about to go.
        """
        until(lambda: not self.world.podman("volume", "ls", "--quiet", "--filter", "dangling=true"), seconds=20)

    def close(self) -> None:
        """Stop the server, and check that it left no container."""
        running = control.find(self.home)
        try:
            control.stop(self.home, timeout_seconds=40)
        except Problem:
            if running is not None:
                kill(running)
        until(lambda: not self.names(), seconds=20)
        assert running is None or not alive(running.pid)
