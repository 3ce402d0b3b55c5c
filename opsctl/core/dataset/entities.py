"""BIDS paths, by the patterns that pybids ships.

The patterns are the one source of entity rules; they are read as data (`opsctl.assets.bids_config`), because
importing pybids costs half a second at every start. Its path patterns say which names are BIDS's, its entity
patterns what a label may be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# The words of a path pattern: `{run}`, `{suffix<T1w|T2w>}`, `{extension<.nii|.json>|.json}`, `<index>`, `[` and `]`.
_WORD = re.compile(r"\{(?P<entity>\w+)(?:<(?P<values>[^>]*)>)?(?:\|[^}]*)?\}|(?P<index><index>)|(?P<bracket>[\[\]])")

# pybids' path patterns lack what its validator, and so its layout, takes: the chunks of a bold series.
_LACKING = ("[_part-{part}]_{suffix<bold|", "[_part-{part}][_chunk-{chunk}]_{suffix<bold|")

# What an entity's own pattern takes as its label: the first group, `(\d+)`, `(mag|phase|real|imag)`.
_LABEL = re.compile(r"\(((?:[^()]|\\.)*)\)")


@dataclass(frozen=True, slots=True)
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


class EntityPatterns:
    """pybids' patterns for the files of some suffixes, compiled once.

    Parameters
    ----------
    config
        The parsed `bids.json` of pybids.
    suffixes
        Which files are of interest: `dwi`, `bold`, `T1w`.
    """

    def __init__(self, config: Mapping[str, Any], *, suffixes: Sequence[str]) -> None:
        labels = {entity["name"]: _label(entity["pattern"]) for entity in config["entities"]}
        self._integers = frozenset(entity["name"] for entity in config["entities"] if entity.get("dtype") == "int")
        self._patterns = {
            suffix: [
                # `\d` is 0 to 9 only: BIDS knows no other script's digits.
                re.compile(expression, re.ASCII)
                for template in config["default_path_patterns"]
                for level in _levels(template.replace(*_LACKING))
                if (expression := _expression(level, suffix, labels)) is not None
            ]
            for suffix in suffixes
        }

    def parse(self, path: str) -> BidsPath | None:
        """Take a path below the dataset's root apart.

        Returns
        -------
        BidsPath or None
            None where pybids has no pattern for it: another suffix, a label that BIDS does not allow, entities in
            another order, a folder that speaks of another subject or session.
        """
        folder, _, name = path.rpartition("/")
        *pairs, last = name.split("_")
        for pattern in self._patterns.get(last.partition(".")[0], ()):
            match = pattern.fullmatch(path)
            if match is not None:
                found = {name: label for name, label in match.groupdict().items() if label is not None}
                for integer in self._integers & found.keys():
                    found[integer] = int(found[integer])
                return BidsPath(path, folder, found, tuple(pairs))
        return None


def _levels(template: str) -> list[str]:
    """A template, and for a file that may be inherited the same one a folder and a session higher.

    pybids spells out the pattern beside the image and the one at the dataset's root; those at the subject and at the
    session follow from BIDS's inheritance principle: the folder's entities, then the file's own.
    """
    if template.startswith("sub-"):
        return [template]
    higher = ("sub-{subject}/sub-{subject}_", "sub-{subject}/ses-{session}/sub-{subject}_ses-{session}_")
    return [template, *(start + template for start in higher)]


def _label(pattern: str) -> str:
    found = _LABEL.search(pattern)
    return found.group(1) if found is not None else ".+"


def _expression(template: str, suffix: str, labels: Mapping[str, str]) -> str | None:
    """A template as a regular expression for one suffix, or None where the template is for others."""
    words = list(_WORD.finditer(template))
    if not any(word["entity"] == "suffix" and suffix in (word["values"] or "").split("|") for word in words):
        return None
    parts: list[str] = []
    seen: set[str] = set()
    end = 0
    for word in words:
        parts.append(re.escape(template[end : word.start()]))
        end = word.end()
        if word["bracket"]:
            parts.append("(?:" if word["bracket"] == "[" else ")?")
        elif word["index"]:
            parts.append(r"(?P<chunk>\d+)")
        else:
            values = suffix if word["entity"] == "suffix" else word["values"]
            parts.append(_group(word["entity"], values, labels, seen))
    # Where a folder speaks of a session, the name must too.
    optional = "(?:_ses\\-(?P=session))?"
    return ("".join(parts) + re.escape(template[end:])).replace(optional, f"(?(session){optional[3:-2]})")


def _group(entity: str, values: str | None, labels: Mapping[str, str], seen: set[str]) -> str:
    if entity in seen:
        return f"(?P={entity})"
    seen.add(entity)
    if values is None:
        return f"(?P<{entity}>{labels[entity]})"
    return f"(?P<{entity}>{'|'.join(map(re.escape, values.split('|')))})"
