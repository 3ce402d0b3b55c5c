"""Whether a push changes the m2g of a platform's jobs."""

from __future__ import annotations

import pytest
from support.example_platform import platform

from opsctl.commands.platform.image import BuiltImage
from opsctl.commands.platform.image_push import other_base

OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64


@pytest.mark.parametrize(
    ("recorded", "base_digest", "expected"),
    [
        (OLD, NEW, OLD),
        (OLD, OLD, None),
        # Which m2g the jobs run, or the image has, is not known.
        ("repo:0.1.0", NEW, None),
        (OLD, None, None),
    ],
)
def test_another_base_is_known_by_its_digest(recorded: str, base_digest: str | None, expected: str | None) -> None:
    built = BuiltImage(
        image="opsctl-m2g:1",
        image_id="1" * 64,
        base="m2g:1",
        base_digest=base_digest,
        source="1",
        version="1",
        size_bytes=1,
    )
    assert other_base(built, platform(m2g_image=recorded)) == expected
