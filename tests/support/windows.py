"""Screens on a terminal that only writes down what it is told."""

from __future__ import annotations

import io
import re

from opsctl.render.page import Page
from opsctl.render.screen import Screen


class Window(io.StringIO):
    """What a terminal got."""

    is_terminal = True

    def isatty(self) -> bool:
        return self.is_terminal

    @property
    def lines(self) -> list[str]:
        """Without colours and movements."""
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.getvalue()).replace("\r", "")
        return [line.rstrip() for line in text.splitlines()]


def terminal(width: int, *, height: int = 50) -> tuple[Screen, Window]:
    """Both consoles on one terminal."""
    window, screen = Window(), Screen()
    screen.words = Page(file=window, width=width, height=height)
    screen.data = Page(file=window, width=width, height=height)
    return screen, window
