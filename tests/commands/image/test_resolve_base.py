"""Which of an image's digests a base has: engines name those of an index, of the image, or both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opsctl.commands.image.base_image import checked_base, resolve_base
from opsctl.commands.image.known_bases import KnownBases
from opsctl.core.errors import ErrorCode, Problem, UsageProblem
from opsctl.home import Home

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


class OwnBuild(FakeEngine):
    """Built the image, pushed it, and pulled it again: the registry knows one of its digests."""

    def ask(self, *words: str) -> str:
        if words[0] == "pull" and words[-1] != f"lab.example/m2g@{IMAGE}":
            raise Problem("podman pull failed: manifest unknown.", code=ErrorCode.ENGINE_FAILED)
        return super().ask()


def test_the_digest_is_one_that_the_registry_knows() -> None:
    engine: Any = OwnBuild(*(f"lab.example/m2g@{digest}" for digest in (INDEX, IMAGE, OTHER)))
    assert resolve_base(engine, "lab.example/m2g:1", print).digest == IMAGE
    # Nothing is asked about an image that is in no registry.
    local: Any = FakeEngine(*(f"localhost/m2g@{digest}" for digest in (INDEX, IMAGE)))
    assert resolve_base(local, "localhost/m2g:1", print).digest == INDEX


def test_an_image_of_this_machine_keeps_its_digest_where_it_got_others(tmp_path: Path) -> None:
    """Podman lists the digests of its copies too, in the order of their letters: another runner is the same m2g."""
    name, bases = "localhost/m2g:1", KnownBases(Home(tmp_path))
    only: Any = FakeEngine(f"localhost/m2g@{IMAGE}")
    bases.keep(name, resolve_base(only, name, print).digest, day="2026-01-31")
    copied: Any = FakeEngine(*(f"localhost/m2g@{digest}" for digest in (INDEX, IMAGE)))
    assert resolve_base(copied, name, print, known=bases.digest_of(name)).digest == IMAGE


class SilentRegistry(FakeEngine):
    """Pulls nothing, and has the image only by some names."""

    def follow(self, *_: str, **__: Any) -> None:
        raise Problem("podman pull failed: connection refused.", code=ErrorCode.ENGINE_FAILED)

    def ask(self, *words: str) -> str:
        return super().ask() if words[-1] in self.references else "[]"


@pytest.mark.parametrize(
    ("references", "command"),
    [
        (
            (f"docker.io/neurodata/m2g@{INDEX}",),
            f"`opsctl image build --base docker.io/neurodata/m2g@{INDEX} --tag lab`",
        ),
        ((), f"`opsctl image build --archived --base {NAME} --tag lab`"),
    ],
    ids=["kept here", "copied"],
)
def test_where_the_registry_is_gone_the_hint_names_what_still_works(references: tuple[str, ...], command: str) -> None:
    engine: Any = SilentRegistry(*references)
    with pytest.raises(Problem, match="could not be had: podman pull failed") as raised:
        resolve_base(engine, NAME, print, known=INDEX, more=" --tag lab")
    assert command in raised.value.hint


@pytest.mark.parametrize(
    "name",
    [
        NAME,
        "m2g",
        "m2g:1",
        "localhost:5000/lab/m2g_x--y.z:1.0-a",
        f"lab.example/m2g@{IMAGE}",
        f"m2g:1@{IMAGE}",
        "localhost/m2g:1",
    ],
)
def test_the_names_of_images_are_taken(name: str) -> None:
    assert checked_base(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", "my image", "UPPER/Case", "--tag", "m2g@sha256:12", "m2g:", "/m2g", "m2g:a/b:c"]
)
def test_what_can_be_no_image_is_refused_before_a_pull(name: str) -> None:
    with pytest.raises(UsageProblem, match="is no image"):
        checked_base(name)


def test_a_pinned_base_is_what_it_says() -> None:
    engine: Any = FakeEngine(f"neurodata/m2g@{INDEX}", f"neurodata/m2g@{IMAGE}")
    base = resolve_base(engine, f"neurodata/m2g@{IMAGE}", print, known=INDEX)
    assert (base.digest, base.user) == (IMAGE, "lab")
