"""What an engine is told of a job, without one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from opsctl.core.errors import Problem
from opsctl.local.control import Containers, LocalServer, refuse_other_engine
from opsctl.local.jobs.container import CONFINED, label_of, limit_arguments

NEEDS = [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "15200"}, {"type": "GPU", "value": "1"}]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
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
    mounts = [after for word, after in pairwise(words) if word in ("--volume", "--mount")]
    assert mounts == ["/tmp", "/input", "/output"]
    assert "--privileged" not in words


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
    running = LocalServer(1, 2, "", "", Containers(now, "/bin/x") if now else None)
    if what is None:
        refuse_other_engine(running, wanted)
        return
    with pytest.raises(Problem) as caught:
        refuse_other_engine(running, wanted)
    assert caught.value.what == what
    assert "opsctl down" in caught.value.hint
    assert f"--engine {wanted or 'default'}" in caught.value.hint
