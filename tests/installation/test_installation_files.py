"""The tool that installed opsctl is known by the files that it leaves, as uv 0.13 and pipx 1.18 leave them."""

from __future__ import annotations

import json
import tomllib
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from support.repository import ROOT

from opsctl.core.installation import EXTRAS, Installation, Installer
from opsctl.installation import installation_in

WHEEL = "file:///home/ada/opsctl-0.1.0-py3-none-any.whl"


def environment(folder: Path, installer: str = "pip\n", **origin: object) -> PathDistribution:
    """An environment with the files of an installed opsctl."""
    info = folder / "lib" / "opsctl-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "INSTALLER").write_text(installer)
    if origin:
        (info / "direct_url.json").write_text(json.dumps(origin))
    return PathDistribution(info)


def read(prefix: Path, package: PathDistribution | None) -> Installation:
    return installation_in(prefix, python="/python", package=package)


def test_pip(tmp_path: Path) -> None:
    assert read(tmp_path, environment(tmp_path)) == Installation(Installer.PIP, "/python")
    assert read(tmp_path, None) == Installation(Installer.PIP, "/python")


@pytest.mark.parametrize(
    ("origin", "source", "is_editable"),
    [
        ({"url": WHEEL, "archive_info": {}}, WHEEL, False),
        ({"url": "file:///home/ada/my%20opsctl", "dir_info": {"editable": True}}, "/home/ada/my opsctl", True),
        ({"url": "file:///home/ada/opsctl", "dir_info": {}}, "file:///home/ada/opsctl", False),
        ({"url": "https://host/lab/opsctl", "vcs_info": {"vcs": "git"}}, "git+https://host/lab/opsctl", False),
        ({"url": 7}, "", False),
    ],
)
def test_where_it_came_from(tmp_path: Path, origin: dict[str, object], source: str, is_editable: bool) -> None:
    found = read(tmp_path, environment(tmp_path, **origin))
    assert (found.source, found.is_editable) == (source, is_editable)


def test_uv_in_an_environment(tmp_path: Path) -> None:
    assert read(tmp_path, environment(tmp_path, "uv")).installer is Installer.UV


def test_a_tool_of_uvs(tmp_path: Path) -> None:
    (tmp_path / "uv-receipt.toml").write_text(
        '[tool]\nrequirements = [{ name = "opsctl", extras = ["local"] }, { name = "botocore", extras = ["crt"] },'
        ' { name = "rich", specifier = "<15" }]\n'
    )
    found = read(tmp_path, environment(tmp_path, "uv"))
    assert (found.installer, found.others) == (Installer.UV_TOOL, ("botocore[crt]", "rich<15"))


@pytest.mark.parametrize("receipt", ["", "[tool", "tool = 3", "[tool]\nrequirements = [3]\n"])
def test_a_receipt_that_says_nothing(tmp_path: Path, receipt: str) -> None:
    (tmp_path / "uv-receipt.toml").write_text(receipt)
    found = read(tmp_path, environment(tmp_path, "uv"))
    assert (found.installer, found.others) == (Installer.UV_TOOL, ())


@pytest.mark.parametrize("folder", ["archive-v0", "environments-v2"])
def test_uvx(tmp_path: Path, folder: str) -> None:
    prefix = tmp_path / folder / "VL8Yxvu8BH"
    assert read(prefix, environment(prefix, "uv")).installer is Installer.UVX


def test_pipx(tmp_path: Path) -> None:
    prefix = tmp_path / "venvs" / "opsctl-next"
    package = environment(prefix)
    (prefix / "pipx_metadata.json").write_text(json.dumps({"main_package": {"suffix": "-next"}}))
    found = read(prefix, package)
    assert (found.installer, found.suffix) == (Installer.PIPX, "-next")


@pytest.mark.parametrize("text", ["", "[]", '{"main_package": []}'])
def test_pipx_run(tmp_path: Path, text: str) -> None:
    prefix = tmp_path / "0123456789abcdef"
    package = environment(prefix)
    (prefix / "pipx_metadata.json").write_text(text)
    assert read(prefix, package) == Installation(Installer.PIPX_RUN, "/python")


def test_every_extra_for_users_has_its_words() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {extra.name for extra in EXTRAS} == set(extras) - {"dev"}
