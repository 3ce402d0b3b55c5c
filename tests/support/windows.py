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
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.getvalue()).replace("\r", "")
        return [line.rstrip() for line in text.splitlines()]


def terminal(width: int, *, height: int = 50) -> tuple[Screen, Window]:
    """Both consoles on one terminal."""
    window, screen = Window(), Screen()
    screen.words = Page(file=window, width=width, height=height)
    screen.data = Page(file=window, width=width, height=height)
    return screen, window
