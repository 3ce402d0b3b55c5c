"""`image status`: the sentence for each state of an image, and the errors without engine or platform."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from support.engine_world import opsctl
from support.example_platform import platform

from opsctl.aws.ecr.registry import StoredImage
from opsctl.commands.platform.image_status import ImageStatus, status
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.image.scan import ImageScan
from opsctl.render.image import show_image_status
from opsctl.render.screen import Screen

DIGEST = "sha256:" + "a" * 64
OURS = platform().repository_url
STORED = StoredImage(
    digest=DIGEST,
    tags=("0.1.0-abc",),
    pushed_at=datetime(2026, 11, 22, 18, 40, tzinfo=UTC),
    size_bytes=2_100_000_000,
)
SCANNED = ImageScan(
    status="COMPLETE",
    findings={"CRITICAL": 1, "LOW": 4},
    completed_at=datetime(2026, 11, 22, 18, 44, tzinfo=UTC),
    is_enhanced=False,
)


class FakeRegistry:
    """A registry with one image, or one that AWS refuses to show."""

    url = OURS
    copies = (f"base-sha256-{'c' * 64}",)

    def __init__(self, stored: StoredImage | Problem | None, scan: ImageScan | Problem) -> None:
        self.stored, self.state = stored, scan

    def find(self, tag: str | None = None, **_: Any) -> StoredImage | None:
        if tag and tag.startswith("base-"):
            return STORED if tag in self.copies else None
        if isinstance(self.stored, Problem):
            raise self.stored
        return self.stored

    def scan(self, digest: str) -> ImageScan:
        assert digest == DIGEST
        if isinstance(self.state, Problem):
            raise self.state
        return self.state


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
            "opsctl.base.system": "ubuntu 18.04",
            "opsctl.base.python": "3.7.17",
        }
        return json.dumps([{"Id": "sha256:1", "Size": 3, "Config": {"Labels": labels}}])


def status_of(
    image: str | None,
    stored: StoredImage | Problem | None,
    *,
    source: str | None = "new",
    labels: Mapping[str, str] | None = None,
    scan: ImageScan | Problem = SCANNED,
) -> ImageStatus:
    registry: Any = FakeRegistry(stored, scan)
    engine: Any = FakeEngine(source) if source else None
    images = dict.fromkeys(platform().models, image)
    return status(
        platform(),
        images,
        registry=registry,
        engine=engine,
        source="new",
        m2g_image="sha256:m2g",
        read_labels=lambda _: labels or {},
        today=date(2026, 11, 29),
    )


def label_set(digest: str = "c", python: str = "3.7.17", **more: str) -> dict[str, str]:
    """The labels of an image in the repository."""
    own = {
        "opsctl.source": "1",
        "opsctl.base.python": python,
        "org.opencontainers.image.base.digest": f"sha256:{digest * 64}",
    }
    return own | {f"opsctl.base.{name}": value for name, value in more.items()}


PINNED = f"{OURS}@{DIGEST}"
SAID = [
    (status_of(PINNED, STORED), "In the repository as 0.1.0-abc, pushed 2026-11-22 18:40 UTC, 2.1 GB.\n"),
    (
        status_of(PINNED, STORED),
        "ECR's scan of 2026-11-22: 5 findings (1 critical, 4 low). It reads the system's packages,",
    ),
    (
        status_of(PINNED, STORED, scan=ImageScan(status="ACTIVE", findings={"HIGH": 1}, is_enhanced=True)),
        "Amazon Inspector's scan: 1 finding (1 high).\n",
    ),
    (status_of(PINNED, STORED, scan=ImageScan(status="COMPLETE", findings={})), "ECR's scan: 0 findings. It reads"),
    (
        status_of(PINNED, STORED, scan=ImageScan(status="IN_PROGRESS")),
        "is in progress: type `opsctl image status` again",
    ),
    (status_of(PINNED, STORED, scan=ImageScan(status="PENDING")), "is in progress: "),
    (
        status_of(PINNED, STORED, scan=ImageScan(status="FAILED", description="The layer is too large.")),
        "ECR's scan for vulnerabilities has no result: FAILED (The layer is too large).",
    ),
    (status_of(PINNED, STORED, scan=ImageScan(status="UNSUPPORTED_IMAGE")), "has no result: UNSUPPORTED_IMAGE.\n"),
    (status_of(PINNED, STORED, scan=ImageScan(status="NOT_SCANNED")), "ECR has not scanned it for vulnerabilities."),
    (
        status_of(PINNED, STORED, scan=Problem("AWS does not allow it.", code=ErrorCode.AWS_DENIED)),
        "ECR's scan for vulnerabilities cannot be read: AWS does not allow it.",
    ),
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
    (
        status_of(PINNED, STORED),
        "Standard support of its base has ended: Ubuntu 18.04 on 2023-05-31 (https://ubuntu.com/about/release-cycle), "
        "Python 3.7 on 2023-06-27 (https://devguide.python.org/versions). Security faults found since then stay in the",
    ),
    (
        status_of(PINNED, STORED, source=None, labels=label_set(python="3.13.1", system="ubuntu 18.04")),
        "Standard support of its base has ended: Ubuntu 18.04 on 2023-05-31 (https://",
    ),
    (
        status_of(PINNED, STORED, source=None, labels=label_set(python="3.13.1")),
        "Standard support of its base: Python 3.13 until 2029-10-31 (https://devguide.python.org/versions).",
    ),
    (
        status_of(PINNED, STORED, source=None, labels=label_set(system="alpine 3.20")),
        "Until when alpine 3.20 of its base is supported is not known to opsctl.",
    ),
    (status_of(PINNED, STORED, source=None, labels=label_set()), "The repository has a copy of the base."),
    (status_of(PINNED, STORED, source=None, labels=label_set("d")), "The repository has no copy of the base: "),
]


@pytest.mark.parametrize(("state", "sentence"), SAID, ids=[sentence[:30] for _, sentence in SAID])
def test_each_state_has_its_sentence(state: ImageStatus, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_image_status(Screen(), state)
    assert sentence in capsys.readouterr().out


def test_the_labels_of_an_image_that_opsctl_did_not_build_say_nothing() -> None:
    own = {name: value for name, value in label_set().items() if name != "opsctl.source"}
    state = status_of(PINNED, STORED, source=None, labels=own)
    assert (state.support, state.is_archived) == ((), None)


def test_the_json_document_has_the_days() -> None:
    document = status_of(PINNED, STORED).as_json()
    ubuntu, python = "https://ubuntu.com/about/release-cycle", "https://devguide.python.org/versions"
    assert document["support"] == [
        {"name": "Ubuntu 18.04", "ends": "2023-05-31", "source": ubuntu, "is_over": True},
        {"name": "Python 3.7", "ends": "2023-06-27", "source": python, "is_over": True},
    ]
    assert document["scan"].items() >= {"status": "COMPLETE", "completed_at": "2026-11-22T18:44:00+00:00"}.items()
    json.dumps(document["scan"])


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
