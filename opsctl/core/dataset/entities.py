"""Parse BIDS paths with the patterns that pybids ships.

The patterns are the only source of entity rules. opsctl reads them as data (`opsctl.assets.bids_config`), because
importing pybids takes half a second at every start. pybids' path patterns define the valid file names, its entity
patterns the valid labels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# The tokens of a path pattern: `{run}`, `{suffix<T1w|T2w>}`, `{extension<.nii|.json>|.json}`, `<index>`, `[` and `]`.
_TOKEN = re.compile(r"\{(?P<entity>\w+)(?:<(?P<values>[^>]*)>)?(?:\|[^}]*)?\}|(?P<index><index>)|(?P<bracket>[\[\]])")

# pybids' path patterns lack the chunks of a bold series, which its validator, and so its layout, accepts.
_WITH_CHUNKS = ("[_part-{part}]_{suffix<bold|", "[_part-{part}][_chunk-{chunk}]_{suffix<bold|")

# An entity's label is the first group of its pattern: `(\d+)`, `(mag|phase|real|imag)`.
_LABEL = re.compile(r"\(((?:[^()]|\\.)*)\)")


@dataclass(frozen=True, slots=True)
class BidsPath:
    """A parsed path of a dataset.

    Attributes
    ----------
    folder
        The folders above the file, such as `sub-01/ses-1/dwi`; empty at the dataset's root.
    entities
        Labels by pybids' entity name (`run` is an integer), with `suffix`, `extension` and `datatype`.
    pairs
        The `entity-label` pairs of the file name, in their order.
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
        pybids' parsed `bids.json`.
    suffixes
        The suffixes of the files to parse: `dwi`, `bold`, `T1w`.
    """

    def __init__(self, config: Mapping[str, Any], *, suffixes: Sequence[str]) -> None:
        labels = {entity["name"]: _label(entity["pattern"]) for entity in config["entities"]}
        self._integers = frozenset(entity["name"] for entity in config["entities"] if entity.get("dtype") == "int")
        self._patterns = {
            suffix: [
                # With re.ASCII, `\d` matches 0 to 9 only: BIDS allows no other script's digits.
                re.compile(expression, re.ASCII)
                for template in config["default_path_patterns"]
                for level in _levels(template.replace(*_WITH_CHUNKS))
                if (expression := _expression(level, suffix, labels)) is not None
            ]
            for suffix in suffixes
        }

    def parse(self, path: str) -> BidsPath | None:
        """Parse a path relative to the dataset's root.

        Returns
        -------
        BidsPath or None
            None where no pattern matches: another suffix, a label that BIDS does not allow, entities in another
            order, or a folder of another subject or session.
        """
        folder, _, name = path.rpartition("/")
        *pairs, last = name.split("_")
        for pattern in self._patterns.get(last.partition(".")[0], ()):
            match = pattern.fullmatch(path)
            if match is not None:
                entities = {entity: label for entity, label in match.groupdict().items() if label is not None}
                for entity in self._integers & entities.keys():
                    entities[entity] = int(entities[entity])
                return BidsPath(path, folder, entities, tuple(pairs))
        return None


def _levels(template: str) -> list[str]:
    """A template and, for a file that may be inherited, the same template in every folder above an image.

    pybids contains only the patterns beside the image and at the dataset's root. The others follow from BIDS's
    inheritance principle: a sidecar may lie in any folder above, and names the subject and the session where it is only
    for one of them. The folder's own entities must be in its name.
    """
    if template.startswith("sub-"):
        return [template]
    session = "sub-{subject}_ses-{session}_"
    root = ("sub-{subject}_", "ses-{session}_", session)
    subject = ("sub-{subject}/sub-{subject}_", f"sub-{{subject}}/{session}")
    return [
        template,
        *(prefix + template for prefix in (*root, *subject, f"sub-{{subject}}/ses-{{session}}/{session}")),
    ]


def _label(pattern: str) -> str:
    match = _LABEL.search(pattern)
    return match.group(1) if match is not None else ".+"


def _expression(template: str, suffix: str, labels: Mapping[str, str]) -> str | None:
    """A template as a regular expression for one suffix; None where the template is for other suffixes."""
    tokens = list(_TOKEN.finditer(template))
    if not any(token["entity"] == "suffix" and suffix in (token["values"] or "").split("|") for token in tokens):
        return None
    parts: list[str] = []
    seen: set[str] = set()
    end = 0
    for token in tokens:
        parts.append(re.escape(template[end : token.start()]))
        end = token.end()
        if token["bracket"]:
            parts.append("(?:" if token["bracket"] == "[" else ")?")
        elif token["index"]:
            parts.append(r"(?P<chunk>\d+)")
        else:
            values = suffix if token["entity"] == "suffix" else token["values"]
            parts.append(_group(token["entity"], values, labels, seen))
    # Where the folders contain a session, the file name must contain it, too.
    optional = "(?:_ses\\-(?P=session))?"
    return ("".join(parts) + re.escape(template[end:])).replace(optional, f"(?(session){optional[3:-2]})")


def _group(entity: str, values: str | None, labels: Mapping[str, str], seen: set[str]) -> str:
    if entity in seen:
        return f"(?P={entity})"
    seen.add(entity)
    if values is None:
        return f"(?P<{entity}>{labels[entity]})"
    return f"(?P<{entity}>{'|'.join(map(re.escape, values.split('|')))})"
