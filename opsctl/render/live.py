"""Spinners and bars, which are removed from the terminal at the end, also after Ctrl-C or an error."""

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
    """Redraw a picture several times a second; its lines are cut at the terminal's edge, so that all are erased.

    Yields
    ------
    Live or None
        None where nothing may be redrawn.
    """
    if not page.is_live:
        yield None
        return

    def fitting() -> Text:
        text = harmless_text(picture())
        text.no_wrap, text.overflow = True, "ellipsis" if page.knows_unicode else "crop"
        return text

    with Live(
        get_renderable=fitting, console=page, refresh_per_second=_FRAMES_A_SECOND, transient=True, redirect_stdout=False
    ) as live:
        yield live


@contextmanager
def spinner(page: Page, text: str) -> Iterator[None]:
    """Show a spinner while something short runs."""
    frames = _FRAMES if page.knows_unicode else _PLAIN_FRAMES

    def picture() -> Text:
        frame = frames[int(time.monotonic() * _FRAMES_A_SECOND) % len(frames)]
        return Text.assemble((frame, "green"), f" {text}")

    with drawn(page, picture):
        yield


@contextmanager
def bar(page: Page, text: str, *, total: int, amount_text: Callable[[int], str]) -> Iterator[Callable[[int], None]]:
    """Show a bar that fills; yields a function that adds an amount.

    Parameters
    ----------
    amount_text
        Formats an amount.
    """
    mark = _FULL if page.knows_unicode else _PLAIN
    width = min(_BAR, page.width // 5)
    done = 0

    def picture() -> Text:
        filled = round(width * min(1.0, done / total)) if total else width
        rest = (mark if page.knows_unicode else ".") * (width - filled)
        return Text.assemble(
            (mark * filled, "cyan"), (rest, "dim"), f" {amount_text(done)} of {amount_text(total)}  {text}"
        )

    def advance(amount: int) -> None:
        nonlocal done
        done += amount

    with drawn(page, picture):
        yield advance
