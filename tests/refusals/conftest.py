"""Platforms that count as AWS, without Terraform: one whose scans all wait, one whose scans have ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from aws_platform import AwsPlatform, aws_platform

from opsctl.commands.diagnosis.checks import Checks


@pytest.fixture(autouse=True)
def prices_of_this_month(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day on which the table of prices is new: the recorded screens must not change with the date."""
    monkeypatch.setattr("opsctl.aws.pricing._now", lambda: datetime(2026, 2, 1, tzinfo=UTC))


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times the time for checks: the recorded screens are of what AWS refuses, not of a busy machine."""
    limited = Checks.__init__
    monkeypatch.setattr(Checks, "__init__", lambda self, seconds: limited(self, 10 * seconds))


@pytest.fixture(scope="session")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsPlatform]:
    """No instance ever starts: the run's three scans stay RUNNABLE."""
    with aws_platform(tmp_path_factory.mktemp("waiting"), slots=0) as platform:
        platform.submit()
        yield platform


@pytest.fixture(scope="session")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsPlatform]:
    """Two scans are done, and one has failed."""
    with aws_platform(tmp_path_factory.mktemp("ended"), slots=2) as platform:
        platform.submit()
        platform.small.finish_jobs()
        yield platform
