"""The words of a command line as bash hands them to completion: it splits `s3://bucket/x` at its colons."""

from __future__ import annotations

from collections.abc import Sequence


def whole_words(words: Sequence[str], current: int) -> tuple[list[str], str, int]:
    """Join what bash has split at colons.

    Parameters
    ----------
    words
        From the program's name on, without empty ones.
    current
        The index of the word that is being typed; behind the last word where nothing of it is typed yet.

    Returns
    -------
    tuple of list of str, str and int
        The arguments before the word that is being typed, what is typed of it, and how many of its characters bash does
        not replace: those up to the last colon that it split at.
    """
    joined: list[str] = []
    is_open = False
    for word in words[1 : current + 1]:
        is_colon = set(word) == {":"}
        if joined and (is_colon or is_open):
            joined[-1] += word
        else:
            joined.append(word)
        is_open = is_colon
    if current >= len(words):
        return joined, "", 0
    incomplete = joined.pop()
    return joined, incomplete, len(incomplete) - (0 if is_open else len(words[current]))
