"""The same with Docker's own client: it speaks to Podman's socket, which answers as Docker's daemon does."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest
from contained import SHELL_IMAGE, Contained
from support.engine_world import BUILT, EngineWorld
from support.waiting import until
from test_container_jobs import HANGING

from opsctl.commands.platform.containers import try_engine
from opsctl.core.errors import Problem
from opsctl.engine import find_engine
from opsctl.local.control import Containers

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def docker_world(engine_world: EngineWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineWorld]:
    """Where `docker` finds a daemon."""
    if shutil.which("docker", path=engine_world.environment["PATH"]) is None:
        pytest.skip("docker's client is not installed")
    socket = tmp_path_factory.mktemp("socket") / "docker.sock"
    words = ["podman", "system", "service", "--time", "0", f"unix://{socket}"]
    with subprocess.Popen(words, env=engine_world.environment, stdin=subprocess.DEVNULL) as service:
        until(socket.exists)
        yield replace(engine_world, environment={**engine_world.environment, "DOCKER_HOST": f"unix://{socket}"})
        service.terminate()


@pytest.fixture(scope="module")
def with_docker(docker_world: EngineWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contained]:
    docker = find_engine(docker_world.environment, name="docker")
    assert docker.name == "docker"
    containers = Containers(docker.name, docker.command, ("memory", "cpu"))
    made = Contained(docker_world, containers, tmp_path_factory.mktemp("docker"), image=SHELL_IMAGE)
    yield made
    made.close()


def test_an_exit_code_comes_through_or_the_engine_is_refused(with_docker: Contained) -> None:
    job = with_docker.wait(with_docker.submit("exit 3"))
    if job["container"]["exitCode"] == 3:
        try_engine(find_engine(with_docker.world.environment, name="docker"), BUILT)
        return
    # Podman 4.3's socket loses it.
    with pytest.raises(Problem, match="does not pass on how a container ended"):
        try_engine(find_engine(with_docker.world.environment, name="docker"), BUILT)


def test_a_job_is_closed_in_and_leaves_nothing(with_docker: Contained) -> None:
    job_id = with_docker.submit("id -u; touch /x && echo writes; echo $HOME $OPSCTL_GREETING")
    with_docker.wait(job_id)
    assert with_docker.lines(job_id) == ["0", "writes", "/root defined"]
    assert with_docker.names() == []
    with_docker.wait_for_no_volumes()


def test_a_terminated_job_hears_it(with_docker: Contained) -> None:
    job_id = with_docker.submit(HANGING)
    until(lambda: with_docker.lines(job_id) == ["begun"])
    with_docker.batch.terminate_job(jobId=job_id, reason="enough")
    with_docker.wait(job_id, seconds=12)
    assert "asked" in with_docker.lines(job_id)
    assert with_docker.names() == []


def test_an_image_that_is_not_there_is_one_that_cannot_be_pulled(with_docker: Contained) -> None:
    job = with_docker.wait(with_docker.submit_defined("true", properties={"image": "localhost/none:1"}))
    assert job["attempts"][0]["container"]["reason"].startswith("CannotPullContainerError: docker: ")
