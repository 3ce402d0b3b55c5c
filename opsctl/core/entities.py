"""BIDS entities of a path, by the patterns that pybids ships.

The patterns are the one source of entity rules; they are read as data (`opsctl.assets.bids_config`), because
importing pybids costs half a second at every start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# A file name: entity-label pairs, a suffix, an extension. Labels are letters, digits and `+`, as in pybids' patterns.
_NAME = re.compile(r"^((?:[a-zA-Z0-9]+-[a-zA-Z0-9+]+_)*)([a-zA-Z0-9+]+)(\.[^/]+)$")


@dataclass(frozen=True)
class BidsPath:
    """One path of a dataset, taken apart.

    Attributes
    ----------
    folder
        The folders above the file, `sub-01/ses-1/dwi`, empty at the dataset's root.
    entities
        pybids' entity names to labels (`run` an integer), with `suffix`, `extension` and `datatype`.
    pairs
        The file name's own `entity-label` words in their order.
    """

    path: str
    folder: str
    entities: Mapping[str, Any]
    pairs: tuple[str, ...]

    @property
    def stem(self) -> str:
        """The file's name without its extension."""
        return self.path.rsplit("/", 1)[-1].removesuffix(self.entities["extension"])


class EntityPatterns:
    """pybids' patterns, compiled once.

    Parameters
    ----------
    config
        The parsed `bids.json` of pybids.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._patterns = [
            (entity["name"], re.compile(entity["pattern"]), entity.get("dtype") == "int")
            for entity in config["entities"]
        ]

    def parse(self, path: str) -> BidsPath | None:
        """Take a path below the dataset's root apart.

        Returns
        -------
        BidsPath or None
            None where the file's name is not made of BIDS's `entity-label` words.
        """
        folder, _, name = path.rpartition("/")
        match = _NAME.match(name)
        if match is None:
            return None
        entities: dict[str, Any] = {}
        rooted = "/" + path
        for entity, pattern, is_integer in self._patterns:
            found = pattern.search(rooted)
            if found is not None:
                entities[entity] = int(found.group(1)) if is_integer else found.group(1)
        return BidsPath(path, folder, entities, tuple(word for word in match.group(1).split("_") if word))
