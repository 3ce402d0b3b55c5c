"""Which files are read, and on which line a key stands."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from opsctl.config import load, said_in
from opsctl.config_files import config_files

LINES = """\
# a comment
platform = "lab"   # another

"max_spend" = 5
m2g.space = "native"
m2g.inner = { seeds = 3, tr = 2.0 }

  [datasets]   # of ours
  HNU1 = "s3://lab/HNU1"
'with blank' = "s3://lab/x"
[ m2g . "deep" ]
parcellation = [   # [not a table]
  "AAL_",
  "]",
]
skull = \"\"\"
[eye]
k = 1\"\"\"
dates = 2026-11-22
[[list]]
a = 1
[empty]"""

FOUND = {
    ("platform",): 2,
    ("max_spend",): 4,
    ("m2g", "space"): 5,
    ("m2g", "inner", "seeds"): 6,
    ("m2g", "inner", "tr"): 6,
    ("datasets",): 8,
    ("datasets", "HNU1"): 9,
    ("datasets", "with blank"): 10,
    ("m2g", "deep"): 11,
    ("m2g", "deep", "parcellation"): 12,
    ("m2g", "deep", "skull"): 16,
    ("m2g", "deep", "dates"): 19,
    ("list",): 20,
    ("list", "a"): 21,
    ("empty",): 22,
}


def test_every_key_is_found_on_its_own_line() -> None:
    assert {parts: line for parts, _, line in said_in(LINES)} == FOUND


def test_values_are_those_that_the_whole_file_has() -> None:
    values = {parts: value for parts, value, _ in said_in(LINES)}
    assert values["m2g", "deep", "parcellation"] == ["AAL_", "]"]
    assert values["m2g", "deep", "skull"] == "[eye]\nk = 1"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with a project in it; the user's own file is `user.toml`."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home/project/deep").mkdir(parents=True)
    return tmp_path


def problem(place: Path, content: bytes) -> str:
    file = place / "user.toml"
    file.write_bytes(content)
    (found,) = load({"OPSCTL_CONFIG": str(file)}, None).problems
    return str(found).replace(str(file), "F")


BROKEN = [
    (b'a = 1\nplatform = "lab\n', "F:2: this is not TOML: illegal character '\\n'"),
    (b"[m2g]\n\n[m2g]\n", "F:3: this is not TOML: cannot declare ('m2g',) twice."),
    (b"memory = 2048\nmemory = 4096\n", "F:2: this is not TOML: cannot overwrite a value."),
    (b"[m2g]\nparcellation = [\n'AAL_',\n\n", "F:3: this is not TOML:"),
    (b"[m2g]\n\nspace native\n", "F:3: this is not TOML:"),
    (b"\n\nplatform = '\xff'\n", "F:3: this is not UTF-8."),
    (b"# \xc3\xa4\r\n\r\nregoin = 'x'\r\n", "F:3: regoin is no key of opsctl's. Did you mean region?"),
    (b"\xef\xbb\xbf# Windows\nregoin = 'x'\n", "F:2: regoin is no key"),
    ("# form\ffeed \u2028 in a comment\nregoin = 'x'\n".replace("\f", "").encode(), "F:2: regoin is no key"),
]


@pytest.mark.parametrize(("content", "words"), BROKEN, ids=lambda one: str(one)[:30])
def test_what_is_wrong_names_file_and_line(place: Path, content: bytes, words: str) -> None:
    assert problem(place, content).startswith(words)


def test_a_file_that_cannot_be_read_is_a_problem(place: Path) -> None:
    (found,) = load({"OPSCTL_CONFIG": str(place)}, None).problems
    assert "cannot be read" in str(found)


def test_a_named_file_must_be_there_and_the_users_own_need_not(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = load({"OPSCTL_CONFIG": str(place / "none.toml")}, None).problems
    assert "none.toml is not there." in str(found)
    monkeypatch.setattr("platformdirs.user_config_path", lambda _: place / "config")
    assert load({}, None).problems == ()


def test_the_users_own_file_is_where_the_system_keeps_such_files(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_config_path", lambda name: place / "config" / name)
    own = place / "config/opsctl/opsctl.toml"
    own.parent.mkdir(parents=True)
    own.write_text("memory = 2048")
    assert [(file.layer, file.path) for file in config_files({}, None)] == [("user", own)]
    assert str(load({}, None).values["memory"].source) == f"{own}:1"


def test_the_empty_file_of_the_system_means_none(place: Path) -> None:
    assert load({"OPSCTL_CONFIG": "/dev/null"}, None).problems == ()


NEAREST = [
    (["home/project"], "home/project/deep", "home/project"),
    (["home/project/deep", "home/project"], "home/project/deep", "home/project/deep"),
    (["home"], "home/project/deep", "home"),
    (["."], "home/project/deep", None),
    (["."], "outside/deep", "."),
    ([], "home/project", None),
]


@pytest.mark.parametrize(("files", "folder", "expected"), NEAREST)
def test_the_nearest_file_counts_up_to_the_home_folder(
    place: Path, files: list[str], folder: str, expected: str | None
) -> None:
    (place / "outside/deep").mkdir(parents=True)
    for one in files:
        (place / one / "opsctl.toml").write_text("memory = 2048")
    found = [
        file.path for file in config_files({"OPSCTL_CONFIG": "/dev/null"}, place / folder) if file.layer == "folder"
    ]
    assert found == ([place / expected / "opsctl.toml"] if expected else [])


def test_one_file_is_one_layer(place: Path) -> None:
    file = place / "home/project/opsctl.toml"
    file.write_text("memory = 2048")
    found = config_files({"OPSCTL_CONFIG": str(file)}, file.parent)
    assert [one.layer for one in found] == ["user"]


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10**9)


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (os.mkfifo, "cannot be read (it is a pipe)"),
    "a folder": (Path.mkdir, "cannot be read (it is a folder)"),
    "a link to a device": (lambda path: path.symlink_to("/dev/zero"), "cannot be read (it is a device)"),
    "1 GB": (_large, "cannot be read (it has more than 64,000 bytes)"),
    "UTF-16": (lambda path: path.write_bytes("platform = 'a'".encode("utf-16")), "this is not UTF-8"),
    "UTF-16 without a mark": (lambda path: path.write_bytes("platform = 'a'".encode("utf-16-le")), "this is not TOML"),
    "deep lists": (lambda path: path.write_text("a = " + "[" * 30_000), "nested too deeply"),
    "deep keys": (lambda path: path.write_text(".".join("a" * 3000) + " = 1"), "nested too deeply"),
    "5,000 digits": (lambda path: path.write_text("max_spend = " + "9" * 5000), "has too many digits"),
    "a list of 8,000 lines": (lambda path: path.write_text("a = [\n" + "1,\n" * 8000 + "]"), "more than 100 lines"),
    "400 digits": (lambda path: path.write_text("max_spend = " + "9" * 400), "max_spend"),
}


@pytest.mark.parametrize(("make", "what"), HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("is_named", [False, True])
def test_a_file_of_any_kind_ends_in_one_sentence(
    place: Path, make: Callable[[Path], object], what: str, is_named: bool
) -> None:
    path = place / "opsctl.toml"
    make(path)
    configuration = load({"OPSCTL_CONFIG": str(path)} if is_named else {}, None if is_named else place)
    (problem,) = configuration.problems
    assert what in str(problem)
    assert len(str(problem)) < 1000
