"""Find the Terraform code, the job runner, neuroparc's tables and pybids' patterns in a checkout or a package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from opsctl.core.atlases.atlas_node import AtlasNode, parse_nodes
from opsctl.core.atlases.atlas_table import AtlasTable
from opsctl.core.dataset.discovery import SUFFIXES
from opsctl.core.dataset.entities import EntityPatterns
from opsctl.core.errors import ErrorCode, Problem

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str, *, landmark: str) -> Path:
    # A wheel has both folders under opsctl/shipped; a checkout has them at its root. The landmark excludes an
    # unrelated folder of the same name beside site-packages.
    for candidate in (_PACKAGE / "shipped" / name, _PACKAGE.parent / name):
        if (candidate / landmark).exists():
            return candidate
    from opsctl.installation import installation

    raise Problem(
        f"This installation of opsctl lacks its {name}/ folder.",
        f"Install it again: `{installation().again()}`.",
        code=ErrorCode.INSTALLATION_INCOMPLETE,
    )


def terraform_dir() -> Path:
    """The folder with the Terraform roots `storage/` and `platform/` and their modules.

    Raises
    ------
    Problem
        When it is missing.
    """
    return _folder("terraform", landmark="platform")


def container_dir() -> Path:
    """The folder with the package `m2g_job` and the Dockerfile.

    Raises
    ------
    Problem
        When it is missing.
    """
    return _folder("container", landmark="m2g_job")


@cache
def atlas_table() -> AtlasTable:
    """The table of neuroparc's atlases."""
    return AtlasTable.parse((_PACKAGE / "neuroparc" / "atlases.tsv").read_text(encoding="utf-8"))


@cache
def atlas_nodes() -> Mapping[str, tuple[AtlasNode, ...]]:
    """The regions of neuroparc's atlases, by the atlas's name; 10 ms."""
    return parse_nodes((_PACKAGE / "neuroparc" / "nodes.tsv").read_text(encoding="utf-8"))


def entity_patterns() -> EntityPatterns:
    """Return pybids' entity patterns for the suffixes of m2g's inputs."""
    return EntityPatterns(bids_config(), suffixes=SUFFIXES)


def bids_config() -> dict[str, Any]:
    """The entity patterns of pybids, read from its JSON file: importing pybids would take half a second.

    Raises
    ------
    ModuleNotFoundError
        When pybids is not installed.
    """
    package = find_spec("bids")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError(name="bids")
    path = Path(package.submodule_search_locations[0]) / "layout" / "config" / "bids.json"
    config: dict[str, Any] = json.loads(path.read_text())
    return config
