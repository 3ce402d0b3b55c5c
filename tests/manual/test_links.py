"""Links out of docs/, and whether a built site needs the network."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.repository import ROOT

from manual.offline import loaded_from_elsewhere
from manual.repository_links import repository_address, rewrite_links

PAGE = ROOT / "docs/up.md"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/other.md").write_text("# Other\n")
    (tmp_path / "SECURITY.md").write_text("# Security\n")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    return tmp_path


def rewritten(repository: Path, text: str) -> str:
    return rewrite_links(text, page=repository / "docs/page.md", root=repository)


def test_links_between_pages_and_to_addresses_stay(repository: Path) -> None:
    text = "[a](other.md#x) [b](https://example.org) [c](#here) ![d](picture.svg)"
    assert rewritten(repository, text) == text


def test_a_link_out_of_docs_goes_to_the_repository(repository: Path) -> None:
    (repository / "pyproject.toml").write_text("[project.urls]\nRepository = 'https://example.org/opsctl/'\n")
    assert rewritten(repository, "[S](../SECURITY.md)") == "[S](https://example.org/opsctl/tree/main/SECURITY.md)"


def test_without_an_address_the_path_is_named(repository: Path) -> None:
    assert rewritten(repository, "[S](../SECURITY.md)") == "S (`SECURITY.md` in the repository)"
    assert rewritten(repository, "[`SECURITY.md`](../SECURITY.md)") == "`SECURITY.md`"


def test_a_link_to_nothing_is_refused(repository: Path) -> None:
    with pytest.raises(ValueError, match="GONE.md does not exist"):
        rewritten(repository, "[S](../GONE.md)")


def test_the_address_is_the_projects() -> None:
    assert repository_address(ROOT) in ("",) or repository_address(ROOT).startswith("https://")


@pytest.mark.parametrize(
    "loading",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/css">',
        "<img alt='' src=https://example.org/x.png>",
        "<style>@import 'https://fonts.example/css';</style>",
        "<style>@font-face { src: url(https://cdn.example/x.woff2) }</style>",
    ],
)
def test_what_a_browser_would_load_is_seen(tmp_path: Path, loading: str) -> None:
    (tmp_path / "index.html").write_text(f"<html>{loading}</html>")
    assert len(loaded_from_elsewhere(tmp_path)) == 1


def test_links_that_a_person_follows_and_own_files_are_fine(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        '<link rel="stylesheet" href="_static/x.css"><a href="https://example.org">x</a><img src="x.svg">'
    )
    (tmp_path / "x.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"></svg>')
    assert loaded_from_elsewhere(tmp_path) == []
