"""What an engine is told of a job, without one."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from support.repository import ROOT

from opsctl.core.errors import Problem
from opsctl.local.control import Containers, LocalServer, refuse_other_engine
from opsctl.local.jobs.container import CONFINED, label_of, limit_arguments, user_arguments

NEEDS = [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "15200"}, {"type": "GPU", "value": "1"}]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (
            ("pids", "memory", "cpu"),
            ["--pids-limit", "4096", "--cpu-shares", "2048", "--memory", "15200m", "--memory-swap", "15200m"],
        ),
        (("memory", "cpu"), ["--cpu-shares", "2048", "--memory", "15200m", "--memory-swap", "15200m"]),
        (("memory",), ["--memory", "15200m", "--memory-swap", "15200m"]),
        (("cpu",), ["--cpu-shares", "2048"]),
        ((), []),
    ],
)
def test_limits_are_those_of_the_job_where_the_engine_has_them(limits: tuple[str, ...], words: list[str]) -> None:
    assert list(limit_arguments(NEEDS, limits)) == words


def test_a_fraction_of_a_cpu_is_a_share() -> None:
    assert list(limit_arguments([{"type": "VCPU", "value": "0.25"}], ("cpu",))) == ["--cpu-shares", "256"]


def test_nothing_is_pulled_and_nothing_of_this_machine_is_mounted() -> None:
    words = list(CONFINED)
    assert words[words.index("--pull") + 1] == "never"
    assert words[words.index("--log-driver") + 1] == "none"
    assert not {"--volume", "--mount", "--tmpfs", "--privileged"} & set(words)


def test_a_container_is_set_up_as_on_aws() -> None:
    """The job definition on AWS leaves user, root file system, volumes and home to the image; so does the engine."""
    definition = (ROOT / "terraform" / "modules" / "batch" / "job_definition.tf").read_text()
    properties = "\n".join(line.partition("#")[0] for line in definition.splitlines())
    on_aws = {
        name
        for name in ("user", "readonlyRootFilesystem", "volumes", "mountPoints", "linuxParameters")
        if re.search(rf"\b{name}\s*=", properties)
    }
    assert (on_aws, re.search(r"privileged\s*=\s*(\w+)", properties)[1]) == (set(), "false")
    assert "HOME" not in re.findall(r'name\s*=\s*"(\w+)"', properties)
    assert user_arguments({"image": "m2g"}) == ()
    given_by_the_image = {"--user", "--read-only", "--workdir", "--env", "--entrypoint", "--userns"}
    assert not given_by_the_image & {word.partition("=")[0] for word in CONFINED}


def test_a_job_definitions_user_is_the_containers() -> None:
    assert user_arguments({"user": "1001:100"}) == ("--user", "1001:100")


def test_a_container_keeps_one_capability_and_gains_none() -> None:
    assert ("--security-opt", "no-new-privileges") in list(pairwise(CONFINED))
    # Podman would give an added one to every user, root or not.
    assert "--cap-add" not in CONFINED


def test_two_homes_have_two_labels_which_tell_nothing_of_them() -> None:
    labels = {label_of(Path("/home/anna")), label_of(Path("/home/bert"))}
    assert len(labels) == 2
    assert not [label for label in labels if "anna" in label or "bert" in label]


@pytest.mark.parametrize(
    ("now", "wanted", "what"),
    [
        (None, "podman", "The local platform runs already, its jobs as processes."),
        ("podman", "docker", "The local platform runs already, its jobs in containers of podman."),
        ("podman", None, "The local platform runs already, its jobs in containers of podman."),
        ("podman", "podman", None),
        (None, None, None),
    ],
)
def test_a_server_keeps_its_engine(now: str | None, wanted: str | None, what: str | None) -> None:
    engine = Containers(now, "/bin/x") if now else None
    running = LocalServer(1, 2, "", "", home=Path("home"), token="t", containers=engine)
    if what is None:
        refuse_other_engine(running, wanted)
        return
    with pytest.raises(Problem) as caught:
        refuse_other_engine(running, wanted)
    assert caught.value.what == what
    assert "opsctl down" in caught.value.hint
    assert f"--engine {wanted or 'default'}" in caught.value.hint
