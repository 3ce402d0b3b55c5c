"""The table of every verb with its options and arguments, which `python -m manual` writes from the program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opsctl.core.foreign_json import parse

TABLE = Path(__file__).with_name("table.json")


def option_table() -> Mapping[str, Any]:
    """Every verb with its options and arguments."""
    return parse(TABLE.read_bytes())  # type: ignore[no-any-return]
