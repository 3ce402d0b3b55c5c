"""What an engine is really told when a job starts, by a program in the engine's place that writes it down."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.started_attempts import attempt, rights

from opsctl.local.control import Containers, Files
from opsctl.local.jobs.attempts import attempt_starter

IMAGE = "opsctl-m2g:1"
ENGINE = f"""#!{sys.executable}
import json, os, sys
arguments = sys.argv[1:]
files = [after for word, after in zip(arguments, arguments[1:]) if word == "--env-file"]
call = {{
    "arguments": arguments,
    "variables": [open(file).read().splitlines() for file in files],
    "modes": [os.stat(file).st_mode & 0o777 for file in files],
}}
with open(os.path.join(os.path.dirname(__file__), "calls"), "a") as calls:
    calls.write(json.dumps(call) + "\\n")
"""
#: Every option that a job's container may get, with the number of its values. Any other one is a hole until it was
#: looked at: `--privileged`, `--device`, `--mount`, `--cap-add`, `--pid`, `--ipc`, `--env` …
ALLOWED = {
    "--rm": 0,
    **dict.fromkeys(
        (
            "--name", "--label", "--pull", "--network", "--log-driver", "--cap-drop", "--security-opt", "--pids-limit",
            "--user", "--memory", "--memory-swap", "--cpu-shares", "--env-file",
        ),
        1,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Started:
    """The engine's `run` of one job: its options, what follows them, and the variables that the container gets."""

    options: dict[str, list[str]]
    image: str
    command: list[str]
    variables: list[str]
    mode: int


def start(tmp_path: Path, *, limits: tuple[str, ...] = ("memory", "cpu"), **container: Any) -> Started:
    """Start a job of a definition as the server does, and read what its engine was told."""
    engine = tmp_path / "engine"
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    files = Files(tmp_path / "home")
    files.jobs.mkdir(parents=True)
    starter = attempt_starter(
        files,
        endpoint_url="http://127.0.0.1:1",
        rights=rights(),
        stop_grace_seconds=30.0,
        containers=Containers("podman", str(engine), limits),
    )
    properties = {
        "image": IMAGE,
        "command": ["--privileged", "sub-0025427"],
        "environment": [{"name": "OPSCTL_RUN_URI", "value": "s3://data/opsctl/runs/R"}],
        "resourceRequirements": [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "15200"}],
        **container,
    }
    job, first = attempt(properties)
    outcome = starter(job, first, None).wait()
    assert outcome.exit_code == 0
    (call,) = [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]
    verb, *words = call["arguments"]
    assert verb == "run"
    options: dict[str, list[str]] = {}
    while words[0].startswith("-"):
        option = words.pop(0)
        assert option in ALLOWED, option
        values = options.setdefault(option, [])
        values += [words.pop(0) for _ in range(ALLOWED[option])]
    return Started(options, words[0], words[1:], call["variables"][0], call["modes"][0])


def test_a_job_has_no_rights_and_cannot_gain_any(tmp_path: Path) -> None:
    options = start(tmp_path).options
    # All that engines give but DAC_OVERRIDE, without which root may not write to `/` in Podman's containers.
    assert {"CHOWN", "FOWNER", "MKNOD", "NET_RAW", "SETUID", "SYS_CHROOT"} < set(options["--cap-drop"])
    assert "DAC_OVERRIDE" not in options["--cap-drop"]
    assert options["--security-opt"] == ["no-new-privileges"]
    # The image's user, as on AWS.
    assert "--user" not in options


def test_a_job_sees_and_changes_nothing_of_this_machine(tmp_path: Path) -> None:
    options = start(tmp_path).options
    # Its files are in its own layer, which goes with the container.
    assert not {"--volume", "--mount"} & set(options)
    assert "--rm" in options
    # The engine's own log would keep the lines, which name subjects; and no image comes from anywhere else.
    assert (options["--log-driver"], options["--pull"]) == (["none"], ["never"])


def test_a_jobs_own_words_are_no_options_of_the_engine(tmp_path: Path) -> None:
    started = start(tmp_path)
    assert (started.image, started.command) == (IMAGE, ["--privileged", "sub-0025427"])


@pytest.mark.parametrize(
    ("limits", "limited"),
    [(("memory", "cpu"), {"--memory", "--memory-swap", "--cpu-shares"}), ((), set())],
)
def test_a_job_gets_its_memory_and_no_swap(tmp_path: Path, limits: tuple[str, ...], limited: set[str]) -> None:
    options = start(tmp_path, limits=limits).options
    assert {"--memory", "--memory-swap", "--cpu-shares"} & set(options) == limited
    # The engine counts swap with the memory: equal values leave none.
    assert options.get("--memory-swap") == options.get("--memory")


def test_variables_reach_the_container_alone(tmp_path: Path) -> None:
    started = start(tmp_path)
    values = dict(line.split("=", 1) for line in started.variables)
    assert values["OPSCTL_RUN_URI"] == "s3://data/opsctl/runs/R"
    assert values["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert started.mode == 0o600
    # Every user of this machine can read a program's arguments.
    words = [word for option in started.options.values() for word in option]
    assert not [word for word in words if "=" in word and word.partition("=")[0] in values]


def test_a_definition_cannot_send_a_job_elsewhere(tmp_path: Path) -> None:
    # The last value of a name counts for Docker and Podman.
    elsewhere = [{"name": name, "value": "elsewhere"} for name in ("AWS_ENDPOINT_URL", "AWS_CONFIG_FILE")]
    values = dict(line.split("=", 1) for line in start(tmp_path, environment=elsewhere).variables)
    assert (values["AWS_ENDPOINT_URL"], values["AWS_CONFIG_FILE"]) == ("http://127.0.0.1:1", os.devnull)
