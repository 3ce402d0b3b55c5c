"""A command in the page: a line of it may end between two arguments, never inside an option."""

from __future__ import annotations

import re

from markupsafe import Markup

from opsctl.core.harmless import harmless
from opsctl.render.typed_platform import TYPED

#: An option with its value, or a single word.
_PART = re.compile(r"(?:--?\w[\w-]*(?:[ =](?!-)\S+)?)|\S+")
#: Longer parts, such as an address, do not fit into a line of a telephone.
_LONGEST = 30


def advised(command: str) -> Markup:
    """The markup of a command that the page advises: it is about the platform that the user named."""
    return command_text(TYPED.platform.command(command) if command.startswith("opsctl ") else command)


def command_text(text: str) -> Markup:
    """The markup of a command."""
    parts = []
    for part in _PART.findall(harmless(text)):
        option, _, value = part.partition(" ")
        pieces = [part] if len(part) <= _LONGEST else [piece for piece in (option, value) if piece]
        parts += [
            Markup('<span class="whole">{}</span>').format(piece)
            if len(piece) <= _LONGEST
            else Markup("{}").format(piece)
            for piece in pieces
        ]
    return Markup(" ").join(parts)
