"""Whether a built site needs no network: it loads no script, style, font or picture from another address."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_LOADED = re.compile(
    r"""<(?:script|img|iframe|source|object|embed)\b[^>]*?\b(?:src|data|srcset)\s*=\s*["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|<link\b[^>]*?\brel\s*=\s*["']?(?:stylesheet|preload|icon|preconnect)[^>]*?href\s*=\s*["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|@import\s+(?:url\()?["']?((?:https?:)?//[^"')\s]+)"""
    r"""|url\(\s*["']?((?:https?:)?//[^"')\s]+)""",
    re.IGNORECASE,
)


def loaded_from_elsewhere(site: Path) -> list[str]:
    """Each `FILE: ADDRESS` that a browser would load from the network."""
    found = []
    for file in sorted(site.rglob("*")):
        if file.suffix in (".html", ".css", ".svg"):
            for match in _LOADED.finditer(file.read_text(errors="replace")):
                found.append(f"{file.relative_to(site)}: {next(filter(None, match.groups()))}")
    return found


def main() -> int:
    """Check the site in the folder that is named; exit code 1 if it needs the network."""
    found = loaded_from_elsewhere(Path(sys.argv[1]))
    for line in found:
        sys.stderr.write(f"loaded from the network: {line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
