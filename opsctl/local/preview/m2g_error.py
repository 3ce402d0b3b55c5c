"""An error of m2g's: its type and its words, as m2g's traceback ends with them."""

from __future__ import annotations


class M2gError(Exception):
    """What m2g 0.3.0 raises at this place.

    Parameters
    ----------
    kind
        The exception's name as Python prints it, such as `ValueError`.
    message
        m2g's own words.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def __str__(self) -> str:
        return f"{self.kind}: {self.args[0]}"
