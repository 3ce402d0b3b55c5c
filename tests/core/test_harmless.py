"""Text of other people's making: nothing in it moves a terminal, whatever it is made of."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.core.harmless import harmless, shortened

#: Parts of which sequences are made, also broken ones.
PARTS = [
    *("\x1b", "\x1b[", "\x1b]0;", "\x1bP", "\x1b_", "\x1b^", "\x1bX", "\x1b\\", "\x07", "\x9b", "\x9c", "\x9d", "\x90"),
    *("[", "]", "31", "m", ";", "0", "J", "(", "B", "\\", "\r", "\n", "\t", " ", "a", "é", "脳", "🧠", "\x00", "\x7f"),
    *("\u061c", "\u200b", "\u200d", "\u200e", "\u202e", "\u2028", "\u2066", "\ufe0f", "\ufeff", "\ufff9", "\ue000"),
    *("\U000e0041", "\U000f0000", "\U00100000", "\ud800", "\udc80"),
]


#: Signs of Arabic and Syriac numbers, of Kaithi and of hieroglyphs: format characters with a shape of their own.
SHAPED = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001345f]")


def is_harmless(text: str) -> bool:
    """By Unicode's own categories: no control, format, private, surrogate or line separator character."""
    return not any(
        unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
        for char in SHAPED.sub("", text)
        if char not in "\n\t"
    )


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(PARTS), max_size=30).map("".join)))
def test_nothing_harmful_is_left_and_twice_is_once(text: str) -> None:
    once = harmless(text)
    assert is_harmless(once), ascii(once)
    assert harmless(once) == once
    once.encode()


def test_every_character_alone() -> None:
    everything = "".join(map(chr, range(0x110000)))
    left = harmless(everything)
    assert is_harmless(left)
    # Whatever people write is still there: letters, marks but variation selectors, numbers, signs, blanks.
    missing = [
        char
        for char in set(everything) - set(left)
        if unicodedata.category(char)[0] in "LMNPSZ" and unicodedata.category(char) not in ("Zl", "Zp")
    ]
    assert {ascii(char) for char in missing if not "\ufe00" <= char <= "\ufe0f" and char < "\U000e0000"} == {
        *("'\\u034f'", "'\\u115f'", "'\\u1160'", "'\\u17b4'", "'\\u17b5'", "'\\u180b'", "'\\u180c'", "'\\u180d'"),
        *("'\\u180f'", "'\\u3164'", "'\\uffa0'"),
    }


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("plain text", "plain text"),
        ("Größe µm 脳 мозг דג 🧠 ❤️", "Größe µm 脳 мозг דג 🧠 ❤"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07rest", "rest"),
        ("\x1b]52;c;aGk=\x1b\\rest", "rest"),
        ("\x9d0;title\x9crest", "rest"),
        ("\x1bPq#0;2;0\x1b\\rest", "rest"),
        ("\x1b_apc\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\rest", "rest"),
        ("\x1b(0lqk\x1b(B", "lqk"),
        ("\x1bcreset", "reset"),
        ("\x1b]0;no end, and the error is here", "0;no end, and the error is here"),
        ("\x1b]0;no end\nthe next line\x07", "0;no end\nthe next line"),
        ("\x1b\x00[31m", "[31m"),
        ("\x1b\x1b[31m[31mx", "[31mx"),
        ("\x1b[\x1b[31m31mx", "31mx"),
        ("\x1b", ""),
        ("a\rb\x08\x08c", "abc"),
        ("fdp.\u202egnp.exe", "fdp.gnp.exe"),
        ("sub\u200b-\u206001", "sub-01"),
        ("a\ud800b\udc80", "a\\ud800b\\udc80"),
        ("\ue000\U000f1234\U000e0041x", "x"),
    ],
)
def test_examples(text: str, left: str) -> None:
    assert harmless(text) == left


@pytest.mark.parametrize(
    "part", ["a", "é", "\x1b", "\x1b]", "\x1b[", "\x1b[0", "\x1bP;", "\x9d", "\u202e", "\x1b]0;a\x07", "\x1b(", "[m"]
)
def test_the_time_is_linear(part: str) -> None:
    """A megabyte, and one of which no sequence ends; twenty times what it takes here."""
    for text in (part * (1_000_000 // len(part)), f"\x1b]{part * (1_000_000 // len(part))}"):
        began = time.process_time()
        harmless(text)
        assert time.process_time() - began < 2


def test_a_long_text_is_cut_and_says_so() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "abc… cut, 1 more characters"
    assert shortened("x" * 10_000_000, 10) == "x" * 10 + "… cut, 9,999,990 more characters"
