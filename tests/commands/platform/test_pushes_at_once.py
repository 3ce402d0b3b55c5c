"""Two people push at once to a repository that takes each tag once: the second one's engine is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from opsctl.commands.platform.image import BuiltImage
from opsctl.commands.platform.image_push import push
from opsctl.core.errors import ErrorCode, Interrupted, Problem

URL = "123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g"
BUILT = BuiltImage(
    image="opsctl-m2g:0.1.0",
    image_id="a" * 64,
    base=None,
    base_digest=None,
    source=None,
    version=None,
    size_bytes=1,
)
REFUSED = Problem(
    "podman: tag invalid: the tag exists already and cannot be overwritten.", code=ErrorCode.ENGINE_FAILED
)


class Repository:
    """What the repository has, and the engine whose push ends with an error after somebody else's push."""

    url, host, name = URL, URL.partition("/")[0], "podman"

    def __init__(self, *, image_id: str, error: Problem) -> None:
        self._image_id, self._error = image_id, error
        self.has_image = False

    def login(self) -> str:
        return "secret"

    def find(self, *, tag: str) -> Any:
        return SimpleNamespace(digest="sha256:" + "d" * 64) if self.has_image else None

    def ids_of(self, tag: str) -> set[str]:
        return {f"sha256:{self._image_id}"}

    def ask(self, *arguments: str) -> str:
        return ""

    def follow(self, *arguments: str, **more: Any) -> None:
        self.has_image = bool(self._image_id)
        raise self._error


@pytest.mark.parametrize(
    ("image_id", "error", "code"),
    [
        ("a" * 64, REFUSED, None),
        ("b" * 64, REFUSED, ErrorCode.IMAGE_EXISTS),
        ("", REFUSED, ErrorCode.ENGINE_FAILED),
        ("a" * 64, Interrupted("Stopped."), ErrorCode.INTERRUPTED),
    ],
    ids=["same image", "another image", "other trouble", "Ctrl-C"],
)
def test_a_push_after_another(image_id: str, error: Problem, code: ErrorCode | None) -> None:
    world: Any = Repository(image_id=image_id, error=error)
    if code is not None:
        with pytest.raises(Problem) as caught:
            push(world, world, BUILT, version="0.1.0", tag=None, on_line=lambda _: None)
        assert caught.value.code == code
        return
    pushed = push(world, world, BUILT, version="0.1.0", tag=None, on_line=lambda _: None)
    assert (pushed.image, pushed.is_new) == (f"{URL}@sha256:{'d' * 64}", False)
