"""What is drawn over while something goes on, and leaves nothing behind: not after Ctrl-C, not after an error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.live import Live
from rich.text import Text

from opsctl.render.page import Page, harmless_text

_FRAMES, _PLAIN_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"
_FRAMES_A_SECOND = 8
_FULL, _PLAIN = "━", "#"
_BAR = 20


@contextmanager
def drawn(page: Page, picture: Callable[[], Text]) -> Iterator[Live | None]:
    """Draw a picture again and again; its lines are cut at the terminal's edge, so that none is left over.

    Yields
    ------
    Live or None
        None where nothing may be drawn over.
    """
    if not page.is_live:
        yield None
        return

    def fitting() -> Text:
        made = harmless_text(picture())
        made.no_wrap, made.overflow = True, "ellipsis" if page.knows_unicode else "crop"
        return made

    with Live(
        get_renderable=fitting, console=page, refresh_per_second=_FRAMES_A_SECOND, transient=True, redirect_stdout=False
    ) as live:
        yield live


@contextmanager
def spinner(page: Page, text: str) -> Iterator[None]:
    """A sign that something short goes on."""
    frames = _FRAMES if page.knows_unicode else _PLAIN_FRAMES

    def picture() -> Text:
        frame = frames[int(time.monotonic() * _FRAMES_A_SECOND) % len(frames)]
        return Text.assemble((frame, "green"), f" {text}")

    with drawn(page, picture):
        yield


@contextmanager
def bar(page: Page, text: str, *, total: int, told: Callable[[int], str]) -> Iterator[Callable[[int], None]]:
    """A bar that fills; yields a function to be told what was added.

    Parameters
    ----------
    told
        An amount in words.
    """
    mark = _FULL if page.knows_unicode else _PLAIN
    width = min(_BAR, page.width // 5)
    done = 0

    def picture() -> Text:
        filled = round(width * min(1.0, done / total)) if total else width
        rest = (mark if page.knows_unicode else ".") * (width - filled)
        return Text.assemble((mark * filled, "cyan"), (rest, "dim"), f" {told(done)} of {told(total)}  {text}")

    def advance(amount: int) -> None:
        nonlocal done
        done += amount

    with drawn(page, picture):
        yield advance
