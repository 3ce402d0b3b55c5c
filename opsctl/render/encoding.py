"""What the standard streams can say: where UTF-8 is missing, arrows, bars and dots are spelled in ASCII."""

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


def settle_streams() -> None:
    """Let nothing that is printed fail for its letters: signs get their ASCII spelling, other letters their number."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="ascii" if _is_ascii(stream.encoding) else stream.encoding, errors=_ERRORS)


def _is_ascii(encoding: str) -> bool:
    """Whether only ASCII was asked for: with `LC_ALL=C` Python writes UTF-8 all the same."""
    if not encoding.lower().startswith("utf"):
        return codecs.lookup(encoding).name == "ascii"
    by_name = {"PYTHONIOENCODING", "PYTHONUTF8"} & os.environ.keys()
    return bool(sys.flags.utf8_mode) and not by_name and codecs.lookup(locale.getencoding()).name == "ascii"


def _spelled(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    words = (_ASCII.get(one) or one.encode("ascii", "backslashreplace").decode("ascii") for one in letters)
    return "".join(words), error.end


codecs.register_error(_ERRORS, _spelled)
