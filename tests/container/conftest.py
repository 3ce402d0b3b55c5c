"""Fixtures for the job runner: a real S3 over HTTP, a folder per job, a fake `m2g`, the runner as a real process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.job_s3 import LocalS3
from support.job_world import World


@pytest.fixture(scope="session")
def s3_server() -> Iterator[LocalS3]:
    with LocalS3() as server:
        yield server


@pytest.fixture
def s3(s3_server: LocalS3) -> Iterator[LocalS3]:
    """The S3 server, without objects, rules or records of an earlier test."""
    s3_server.reset()
    yield s3_server
    s3_server.reset()


@pytest.fixture
def world(s3: LocalS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A bucket with one dwi scan that is ready to run; its jobs are ended with the test."""
    for name, value in s3.credentials.items():
        monkeypatch.setenv(name, value)
    world = World(s3, tmp_path)
    yield world
    world.end_jobs()
