"""Links of a page of docs/ to files and folders of the repository that are no pages of the site."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")


def rewrite_links(text: str, *, page: Path, root: Path) -> str:
    """The page with links that work on the site.

    A link to a file outside docs/, or to a folder, goes to the repository's address (`Repository` in pyproject.toml).
    Where the project has no address, the words of the link and the path stay, as text.

    Raises
    ------
    ValueError
        If such a file or folder does not exist.
    """
    docs = root / "docs"

    def rewritten(match: re.Match[str]) -> str:
        words, link = match[1], match[2]
        target = (page.parent / link).resolve()
        if target.is_relative_to(docs) and not target.is_dir():
            return match[0]
        if not target.exists():
            raise ValueError(f"{page}: {link} does not exist.")
        path = target.relative_to(root)
        address = repository_address(root)
        if address:
            return f"[{words}]({address}/tree/main/{path})"
        return words if words.strip("`") == str(path) else f"{words} (`{path}` in the repository)"

    return _LINK.sub(rewritten, text)


def repository_address(root: Path) -> str:
    """The address of the repository; empty where pyproject.toml names none."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    addresses = {name.lower(): address for name, address in project.get("urls", {}).items()}
    return str(addresses.get("repository") or addresses.get("source") or "").rstrip("/")
