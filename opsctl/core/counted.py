"""Numbers with their noun, and the verb that fits: `1 job is`, `2 jobs are`."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """`1 scan`, `2 scans`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def counted_verb(count: int, noun: str, *, singular: str = "is", plural: str = "are") -> str:
    """`1 job is`, `2 jobs are`.

    Parameters
    ----------
    singular, plural
        The verb after one and after several things.
    """
    return f"{counted(count, noun)} {singular if count == 1 else plural}"
