"""docs/architecture.md says how many files and lines each part has. `OPSCTL_KEEP_SCREENS=1` writes the table again."""

from __future__ import annotations

import os
import re

from support.repository import ROOT

PAGE = ROOT / "docs" / "architecture.md"
_PARTS = {
    "opsctl/cli": "*.py",
    "opsctl/completion": "*.py",
    "opsctl/render": "*.py",
    "opsctl/commands": "*.py",
    "opsctl/core": "*.py",
    "opsctl/aws": "*.py",
    "opsctl/terraform": "*.py",
    "opsctl/local": "*.py",
    "container/m2g_job": "*.py",
    "terraform": "*.tf",
    "tests": "*.py",
    "bench": "*.py",
    "docs": "*.md",
}
_ROW = re.compile(r"^\| `(?P<part>[^`]+)/` \| (?P<files>[\d,]+) \| (?P<lines>[\d,]+) \|$", re.MULTILINE)
# The tests' own environment has no settings of opsctl.
_IS_RECORDING = os.environ.get("OPSCTL_KEEP_SCREENS") == "1"
#: So much may a count drift before the page is written again.
_TOLERANCE = 0.05
#: Of files and of lines: the latter stand there to the nearest hundred.
_ROUNDING = (2, 50)


def measured() -> dict[str, tuple[int, int]]:
    counts = {}
    for part, pattern in _PARTS.items():
        paths = [path for path in (ROOT / part).rglob(pattern) if not {"node_modules", ".terraform"} & set(path.parts)]
        counts[part] = (len(paths), sum(path.read_bytes().count(b"\n") for path in paths))
    return counts


def table() -> str:
    rows = [f"| `{part}/` | {files:,} | {round(lines, -2):,} |\n" for part, (files, lines) in measured().items()]
    return "| part | files | lines |\n|---|--:|--:|\n" + "".join(rows)


def test_the_sizes_on_the_page_are_true() -> None:
    page = PAGE.read_text(encoding="utf-8")
    if _IS_RECORDING:
        head, rest = page.split("<!-- sizes: begin -->\n")
        PAGE.write_text(
            f"{head}<!-- sizes: begin -->\n{table()}<!-- sizes: end -->{rest.split('<!-- sizes: end -->')[1]}"
        )
        return
    written = {
        row["part"]: [int(row[name].replace(",", "")) for name in ("files", "lines")] for row in _ROW.finditer(page)
    }
    assert set(written) == set(_PARTS)
    drifted = {
        part: (written[part], counts)
        for part, counts in measured().items()
        if any(
            abs(ours - true) > max(slack, _TOLERANCE * true)
            for ours, true, slack in zip(written[part], counts, _ROUNDING, strict=True)
        )
    }
    assert not drifted, "OPSCTL_KEEP_SCREENS=1 pytest tests/test_sizes.py writes them again"


def test_every_folder_of_the_program_is_listed() -> None:
    folders = {
        path.relative_to(ROOT).parts[1] for path in (ROOT / "opsctl").rglob("*.py") if path.parent.parent != ROOT
    }
    assert {f"opsctl/{folder}" for folder in folders} <= set(_PARTS)
