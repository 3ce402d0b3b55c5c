"""Addresses of messages. They hold tokens and passwords, so nothing of them but the scheme is ever shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

#: The option that takes addresses, and what stands for one where a command line is recorded.
OPTION = "--notify"
PLACEHOLDER = "URL"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30})://")


def split_addresses(texts: Iterable[str]) -> list[str]:
    """The addresses in options or in a setting: each once, separated by blanks."""
    return list(dict.fromkeys(address for text in texts for address in text.split()))


def shown_address(address: str) -> str:
    """What may be shown of an address: `slack://…`."""
    match = _SCHEME.match(address)
    return f"{match[1].lower()}://…" if match else "…"


def without_addresses(arguments: Sequence[str]) -> list[str]:
    """A command line in which `URL` stands for each address."""
    shown: list[str] = []
    for argument in arguments:
        is_value = bool(shown) and shown[-1] == OPTION
        is_joined = argument.startswith(f"{OPTION}=")
        shown.append(PLACEHOLDER if is_value else f"{OPTION}={PLACEHOLDER}" if is_joined else argument)
    return shown
