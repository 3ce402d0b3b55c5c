"""Text of unknown origin (log lines, names, records) that is about to be printed or logged.

Whatever opsctl prints, logs or puts into a page passes `harmless`. Sequences are dropped, not shown: logs of programs
are full of colours. Two names that differ only in them look alike; `--json` has both exactly, with escapes.
"""

from __future__ import annotations

import re
from functools import cache

# What cannot be seen, or has no agreed meaning: controls (but tab and newline), soft hyphen, joiners and fillers,
# directions, line separators, variation selectors, annotations, tags, private use. A joined emoji falls apart into
# its parts, which can be read.
_INVISIBLE = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ue000-\uf8ff"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff"
)
# What follows an introducer. A string (a title, the clipboard, a query) ends with BEL, ST or at the first control
# character: one without an end hides nothing of the next line. `*+` does not backtrack, so that the time is linear.
_STRING = r"[^\x00-\x1f\x7f-\x9f]*+(?:\x07|\x1b\\|\x9c)"
_CSI = r"[0-?]*+[ -/]*+[@-~]"
# Such characters are removed, with the sequence that the last one begins: the rest of a broken one has no introducer.
_CONTROL = (
    rf"[{_INVISIBLE}]++"
    rf"(?:(?<=\x1b)(?:[PX\]^_]{_STRING}|\[{_CSI}|[ -/]*+[0-~])|(?<=\x9b){_CSI}|(?<=[\x90\x98\x9d-\x9f]){_STRING})?"
)
# Half a pair of UTF-16 cannot be encoded; the name of a file has them for its bytes that are no UTF-8.
_HALF = r"[\ud800-\udfff]"

#: The longest text that is printed as one message, in characters; longer ones are cut (`shortened`).
LONGEST_MESSAGE = 20_000


def harmless(text: str) -> str:
    r"""Remove what moves a terminal, changes the writing direction, or cannot be seen.

    Parameters
    ----------
    text
        Of any origin and length; the time is linear in it.

    Returns
    -------
    str
        Letters of all scripts, signs, emoji, blanks, tabs and newlines; half a pair of surrogates as `\udc80`. The
        result of a result is itself.
    """
    if text.isascii() and text.isprintable():
        return text
    control, half = _patterns()
    return half.sub(_spelled, control.sub("", text))


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    # At the first text that needs them: most commands print none, and compiling them is a fiftieth of a Tab key's time.
    return re.compile(_CONTROL), re.compile(_HALF)


def _spelled(half: re.Match[str]) -> str:
    return f"\\u{ord(half[0]):04x}"


def shortened(text: str, limit: int = LONGEST_MESSAGE) -> str:
    """The beginning of a text, and how much of it is missing: `abc… cut, 1,000 more characters`.

    Parameters
    ----------
    limit
        How many characters of the text are kept; the note comes on top.
    """
    more = len(text) - limit
    return text if more <= 0 else f"{text[:limit]}… cut, {more:,} more characters"
