"""Sphinx's settings for the site that `make docs` builds of docs/."""

from __future__ import annotations

import sys
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from manual.repository_links import rewrite_links  # noqa: E402  after the path to it is set

project = "opsctl"
html_title = "opsctl"
extensions = ["myst_parser"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
suppress_warnings = ["myst.strikethrough"]
# A block without a language is a command or a screen, not a program to colour.
highlight_language = "text"
# The pages are read on GitHub, too: they have no Sphinx roles, and a word in backquotes is just that.
nitpicky = True

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["manual.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": False, "top_of_page_buttons": []}
# Names of files, options and codes are read letter by letter: `--sp` stays `--sp`.
smartquotes = False

linkcheck_timeout = 20
linkcheck_anchors_ignore_for_url = ["https://github.com/.*"]


class Mermaid(TextLexer):
    """GitHub draws the sequence diagram of the architecture page; here it is shown as the text it is."""

    name = "Mermaid"
    aliases = ("mermaid",)


def setup(app: Sphinx) -> None:
    """Add what the settings alone cannot say."""
    app.add_lexer("mermaid", Mermaid)
    app.connect("source-read", _read)


def _read(app: Sphinx, document: str, source: list[str]) -> None:
    page = Path(app.srcdir) / f"{document}.md"
    source[0] = rewrite_links(source[0], page=page, root=ROOT)
