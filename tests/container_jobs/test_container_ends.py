"""Whatever becomes of the server, no container of its jobs stays."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from contained import SHELL_IMAGE, Contained
from support.engine_world import EngineWorld
from support.local_servers import alive, kill
from support.waiting import until

from opsctl.core.errors import Problem
from opsctl.local import control
from opsctl.local.control import Containers

#: It hears no SIGTERM: only what the engine kills is gone.
DEAF = "trap '' TERM; echo begun; while :; do sleep 0.1; done"


@pytest.fixture
def own(
    engine_world: EngineWorld, containers: Containers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Contained]:
    """A server of the test's own, with one job that runs and hears nothing."""
    made = Contained(
        engine_world, containers, tmp_path_factory.mktemp("own"), image=SHELL_IMAGE, grace_seconds=0.5
    )  # fmt: skip
    job_id = made.submit(DEAF)
    until(lambda: made.lines(job_id) == ["begun"])
    assert len(made.names()) == 1
    yield made
    made.close()


def supervisors(name: str) -> list[int]:
    """The programs that watch over a container of this name."""
    from test_container_jobs import processes

    return [pid for pid, words in processes() if "container_supervisor.py" in words and name in words]


def test_a_server_that_stops_takes_its_containers_with_it(own: Contained) -> None:
    control.stop(own.home, timeout_seconds=40)
    assert own.names() == []
    own.wait_for_no_volumes()


def test_a_server_killed_leaves_no_container(own: Contained) -> None:
    (name,) = own.names()
    (supervisor,) = supervisors(name)
    kill(own.server)
    # Without another server: what watches over the container hears of it by itself.
    until(lambda: not own.names(), seconds=20)
    until(lambda: not alive(supervisor), seconds=20)
    own.wait_for_no_volumes()


def test_what_is_left_when_all_was_killed_goes_with_the_next_start(own: Contained) -> None:
    (name,) = own.names()
    (supervisor,) = supervisors(name)
    os.kill(own.server.pid, signal.SIGSTOP)
    os.kill(supervisor, signal.SIGKILL)
    kill(own.server)
    assert own.names() == [name]
    again = own.begin(own.home)
    assert again.containers == own.containers
    assert own.names() == []
    own.wait_for_no_volumes()


def test_a_running_server_keeps_what_its_jobs_run_in(own: Contained) -> None:
    assert control.start(own.home) == control.find(own.home)
    assert control.start(own.home, containers=own.containers) == control.find(own.home)
    with pytest.raises(Problem) as caught:
        control.start(own.home, containers=Containers("docker", "/usr/bin/docker"))
    assert caught.value.what == "The local platform runs already, its jobs in containers of podman."
    assert "`opsctl down`" in caught.value.hint
    assert "--engine docker" in caught.value.hint
