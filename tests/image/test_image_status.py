"""`image status`: the sentence for each state of an image, and the errors without engine or platform."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.engine_world import opsctl
from support.example_platform import platform

from opsctl.aws.ecr.registry import StoredImage
from opsctl.commands.platform.image_status import ImageStatus, status
from opsctl.core.errors import ErrorCode, Problem
from opsctl.render.image import show_image_status
from opsctl.render.screen import Screen

DIGEST = "sha256:" + "a" * 64
OURS = platform().repository_url
STORED = StoredImage(
    digest=DIGEST,
    tags=("0.1.0-abc",),
    pushed_at=datetime(2026, 11, 22, 18, 40, tzinfo=UTC),
    size_bytes=2_100_000_000,
    findings={"CRITICAL": 1, "LOW": 4},
)


class FakeRegistry:
    """A registry with one image, or one that AWS refuses to show."""

    url = OURS

    def __init__(self, stored: StoredImage | Problem | None) -> None:
        self.stored = stored

    def find(self, **_: Any) -> StoredImage | None:
        if isinstance(self.stored, Problem):
            raise self.stored
        return self.stored


class FakeEngine:
    """Knows the image by the tag that it was pushed under, as Podman does."""

    def __init__(self, source: str) -> None:
        self.source = source

    def ask(self, *arguments: str) -> str:
        if arguments[-1] != f"{OURS}:0.1.0-abc":
            raise Problem("no such image", code=ErrorCode.AWS_DENIED)
        labels = {
            "opsctl.source": self.source,
            "org.opencontainers.image.version": "0.1.0",
            "org.opencontainers.image.base.name": "m2g:1",
        }
        return json.dumps([{"Id": "sha256:1", "Size": 3, "Config": {"Labels": labels}}])


def status_of(image: str | None, stored: StoredImage | Problem | None, *, source: str | None = "new") -> ImageStatus:
    registry: Any = FakeRegistry(stored)
    engine: Any = FakeEngine(source) if source else None
    images = dict.fromkeys(platform().models, image)
    return status(platform(), images, registry=registry, engine=engine, source="new", m2g_image="sha256:m2g")


PINNED = f"{OURS}@{DIGEST}"
SAID = [
    (
        status_of(PINNED, STORED),
        "In the repository as 0.1.0-abc, pushed 2026-11-22 18:40 UTC, 2.1 GB, 5 findings of its scan",
    ),
    (status_of(PINNED, STORED), "(1 critical, 4 low)."),
    (status_of(PINNED, STORED), "Built by opsctl 0.1.0 on m2g:1."),
    (status_of(PINNED, STORED, source="old"), "Its code is not this opsctl's: build and push again"),
    (status_of(PINNED, STORED, source=None), "What it was made from is not known on this machine."),
    (status_of(PINNED, None), "Not in the repository: no job can start."),
    (
        status_of(PINNED, Problem("AWS does not allow it.", code=ErrorCode.AWS_DENIED)),
        "The repository does not tell: AWS does not allow it.",
    ),
    (status_of(f"{OURS}:0.1.0", STORED), "Named by a tag, not by its digest"),
    (status_of("docker.io/neurodata/m2g:latest", None), "Not in this platform's repository"),
    (status_of(PINNED, STORED, source=None), "m2g in it: sha256:m2g."),
    (status_of(None, None), "this revision is no longer there"),
]


@pytest.mark.parametrize(("state", "sentence"), SAID, ids=[sentence[:30] for _, sentence in SAID])
def test_each_state_has_its_sentence(state: ImageStatus, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_image_status(Screen(), state)
    assert sentence in capsys.readouterr().out


def test_an_image_of_this_opsctls_code_is_not_called_old(capsys: pytest.CaptureFixture[str]) -> None:
    show_image_status(Screen(), status_of(PINNED, STORED))
    assert "build and push again" not in capsys.readouterr().out
    assert [status_of(PINNED, STORED, source=source).is_outdated for source in ("new", "old", None)] == [
        False,
        True,
        None,
    ]


def bare(tmp_path: Path, **more: str) -> dict[str, str]:
    """An environment without an engine, a platform or AWS."""
    return {
        "PATH": str(tmp_path),
        "HOME": str(tmp_path),
        "OPSCTL_HOME": str(tmp_path / "home"),
        "AWS_EC2_METADATA_DISABLED": "true",
        **({"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}),
        **more,
    }


def test_without_an_engine_build_says_who_else_can(tmp_path: Path) -> None:
    result = opsctl(bare(tmp_path), "image", "build")
    assert (result.returncode, result.stdout) == (1, "")
    assert "neither Docker nor Podman is on the PATH" in result.stderr
    assert "opsctl up --image URI" in result.stderr


@pytest.mark.parametrize("verb", ["push", "status"])
def test_without_a_platform_there_is_nowhere_to_push(tmp_path: Path, verb: str) -> None:
    result = opsctl(bare(tmp_path), "image", verb)
    assert result.returncode == 1
    assert "No platform is up." in result.stderr


@pytest.mark.parametrize("verb", ["push", "status"])
def test_the_configured_platform_is_the_one_that_is_meant(tmp_path: Path, verb: str) -> None:
    (tmp_path / "mine.toml").write_text('platform = "local"\n')
    result = opsctl(bare(tmp_path, OPSCTL_CONFIG=str(tmp_path / "mine.toml")), "image", verb)
    assert "The local platform is not up." in result.stderr
