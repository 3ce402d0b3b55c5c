"""An image's build and push while they go on, and what became of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC

from rich.text import Text

from opsctl.commands.platform.image import BuiltImage
from opsctl.commands.platform.image_status import ImageStatus
from opsctl.core.errors import Interrupted, Problem
from opsctl.render.live import drawn
from opsctl.render.page import table
from opsctl.render.screen import Screen, counted, size_text

_KEPT = 20


@contextmanager
def engine_at_work(screen: Screen, title: str) -> Iterator[Callable[[str], None]]:
    """Yields a function to be told an engine's lines: on a terminal the last one is shown, elsewhere all.

    When it fails, its last lines stay.
    """
    last: deque[str] = deque(maxlen=_KEPT)

    def picture() -> Text:
        return Text.assemble((title, "bold"), f"  {last[-1] if last else ''}")

    def on_line(line: str) -> None:
        if not line.strip():
            return
        last.append(line)
        if not screen.words.is_live:
            screen.say(f"  {line}")

    try:
        with drawn(screen.words, picture):
            yield on_line
    except Interrupted:
        raise
    except Problem:
        if screen.words.is_live:
            for line in last:
                screen.say(f"  {line}", style="dim")
        raise


def show_built(screen: Screen, built: BuiltImage) -> None:
    """What was built, on what."""
    screen.say(f"Built {built.image} ({built.image_id[:12]}, {size_text(built.size_bytes)}).", style="green")
    if built.base_digest:
        screen.say(f"Its base: {built.base}, {built.base_digest}")
    else:
        screen.warn(f"Its base {built.base} is in no registry: nobody else can build the same.")


def show_image_status(screen: Screen, found: ImageStatus) -> None:
    """The definitions, then where their image lies, then what to do."""
    rows = [(f"{one.model}  {one.name}", one.image or "this revision is no longer there") for one in found.definitions]
    for line in table(rows, room=screen.data.room):
        screen.data.print(line)
    for sentence in _sentences(found):
        screen.data.print(sentence)


def _sentences(found: ImageStatus) -> Iterator[str]:
    if found.repository_url is None:
        yield "The local platform runs images from this machine; nothing is pushed."
    elif found.hidden:
        yield f"The repository does not tell: {found.hidden}"
    elif not found.is_own:
        yield f"Not in this platform's repository ({found.repository_url})."
    elif found.stored is None:
        yield "Not in the repository: no job can start. Build and push it: opsctl image build, opsctl image push"
    else:
        yield f"In the repository{_facts(found)}."
    if found.repository_url is not None and not found.is_pinned and (found.stored or not found.is_own):
        yield "Named by a tag, not by its digest: `opsctl image push` writes the digest down."
    if found.made is None or found.made.source is None:
        yield "What it was made from is not known on this machine."
    else:
        digest = f" ({found.made.base_digest})" if found.made.base_digest else ""
        yield f"Built by opsctl {found.made.version} on {found.made.base}{digest}."
    if found.is_outdated:
        yield "Its code is not this opsctl's: build and push again (opsctl image build, opsctl image push)."


def _facts(found: ImageStatus) -> str:
    stored = found.stored
    if stored is None:
        return ""
    facts = [f" as {', '.join(stored.tags)}"] if stored.tags else []
    if stored.pushed_at:
        facts.append(f"pushed {stored.pushed_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    if stored.size_bytes:
        facts.append(size_text(stored.size_bytes))
    if stored.findings is not None:
        counts = ", ".join(f"{count} {severity.lower()}" for severity, count in stored.findings.items())
        facts.append(
            f"{counted(sum(stored.findings.values()), 'finding')} of its scan" + (f" ({counts})" if counts else "")
        )
    return ", ".join(facts)
