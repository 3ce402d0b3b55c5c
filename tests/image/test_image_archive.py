"""A base that changed under its tag is refused; a copy in the platform's repository outlives it."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from support.engine_world import BASE, opsctl
from support.example_platform import platform
from support.registry_account import REPOSITORY, URL, Account
from support.registry_world import HOST

from opsctl.assets import container_dir
from opsctl.commands.image.archive import archive, archive_tag, find_archived
from opsctl.commands.image.known_bases import KnownBases
from opsctl.commands.platform.image import build
from opsctl.core.errors import ErrorCode, Problem
from opsctl.home import Home

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def name(account: Account) -> str:
    """A base in the registry of this test process, which no other one names: they share the engine and its tags."""
    return f"{HOST}/bases/m2g-{account.place.location.rpartition(':')[2]}:latest"


@pytest.fixture(scope="module")
def digests(account: Account, name: str, built: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """What the tag meant first, and what it means now: the base of all these tests, on which nothing is built anew."""
    folder = tmp_path_factory.mktemp("earlier")
    (folder / "Dockerfile").write_text("FROM scratch\nLABEL release=0\n")
    return published(account, name, "--tag", name, str(folder)), published(account, name)


def published(account: Account, name: str, *build: str) -> str:
    """Let the tag mean an image from now on: one that is built, or else the tests' base. Gives its digest."""
    world, file = account.logged_in(), account.folder / "published"
    world.podman(*(("build", *build) if build else ("tag", BASE, name)))
    world.podman("push", "--digestfile", str(file), name)
    world.podman("rmi", name)
    return file.read_text()


def test_a_base_that_changed_under_its_tag_is_refused_until_it_is_accepted(
    account: Account, name: str, digests: tuple[str, str], tmp_path: Path
) -> None:
    earlier, now = digests
    home = Home(tmp_path / "home")
    KnownBases(home).keep(name, earlier, day="2026-01-31")
    environment = {**account.logged_in().environment, "OPSCTL_HOME": str(home.path)}
    words = ("image", "build", "--base", name, "--tag", "moved", "--json")

    refused = opsctl(environment, *words)
    assert refused.returncode == 1, refused.stderr
    error = json.loads(refused.stdout)["error"]
    assert error["code"] == "image_base_changed"
    assert [part for part in (name, earlier, now, "2026-01-31") if part not in error["message"]] == []
    assert f"`opsctl image build --base {name} --accept-base --tag moved`" in error["hint"]
    assert f"`opsctl image build --base {name.removesuffix(':latest')}@{earlier} --tag moved`" in error["hint"]

    accepted = opsctl(environment, *words, "--accept-base")
    assert accepted.returncode == 0, accepted.stderr
    assert json.loads(accepted.stdout)["base_digest"] == now
    assert now in accepted.stderr
    assert "non-commercial use only" in accepted.stderr
    # Written down: the next build is not refused for it.
    assert KnownBases(home).digest_of(name) == now
    assert stat.S_IMODE((home.path / "image-bases.json").stat().st_mode) == 0o600


def test_a_copy_outlives_the_base_and_keeps_its_name_and_digest(
    account: Account, name: str, digests: tuple[str, str], tmp_path: Path
) -> None:
    world, registry = account.logged_in(), account.registry
    digest = digests[1]
    lines: list[str] = []
    first = archive(world.engine, registry, base=name, digest=digest, on_line=lines.append)
    assert first.is_new
    assert first.tag == f"base-sha256-{digest.removeprefix('sha256:')}" == archive_tag(digest)
    stored = account.place.manifest(REPOSITORY, first.tag)
    assert stored is not None
    assert first.image == f"{URL}@{stored[2]}"

    account.tell_ecr(first.tag)
    lines.clear()
    again = archive(world.engine, registry, base=name, digest=digest, on_line=lines.append)
    assert (again.image, again.is_new, lines) == (first.image, False, [])

    # Gone where it was published, and from this machine; the login of the copy is opsctl's own.
    gone = account.world.engine

    def find(engine: Any, base: str, on_line: Any) -> Any:
        known: tuple[str | None, ...] = (None, "sha256:" + "0" * 64, digest)
        return find_archived(engine, registry, name=base, digests=known, on_line=on_line)

    world.podman("rmi", f"{URL}:{first.tag}")
    known_bases = KnownBases(Home(tmp_path))
    built = build(
        gone,
        container_dir(),
        version="0.1.0",
        base=name,
        accept_base=False,
        find_archived=find,
        known_bases=known_bases,
        day="2026-11-29",
        tag="from-copy",
        options=(),
        environment={},
        on_line=lines.append,
    )
    assert (built.base, built.base_digest) == (name, digest)
    assert any(f"FROM {first.image}" in line for line in lines)


def test_where_there_is_no_copy_it_says_how_to_make_one(account: Account) -> None:
    with pytest.raises(Problem) as raised:
        find_archived(
            account.world.engine, account.registry, name="m2g:1", digests=("sha256:" + "1" * 64,), on_line=print
        )
    assert raised.value.code is ErrorCode.IMAGE_NOT_FOUND
    assert "`opsctl image archive`" in raised.value.hint


def test_on_this_machine_the_engines_own_store_is_the_copy(
    account: Account, name: str, digests: tuple[str, str]
) -> None:
    reference = f"{name.removesuffix(':latest')}@{digests[1]}"
    account.logged_in().podman("pull", "--quiet", reference)
    copy = find_archived(account.world.engine, None, name=name, digests=(digests[1],), on_line=print)
    assert (copy.reference, copy.digest) == (reference, digests[1])


def test_the_local_platform_builds_on_what_the_engine_keeps(
    account: Account, name: str, digests: tuple[str, str]
) -> None:
    home = Home(account.home)
    home.keep(platform(name="local", endpoint_url="http://127.0.0.1:1"))
    KnownBases(home).keep(name, digests[1], day="2026-01-31")
    account.logged_in().podman("pull", "--quiet", f"{name.removesuffix(':latest')}@{digests[1]}")
    # Without the login: nothing can be pulled.
    environment = {**account.world.environment, "OPSCTL_HOME": str(account.home)}
    done = opsctl(environment, "image", "build", "--archived", "--base", name, "--tag", "kept", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["base_digest"] == digests[1]
    kept = opsctl(environment, "image", "archive", "--tag", "kept", "--json")
    assert kept.returncode == 0, kept.stderr
    assert json.loads(kept.stdout).items() >= {"base": name, "base_digest": digests[1], "image": None}.items()
    assert f"The local platform has no repository. podman keeps {name} until you remove it." in kept.stderr


def test_a_base_without_a_digest_is_not_copied(account: Account) -> None:
    with pytest.raises(Problem, match="has no digest"):
        archive(account.world.engine, account.registry, base="localhost/m2g:1", digest=None, on_line=print)
