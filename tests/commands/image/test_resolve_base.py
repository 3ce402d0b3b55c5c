"""Which of an image's digests a base has: engines name those of an index, of the image, or both."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opsctl.commands.image.base_image import resolve_base

INDEX, IMAGE, OTHER = ("sha256:" + letter * 64 for letter in "abc")
NAME = "docker.io/neurodata/m2g:latest"


class FakeEngine:
    """Has one image, pulled."""

    def __init__(self, *references: str) -> None:
        self.references = references

    def follow(self, *_: str, **__: Any) -> None:
        """Pulls."""

    def ask(self, *_: str) -> str:
        return json.dumps([{"RepoDigests": self.references, "Config": {"User": "lab"}}])


@pytest.mark.parametrize(("known", "expected"), [(None, INDEX), (INDEX, INDEX), (IMAGE, IMAGE), (OTHER, INDEX)])
@pytest.mark.parametrize("repository", ["docker.io/neurodata/m2g", "neurodata/m2g"], ids=["podman", "docker"])
def test_the_known_digest_stays_where_it_is_one_of_the_images(
    repository: str, known: str | None, expected: str
) -> None:
    engine: Any = FakeEngine(f"lab/copy@{OTHER}", f"{repository}@{INDEX}", f"{repository}@{IMAGE}")
    base = resolve_base(engine, NAME, print, known=known)
    assert (base.digest, base.reference) == (expected, f"docker.io/neurodata/m2g@{expected}")


def test_a_pinned_base_is_what_it_says() -> None:
    engine: Any = FakeEngine(f"neurodata/m2g@{INDEX}", f"neurodata/m2g@{IMAGE}")
    base = resolve_base(engine, f"neurodata/m2g@{IMAGE}", print, known=INDEX)
    assert (base.digest, base.user) == (IMAGE, "lab")
