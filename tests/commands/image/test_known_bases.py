"""What the names of base images meant at the last build on this machine."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from opsctl.commands.image.known_bases import KnownBases
from opsctl.core.errors import ErrorCode, Problem
from opsctl.home import Home

OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
NAME = "docker.io/neurodata/m2g:latest"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def check(bases: KnownBases, name: str, digest: str | None, *, is_accepted: bool = False) -> None:
    bases.refuse_changed(name, digest, is_accepted=is_accepted, more=" --tag lab")


def test_what_changed_is_refused_with_both_ways_on(home: Home) -> None:
    bases = KnownBases(home)
    bases.keep(NAME, OLD, day="2026-01-31")
    check(bases, NAME, OLD)
    with pytest.raises(Problem) as raised:
        check(bases, NAME, NEW)
    assert raised.value.code is ErrorCode.IMAGE_BASE_CHANGED
    assert all(part in raised.value.what for part in (NAME, OLD, NEW, "2026-01-31"))
    assert f"`opsctl image build --base {NAME} --accept-base --tag lab`" in raised.value.hint
    assert f"`opsctl image build --base docker.io/neurodata/m2g@{OLD} --tag lab`" in raised.value.hint
    check(bases, NAME, NEW, is_accepted=True)


def test_a_registrys_port_is_no_tag(home: Home) -> None:
    bases = KnownBases(home)
    bases.keep("lab:5000/m2g", OLD, day="2026-01-31")
    with pytest.raises(Problem) as raised:
        check(bases, "lab:5000/m2g", NEW)
    assert f"--base lab:5000/m2g@{OLD} " in raised.value.hint


@pytest.mark.parametrize(
    ("name", "digest"),
    [(f"m2g@{OLD}", OLD), (NAME, None)],
    ids=["pinned", "no digest"],
)
def test_what_cannot_change_is_not_written_down(home: Home, name: str, digest: str | None) -> None:
    bases = KnownBases(home)
    bases.keep(name, digest, day="2026-01-31")
    assert not (home.path / "image-bases.json").exists()
    assert bases.digest_of(name) is None


def test_an_image_of_this_machine_may_change_and_its_digest_is_remembered(home: Home) -> None:
    bases = KnownBases(home)
    bases.keep("localhost/m2g:1", OLD, day="2026-01-31")
    assert bases.digest_of("localhost/m2g:1") == OLD
    check(bases, "localhost/m2g:1", NEW)


def test_a_digest_keeps_the_day_on_which_it_was_first_seen(home: Home) -> None:
    bases = KnownBases(home)
    for digest, day in ((OLD, "2026-01-31"), (OLD, "2026-02-28"), (NEW, "2026-03-31")):
        bases.keep(NAME, digest, day=day)
    file = home.path / "image-bases.json"
    assert json.loads(file.read_text()) == {"schema_version": 1, "bases": {NAME: {"digest": NEW, "day": "2026-03-31"}}}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_file_has_an_end_and_the_oldest_go_first(home: Home) -> None:
    bases = KnownBases(home)
    for number in range(103):
        bases.keep(f"lab/m2g:{number}", OLD, day=f"2026-{1 + number // 28:02}-{1 + number % 28:02}")
    assert bases.digest_of("lab/m2g:2") is None
    assert bases.digest_of("lab/m2g:3") == bases.digest_of("lab/m2g:102") == OLD


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"bases": {"m2g:1": 3}}',
        '{"bases": {"m2g:1": {"digest": "sha256:1", "day": "2026-01-31"}}}',
        f'{{"bases": {{"m2g:1": {{"digest": "{OLD}", "day": "`rm`"}}}}}}',
        " " * 100_000,
    ],
)
def test_a_file_that_something_else_wrote_is_told_and_nothing_is_built(home: Home, content: str) -> None:
    home.make(home.path)
    (home.path / "image-bases.json").write_text(content)
    for is_accepted in (False, True):
        with pytest.raises(Problem, match=r"image-bases\.json, which holds the base images") as raised:
            check(KnownBases(home), NAME, NEW, is_accepted=is_accepted)
        assert raised.value.code is ErrorCode.FILE_UNREADABLE
