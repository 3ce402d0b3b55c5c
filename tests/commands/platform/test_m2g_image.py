"""Which m2g a platform's jobs run: of its record on AWS, of this machine for the local platform."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.example_platform import platform

from opsctl.assets import container_dir
from opsctl.commands.image.known_bases import KnownBases
from opsctl.commands.platform.image import BASE_DIGEST_LABEL, SOURCE_LABEL, build
from opsctl.commands.platform.m2g_image import m2g_image_of, unread_m2g_image
from opsctl.home import Home
from opsctl.local.preview import version
from opsctl.local.preview.version import preview_version

DIGEST = "sha256:" + "a" * 64


def test_on_aws_the_platforms_record_says_it() -> None:
    assert m2g_image_of(platform(m2g_image=DIGEST), {}) == DIGEST


def test_where_jobs_are_processes_it_is_the_preview_whatever_the_version_of_opsctl(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    local = platform(endpoint_url="http://127.0.0.1:1", image="opsctl-preview:0.1.0", m2g_image="opsctl-preview:0.1.0")
    assert m2g_image_of(local, {}) == preview_version()
    assert preview_version().startswith("preview:")
    before = preview_version()
    monkeypatch.setattr("opsctl.__version__", "99.0.0")
    assert preview_version() == before


def test_the_preview_is_another_when_its_code_or_its_packages_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "version.py").write_text("a")
    monkeypatch.setattr(version, "__file__", str(tmp_path / "version.py"))
    first = preview_version()
    (tmp_path / "tracking.py").write_text("b")
    second = preview_version()
    monkeypatch.setattr(version, "software", lambda: "dipy 99")
    assert len({first, second, preview_version()}) == 3


@pytest.mark.parametrize(("image", "stand_in"), [(f"repo@{DIGEST}", DIGEST), ("repo:1", "repo:1")])
def test_the_image_stands_for_what_nobody_can_look_up(image: str, stand_in: str) -> None:
    assert unread_m2g_image(image) == stand_in


class EngineWithoutDigests:
    """An engine whose base image was built on this machine, as Docker keeps it: without a digest."""

    name = "docker"

    def __init__(self) -> None:
        self.typed: list[str] = []

    def ask(self, *_: str) -> str:
        labels = {SOURCE_LABEL: "0123", BASE_DIGEST_LABEL: ""}
        return json.dumps([{"Id": DIGEST, "Config": {"Labels": labels}, "RepoDigests": []}])

    def follow(self, *arguments: str, **_: Any) -> None:
        self.typed += arguments


def test_where_the_base_has_no_digest_its_own_label_is_not_inherited(tmp_path: Path) -> None:
    """The base may say what it was built on, which is not m2g: the built image must not seem to say so itself."""
    engine: Any = EngineWithoutDigests()
    built = build(
        engine,
        container_dir(),
        version="0.1.0",
        base="localhost/m2g:1",
        accept_base=False,
        find_archived=None,
        known_bases=KnownBases(Home(tmp_path)),
        day="2026-11-29",
        tag=None,
        options=(),
        environment={},
        on_line=lambda _: None,
    )
    assert f"{BASE_DIGEST_LABEL}=" in engine.typed
    assert built.base_digest is None
