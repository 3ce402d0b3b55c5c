"""Replaces arrows, bars and dots by ASCII where the standard streams do not take UTF-8."""

from __future__ import annotations

import codecs
import io
import locale
import os
import sys

_ASCII = {
    "→": "->",
    "←": "<-",
    "…": "...",
    "━": "#",
    "│": "|",
    "·": "-",
    "–": "-",
    "—": "-",
    "×": "x",
    "≤": "<=",
    "≥": ">=",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
}
_ERRORS = "opsctl.spelled"


def replace_unencodable() -> None:
    """Make the standard streams encode every character: signs by their ASCII replacement, others by an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="ascii" if _is_ascii(stream.encoding) else stream.encoding, errors=_ERRORS)


def _is_ascii(encoding: str) -> bool:
    """Whether the environment asks for ASCII: with `LC_ALL=C` Python still writes UTF-8."""
    if not encoding.lower().startswith("utf"):
        return codecs.lookup(encoding).name == "ascii"
    explicit = {"PYTHONIOENCODING", "PYTHONUTF8"} & os.environ.keys()
    return bool(sys.flags.utf8_mode) and not explicit and codecs.lookup(locale.getencoding()).name == "ascii"


def _ascii_replacement(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    replaced = (_ASCII.get(char) or char.encode("ascii", "backslashreplace").decode("ascii") for char in characters)
    return "".join(replaced), error.end


codecs.register_error(_ERRORS, _ascii_replacement)
