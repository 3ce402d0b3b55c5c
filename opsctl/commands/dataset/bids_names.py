"""What pybids says of a BIDS folder: the names of its files, and its description."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class BidsNames:
    """pybids' verdict.

    Attributes
    ----------
    file_count
        How many names were looked at.
    invalid
        The paths that are no valid BIDS names, from the dataset's folder.
    description
        What is wrong with dataset_description.json: pybids' sentence, or empty.
    """

    file_count: int
    invalid: tuple[str, ...]
    description: str

    def as_json(self) -> dict[str, Any]:
        """What `check --json` prints."""
        return {"names": self.file_count, "invalid_names": list(self.invalid), "description": self.description}


def bids_names(folder: Path, paths: Iterable[str]) -> BidsNames:
    """Ask pybids about names, as it does before it indexes a file.

    Parameters
    ----------
    paths
        Of files, from the folder.
    """
    # It takes some seconds to import, and brings pandas and SQLAlchemy.
    from bids import BIDSValidator
    from bids.exceptions import BIDSValidationError
    from bids.layout.validation import validate_root

    validator = BIDSValidator()
    named = list(paths)
    invalid = tuple(path for path in named if not validator.is_bids(f"/{path}"))
    try:
        validate_root(folder, validate=True)
    except BIDSValidationError as error:
        # An example follows in further lines.
        description = str(error).partition("\n")[0].strip()
    else:
        description = ""
    return BidsNames(file_count=len(named), invalid=invalid, description=description)
