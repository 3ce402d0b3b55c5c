"""A file of a dataset that cannot be used."""

from __future__ import annotations


class UnreadableFile(Exception):
    """Why one file cannot be used: a phrase that follows its name, such as `is truncated`."""
