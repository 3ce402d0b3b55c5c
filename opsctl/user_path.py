"""A path as somebody has written it into a variable or an option."""

from __future__ import annotations

import os
from pathlib import Path


def user_path(written: str) -> Path:
    """The path, with the home folder in the place of `~`; `~name` stays where there is no user of that name."""
    # `Path.expanduser` fails there.
    return Path(os.path.expanduser(written))  # noqa: PTH111
