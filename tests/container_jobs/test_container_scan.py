"""The image built from the Dockerfile, run by the local platform on a scan in its S3, as a job on AWS is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from contained import Contained
from support.engine_world import BUILT
from support.job_world import ATLAS, BUCKET, OUTPUT, RUN, World
from support.local_servers import client
from support.waiting import until


@pytest.fixture(scope="module")
def world(contained: Contained, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A scan on the platform's S3."""
    s3 = SimpleNamespace(client=client(contained.server, "s3"), holds=[], credentials={})
    return World(s3, tmp_path_factory.mktemp("scan"))  # type: ignore[arg-type]


def submit(contained: Contained, *, image: str = BUILT, fake_m2g: str = "succeed") -> str:
    """Submit the scan as `opsctl run` does: the image's own entrypoint, no command."""
    variables = {
        "OPSCTL_RUN_URI": f"s3://{BUCKET}/{RUN}",
        "OPSCTL_SCAN_OFFSET": "0",
        "FAKE_M2G": fake_m2g,
    }
    environment = [{"name": name, "value": value} for name, value in variables.items()]
    return contained.submit_defined("", properties={"image": image, "environment": environment})


def by_digest(contained: Contained) -> str:
    """The image as a job definition on AWS names it."""
    digest = contained.world.podman("image", "inspect", "--format", "{{.Digest}}", BUILT)
    return f"{BUILT.rpartition(':')[0]}@{digest}"


def test_a_terminated_scan_tells_why_and_leaves_nothing(contained: Contained, world: World) -> None:
    job_id = submit(contained, fake_m2g="hang")
    until(lambda: any("hanging with child" in line for line in contained.lines(job_id)), seconds=60)
    contained.batch.terminate_job(jobId=job_id, reason="cancelled by a test")
    # m2g ends at once, and the runner then; it would be killed after 20 s.
    job = contained.wait(job_id, seconds=15)
    assert (job["container"]["exitCode"], job["statusReason"]) == (143, "cancelled by a test")
    record = world.attempt(job_id)
    assert record["exit_code"] == 143
    assert record["cause"].startswith("stopped by SIGTERM")
    assert contained.names() == []
    contained.wait_for_no_volumes()


def test_a_scan_goes_from_s3_to_s3(contained: Contained, world: World, tmp_path: Path) -> None:
    job_id = submit(contained, image=by_digest(contained))
    job = contained.wait(job_id, seconds=60)
    lines = contained.lines(job_id)
    assert job["status"] == "SUCCEEDED", lines
    result = world.result()
    assert (result["status"], result["exit_code"], result["job_id"]) == ("succeeded", 0, job_id)
    # The stream that the platform named is the one that the result names, and it holds m2g's lines and the runner's.
    assert result["log_stream"] == job["container"]["logStreamName"]
    assert "m2g is done" in lines
    assert any("exit code 0" in line for line in lines)
    connectome = f"connectomes_d/{ATLAS}/sub-0025427_ses-1_dwi_{ATLAS}_connectome.csv"
    assert f"{OUTPUT}/{connectome}" in world.keys(OUTPUT)
    assert {file["uri"].partition(f"{BUCKET}/")[2] for file in result["outputs"]["files"]} == set(world.keys(OUTPUT))
    assert contained.names() == []
    contained.wait_for_no_volumes()
