"""m2g's image has Python 3.7 and boto3 1.33: the runner's imports, and a real scan. Ruff checks the syntax."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.job_python import find_python37
from support.job_world import CONTAINER, OUTPUT, World


def test_only_the_standard_library_and_boto3_are_imported() -> None:
    imported = set()
    for module in (CONTAINER / "m2g_job").glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module or "a relative import")
    allowed = sys.stdlib_module_names | {"boto3", "botocore", "s3transfer", "m2g_job"}
    assert {name.split(".")[0] for name in imported} <= allowed


@pytest.fixture(scope="session")
def image_python(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A Python (3.7 where there is one) and a folder with what requirements.txt pins, as in the image."""
    python, lib = find_python37() or sys.executable, tmp_path_factory.mktemp("boto3-1.33") / "lib"
    command = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
    ]
    command += ["--target", str(lib), "--requirement", str(CONTAINER / "requirements.txt")]
    subprocess.run(command, check=True, timeout=300)
    return python, lib


@pytest.mark.e2e
def test_a_scan_and_its_faults_with_the_images_python_and_boto3(world: World, image_python: tuple[str, Path]) -> None:
    python, lib = image_python
    version_and_path = subprocess.run(
        [python, "-S", "-c", "import boto3, s3transfer; print(boto3.__version__, boto3.__file__)"],
        env={"PYTHONPATH": str(lib)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert version_and_path.startswith(f"1.33.13 {lib}")
    options = {"python": (python, "-S", "-B"), "path": f"{CONTAINER}{os.pathsep}{lib}"}

    assert world.run(OPSCTL_FAKE_M2G="exit-1", **options)[0] == 1
    code, output = world.run("job-b", **options)

    assert code == 0, output
    assert "it was given back" in output, "conditional writes work without boto3's own parameter for them"
    result = world.result()
    assert (result["status"], result["job_id"]) == ("succeeded", "job-b")
    assert len(world.files()) == len(world.keys(OUTPUT + "/")) == 9
    puts = [request for request in world.s3.writes("job-b") if request.key.startswith(OUTPUT)]
    assert puts
    assert all("x-amz-checksum-sha256" in request.headers for request in puts)


@pytest.mark.e2e
def test_two_jobs_at_once_with_the_images_python_and_boto3(world: World, image_python: tuple[str, Path]) -> None:
    python, lib = image_python
    path = f"{CONTAINER}{os.pathsep}{lib}"
    both = world.s3.hold(lambda request: request.method == "PUT" and "/claims/" in request.key)
    jobs = [world.start(name, python=(python, "-S"), path=path) for name in ("job-a", "job-b")]
    both.wait(2)
    both.released.set()

    assert [job.wait() for job in jobs] == [0, 0]
    assert len({request.job for request in world.s3.writes() if request.key.startswith("HNU1/")}) == 1
