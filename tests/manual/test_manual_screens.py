"""The pictures of the manual show what its tutorial shows, and load nothing."""

from __future__ import annotations

import re

import pytest
from support.repository import ROOT
from tutorial.tutorial_page import steps

from manual.screens import svg, text_of

SCREENS = sorted((ROOT / "docs/screens").glob("*.svg"))
OUTPUTS = {step.command: step.output for step in steps((ROOT / "docs/tutorial/first-hour.md").read_text())}


@pytest.mark.parametrize("picture", SCREENS, ids=lambda path: path.stem)
def test_a_picture_has_the_letters_of_the_tutorial(picture) -> None:
    text = picture.read_text()
    shown = [command for command in OUTPUTS if f">{command.replace(' ', '&#160;')}<" in text or f">{command}<" in text]
    assert shown, "its title is a command of the tutorial"
    assert "".join(OUTPUTS[shown[-1]].split()) in text_of(text)


def test_there_are_pictures_and_each_is_on_a_page() -> None:
    assert len(SCREENS) == 3
    pages = "\n".join(page.read_text() for page in (ROOT / "docs").rglob("*.md"))
    assert [path.name for path in SCREENS if f"screens/{path.name})" not in pages] == []


def test_a_picture_loads_nothing_and_keeps_its_colours() -> None:
    class Cell:
        bold = italics = underscore = reverse = False

        def __init__(self, data: str, fg: str) -> None:
            self.data, self.fg = data, fg

    picture = svg([[Cell(letter, "red") for letter in "wrong <1>"], [Cell("b", "default")]], title="opsctl check")
    assert "url(http" not in picture and "@font-face" not in picture and "Fira" not in picture
    assert text_of(picture).endswith("wrong<1>b")
    assert len(set(re.findall(r"fill: (#\w+)", picture))) >= 2
