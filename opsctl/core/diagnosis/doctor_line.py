"""One line of `doctor`'s answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from opsctl.core.diagnosis.queue_snapshot import NotVisible
from opsctl.core.errors import Problem

Level = Literal["fine", "warning", "wrong"]


@dataclass(frozen=True)
class Line:
    """One line of `doctor`: a topic and its verdict."""

    topic: str
    level: Level
    what: str
    hint: str = ""


def unread(topic: str, fact: Problem | NotVisible, level: Level) -> Line:
    """The line of a fact that could not be read: of this level where the user can mend it, else a warning."""
    if isinstance(fact, NotVisible):
        return Line(topic, "warning", f"{fact.sentence[0].upper()}{fact.sentence[1:]}.")
    return Line(topic, level, fact.what, fact.hint)
