"""The built site: what its build refuses, and how it looks in a browser. `make docs` builds it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browser import Browser, find_browser
from support.repository import ROOT

SPHINX = ROOT / ".venv/manual/bin/sphinx-build"
SITE = ROOT / "build/manual"
#: One of each kind, and those with the widest tables and lines.
PAGES = (
    *("index", "tutorial/first-hour", "how-to/aws-account", "permissions", "architecture", "performance"),
    *("reference/commands/run", "reference/settings", "reference/terraform-variables", "reference/json-documents"),
)

needs_sphinx = pytest.mark.skipif(not SPHINX.exists(), reason="Sphinx is not installed; `make docs` installs it")
needs_site = pytest.mark.skipif(
    not (SITE / "index.html").exists() or find_browser() is None, reason="no built site (`make docs`), or no browser"
)


@needs_sphinx
def test_the_build_refuses_what_leads_nowhere(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text(
        "# Home\n\n[page](gone.md) [anchor](a.md#gone) [fine](a.md#there) ![picture](gone.svg)\n\n"
        "```{toctree}\n\na\n```\n"
    )
    (docs / "a.md").write_text("# A\n\n## There\n")
    (docs / "outside.md").write_text("# In no navigation\n")
    (tmp_path / "conf.py").write_text("extensions = ['myst_parser']\nmyst_heading_anchors = 4\n")
    options = ["--quiet", "--nitpicky", "--fail-on-warning", "--keep-going"]
    # These options are those of `make docs`.
    assert " ".join(options) in (ROOT / "Makefile").read_text()
    done = subprocess.run(
        [SPHINX, *options, "-c", tmp_path, docs, tmp_path / "site"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    faults = [line for line in done.stderr.splitlines() if "WARNING" in line]
    assert len(faults) == 4, done.stderr
    for fault in ("gone.md", "'gone'", "gone.svg", "outside.md"):
        assert any(fault in line for line in faults), done.stderr


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    path = find_browser()
    assert path is not None
    folder = tmp_path_factory.mktemp("browser")
    opened = Browser(path, folder)
    yield opened
    opened.close()
    shutil.rmtree(folder, ignore_errors=True)


@needs_site
@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_a_phone_and_needs_no_network(browser: Browser, page: str) -> None:
    browser.visit(SITE / f"{page}.html", width=390, height=900)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    assert [url for url in browser.requests if not url.startswith(("file:", "data:"))] == []
    assert browser.console_messages == []


@needs_site
def test_the_site_is_light_or_dark_as_the_reader_has_it(browser: Browser) -> None:
    grounds = []
    for is_dark in (False, True):
        browser.visit(SITE / "index.html", is_dark=is_dark)
        color = browser.evaluate("getComputedStyle(document.body).backgroundColor")
        grounds.append(sum(int(part) for part in color[color.index("(") + 1 : -1].split(",")[:3]))
    assert grounds[0] > 600 > 200 > grounds[1]
