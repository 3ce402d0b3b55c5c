"""docs/policies, as an administrator takes it from there."""

from __future__ import annotations

import json
from typing import Any

from support.repository import ROOT

FOLDER = ROOT / "docs" / "policies"
RENDERED = ("run", "up", "up-network")


def filled(file: str, **values: str) -> str:
    """A file's text with its placeholders replaced, as `sed` does it.

    Parameters
    ----------
    file
        Without its suffix.
    values
        By placeholder: NAME, ACCOUNT, REGION, STATE_BUCKET, STATE_PREFIX.
    """
    text = (FOLDER / f"{file}.json").read_text()
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


def document(file: str, **values: str) -> dict[str, Any]:
    """The same as a policy."""
    parsed: dict[str, Any] = json.loads(filled(file, **values))
    return parsed
