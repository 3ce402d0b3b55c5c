"""Screens on a fake terminal that records its output."""

from __future__ import annotations

import io
import re

from opsctl.render.page import Page
from opsctl.render.screen import Screen


class Window(io.StringIO):
    """The output of a fake terminal."""

    is_terminal = True

    def isatty(self) -> bool:
        return self.is_terminal

    @property
    def lines(self) -> list[str]:
        """The output without colours and cursor movements."""
        return plain(self.getvalue()).splitlines()


def plain(text: str) -> str:
    """What a terminal wrote, without colours, cursor movements and trailing blanks."""
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "").splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


def terminal(width: int, *, height: int = 50) -> tuple[Screen, Window]:
    """Both consoles on one terminal."""
    window, screen = Window(), Screen()
    screen.words = Page(file=window, width=width, height=height)
    screen.data = Page(file=window, width=width, height=height)
    return screen, window
