"""`image build` with a real engine: the image, its base, and Ctrl-C."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.engine_world import BASE, EngineWorld, opsctl

from opsctl.assets import container_dir
from opsctl.commands.image.base_image import base_of
from opsctl.commands.platform.image import source_of

pytestmark = pytest.mark.e2e


def inspected(world: EngineWorld, image: str) -> Any:
    return json.loads(world.podman("image", "inspect", image))[0]


def test_the_image_says_what_it_was_made_from(engine_world: EngineWorld, built: str) -> None:
    details, base = inspected(engine_world, built), inspected(engine_world, BASE)
    labels = details["Labels"]
    assert labels["opsctl.source"] == source_of(container_dir())
    assert labels["org.opencontainers.image.version"]
    assert labels["org.opencontainers.image.base.name"] == BASE
    assert labels["org.opencontainers.image.base.digest"] == base["Digest"]
    assert (details["Architecture"], details["Os"]) == ("amd64", "linux")


def test_the_base_is_taken_by_its_digest(engine_world: EngineWorld, built: str) -> None:
    digest = inspected(engine_world, BASE)["Digest"]
    result = opsctl(engine_world.environment, "image", "build", "--base", BASE, "--tag", "built-once")
    assert f"FROM {BASE.rpartition(':')[0]}@{digest}" in result.stderr


def test_built_again_it_is_the_same_image(engine_world: EngineWorld, built: str) -> None:
    before = inspected(engine_world, built)["Id"]
    result = opsctl(engine_world.environment, "image", "build", "--base", BASE, "--tag", "built-once", "--json")
    assert result.returncode == 0, result.stderr
    status = json.loads(result.stdout)
    assert status["image_id"] == before == inspected(engine_world, built)["Id"]
    assert status["base_digest"].startswith("sha256:")


def test_the_runner_is_what_a_job_starts(engine_world: EngineWorld, built: str) -> None:
    done = subprocess.run(
        ["podman", "run", "--rm", built], env=engine_world.environment, capture_output=True, text=True, check=False
    )
    # Without a job's environment it refuses in its own words, and not as a Python that lacks a module.
    assert done.returncode != 0
    assert "Traceback" not in done.stderr + done.stdout
    assert "OPSCTL" in done.stdout + done.stderr or "BATCH" in done.stdout + done.stderr


def test_a_build_that_fails_says_the_engines_last_words(engine_world: EngineWorld) -> None:
    result = opsctl(
        *(engine_world.environment, "image", "build", "--base", BASE, "--tag", "broken"),
        *("--", "--build-arg", "PYTHON=python9"),
    )
    assert result.returncode == 1
    assert "python9: not found" in result.stderr
    assert "podman build failed" in result.stderr
    assert "opsctl-m2g:broken" not in engine_world.podman("images", "--format", "{{.Repository}}:{{.Tag}}")


def test_a_base_that_is_nowhere_is_named(engine_world: EngineWorld) -> None:
    result = opsctl(engine_world.environment, "image", "build", "--base", "localhost/nothing:1")
    assert (result.returncode, result.stdout) == (1, "")
    assert "There is no image localhost/nothing:1 on this machine." in result.stderr


def test_ctrl_c_ends_the_build_and_leaves_nothing_under_the_tag(engine_world: EngineWorld, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN echo asleep; sleep 300\n")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "opsctl", "image", "build", "--base", BASE, "--tag", "stopped"),
            *("--", "--file", str(tmp_path / "Dockerfile")),
        ],
        env={**engine_world.environment, "OPSCTL_CONFIG": os.devnull},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    heard = ""
    while "asleep\n" not in heard.replace("echo asleep; sleep 300\n", ""):
        line = process.stderr.readline()
        assert line, heard
        heard += line
    process.send_signal(signal.SIGINT)
    output = process.stderr.read()
    assert process.wait(60) == 130
    assert "Stopped" in output
    assert "opsctl-m2g:stopped" not in engine_world.podman("images", "--format", "{{.Repository}}:{{.Tag}}")


def test_the_base_is_named_in_one_place() -> None:
    folder = container_dir()
    assert base_of(folder).startswith("docker.io/neurodata/m2g")
    lines = [line for line in (folder / "Dockerfile").read_text().splitlines() if "neurodata/m2g" in line]
    assert len([line for line in lines if not line.startswith("#")]) == 1


def test_the_source_changes_with_what_goes_into_the_image_and_nothing_else(tmp_path: Path) -> None:
    copy = tmp_path / "container"
    shutil.copytree(container_dir(), copy)
    assert source_of(copy) == source_of(container_dir())
    (copy / "m2g_job" / "__pycache__" / "x.pyc").parent.mkdir(exist_ok=True)
    (copy / "m2g_job" / "__pycache__" / "x.pyc").write_text("compiled")
    assert source_of(copy) == source_of(container_dir())
    for name in ("Dockerfile", "requirements.txt", "m2g_job/job.py"):
        before = source_of(copy)
        with (copy / name).open("a") as file:
            file.write("\n# another\n")
        assert source_of(copy) != before
