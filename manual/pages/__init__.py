"""The generated pages of the manual: each module makes its pages from the program's own tables."""

from __future__ import annotations

from pathlib import Path

from manual.pages import causes, exit_codes, settings, terraform_variables, verbs

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def pages() -> dict[str, str]:
    """The text of every generated page, by its path below docs/."""
    return {
        **verbs.pages(),
        "reference/settings.md": settings.page(),
        "reference/terraform-variables.md": terraform_variables.page(ROOT / "terraform"),
        "reference/causes.md": causes.page(),
        "reference/exit-codes.md": exit_codes.page(),
    }


def outdated() -> list[str]:
    """The pages that differ from what the program would make, and those that no generator makes any more."""
    made = pages()
    wrong = [name for name, text in made.items() if not (DOCS / name).is_file() or (DOCS / name).read_text() != text]
    stray = [
        str(path.relative_to(DOCS))
        for path in (DOCS / verbs.FOLDER).glob("*.md")
        if str(path.relative_to(DOCS)) not in made
    ]
    return wrong + stray


def write() -> None:
    """Write every generated page."""
    for stray in set(outdated()) - set(pages()):
        (DOCS / stray).unlink()
    for name, text in pages().items():
        (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / name).write_text(text)
