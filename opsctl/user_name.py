"""The name of the user who types, for records and locks."""

from __future__ import annotations

import getpass
import os


def user_name() -> str:
    """The login name; `uid 54321` for a user whom the user database does not know, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # No variable names the user, and the database has no entry. Python 3.13 raises OSError.
        return f"uid {os.getuid()}"
