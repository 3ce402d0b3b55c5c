"""The names and sidecars of BIDS's draft for connectivity: BEP017, relationship matrices (`_relmat`).

The draft is not part of BIDS. This follows its schema in pull request 1902 of bids-specification, in the state of
2024-08-21 (commit 1b968dfc), which was the newest public text in July 2026. The entity `atlas-` is BIDS's own since
1.11. Where the schema is silent, the names are those that other programs write: `meas-` before the suffix, no header.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opsctl.core.atlases.atlas import name_of
from opsctl.core.harmless import harmless
from opsctl.core.preview import BANNER
from opsctl.core.results.connectome_table import UNKNOWN
from opsctl.core.results.formats.format_name import scan_stem
from opsctl.core.results.formats.stack_about import weight_text
from opsctl.core.results.formats.stack_tables import ScanLosses, are_labels_known, names_of
from opsctl.core.results.table_cell import table_text

if TYPE_CHECKING:
    from opsctl.core.reliability.graph_stack import GraphStack, StackedScan
    from opsctl.core.runs.output_kinds import GraphKind

DRAFT = "BEP017, draft of 2024-08-21 (pull request 1902 of bids-specification)"
BIDS_VERSION = "1.11.1"
#: The name of the dataset that the matrices were made of, in BIDS URIs.
SOURCE = "m2g"

#: Files that BIDS's validator does not know yet.
BIDSIGNORE = "*_relmat.*\n*_nodeindices.*\natlas-*_dseg.tsv\n"

_DATATYPE: dict[GraphKind, str] = {"streamlines": "dwi", "correlation": "func", "absolute correlation": "func"}
_MEASURE: dict[GraphKind, str] = {
    "streamlines": "streamlineCount",
    "correlation": "pearsonCorrelation",
    "absolute correlation": "absolutePearsonCorrelation",
}
_ENTITY = re.compile(r"[A-Za-z]+-[A-Za-z0-9+]+")
_RESOLUTION = re.compile(r"_res-([0-9]+)x([0-9]+)x([0-9]+)")

NODE_INDEX_COLUMNS: dict[str, dict[str, str]] = {
    "matrix_index": {"Description": "The row and column of the region in the matrix, counted from 0"},
    "node_file": {"Description": "The table that lists the atlas's regions"},
    "node_index": {"Description": "Value of the region in the atlas's image (column index of node_file)"},
    "name": {"Description": "Name of the region, different for each row"},
}


def atlas_entities(stack: GraphStack) -> str:
    """`atlas-Desikan_res-2x2x2`; BIDS's labels have letters and digits only."""
    label = re.sub(r"[^A-Za-z0-9]", "", name_of(stack.atlas).partition("_space-")[0]) or "unknown"
    size = _RESOLUTION.search(stack.atlas)
    return f"atlas-{label}" + (f"_res-{'x'.join(size.groups())}" if size else "")


def relmat_stem(stack: GraphStack, scan: StackedScan) -> str:
    """The path of a scan's matrix below the dataset, without `_relmat` and its ending."""
    words = [word for word in scan_stem(scan).split("_") if _ENTITY.fullmatch(word)]
    folders = [word for word in words if word.startswith(("sub-", "ses-"))]
    name = "_".join([*words, atlas_entities(stack), f"meas-{_MEASURE[stack.kind]}"])
    return "/".join([*folders, _DATATYPE[stack.kind], name])


def sidecar(stack: GraphStack, lost: ScanLosses, *, source: str | None, software: str) -> dict[str, Any]:
    """The JSON beside a matrix.

    Parameters
    ----------
    lost
        The scan's lost regions.
    source
        The connectome that m2g wrote, below the folder of `opsctl results`; None where it is not known.
    software
        A URI of the program that made the connectome.
    """
    entities = atlas_entities(stack)
    size = _RESOLUTION.search(stack.atlas)
    value: dict[str, Any] = {
        "RelationshipMeasure": _MEASURE[stack.kind],
        "MeasureDescription": weight_text(stack.kind)
        + (f" (diffusion model {stack.model})" if stack.model else "")
        + (f". {BANNER}" if stack.is_preview else ""),
        "Weighted": True,
        "Directed": False,
        "ValidDiagonal": False,
        "NonNegative": stack.kind != "correlation",
        "StorageFormat": "Full",
        "NodeFiles": [f"bids::{entities}_dseg.tsv"],
        "NodeIndicesFile": f"bids::{entities}_nodeindices.tsv",
        "Software": software,
        "Sources": [f"bids:{SOURCE}:{source}"] if source else [],
        "SpecificationDraft": DRAFT,
        "LostLabels": [stack.labels[row] for row in lost.rows],
        "LostRegionsUnplaced": UNKNOWN if lost.unplaced is None else lost.unplaced,
        "LostRegionsDescription": (
            "LostLabels: regions without a voxel in this scan; their rows and columns are n/a. LostRegionsUnplaced:"
            " lost regions of which only the number is known; their rows have zeros like those of regions that no edge"
            " reaches."
        ),
    }
    if size:
        value["Resolution"] = f"Atlas of {size[1]} x {size[2]} x {size[3]} mm voxels"
    return value


def node_files(stack: GraphStack) -> dict[str, str]:
    """The tables of an atlas: its regions, and which of them each row of a matrix is. By path below the dataset."""
    entities, names = atlas_entities(stack), names_of(stack)
    regions = [("index", "name", "x_mm", "y_mm", "z_mm")]
    indices = [tuple(NODE_INDEX_COLUMNS)]
    for row, (label, name) in enumerate(zip(stack.labels, names, strict=True)):
        centre = [UNKNOWN] * 3 if stack.centres is None else [f"{value:.1f}" for value in stack.centres[row]]
        regions.append((str(label), name, centre[0], centre[1], centre[2]))
        indices.append((str(row), f"{entities}_dseg.tsv", str(label), name))
    return {f"{entities}_dseg.tsv": table_text(regions), f"{entities}_nodeindices.tsv": table_text(indices)}


def node_sidecar(stack: GraphStack) -> dict[str, Any]:
    """The JSON beside the table of a matrix's rows."""
    columns: dict[str, Any] = {name: dict(column) for name, column in NODE_INDEX_COLUMNS.items()}
    if not are_labels_known(stack):
        columns["node_index"]["Description"] = "Number of m2g's node: the rank of the region's label, not the label"
    return columns


def dataset_description(source: Mapping[str, Any], *, version: str) -> dict[str, Any]:
    """The content of `dataset_description.json`.

    Parameters
    ----------
    source
        That of the folder of `opsctl results`; empty where it has none.
    version
        opsctl's.
    """
    name = source.get("Name")
    generators = source.get("GeneratedBy")
    value: dict[str, Any] = {
        "Name": f"{name if isinstance(name, str) else 'connectomes'}: relationship matrices (BEP017, draft)",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [
            *(generators if isinstance(generators, list) else []),
            {"Name": "opsctl", "Version": version, "Description": "wrote m2g's connectomes as relationship matrices"},
        ],
        # From formats/bids back to the folder of `opsctl results`.
        "DatasetLinks": {SOURCE: "../.."},
    }
    if isinstance(source.get("SourceDatasets"), list):
        value["SourceDatasets"] = source["SourceDatasets"]
    return value


def software_uri(source: Mapping[str, Any]) -> str:
    """A URI of the program that made the connectomes: its image's where `dataset_description.json` names it."""
    generators = source.get("GeneratedBy")
    for generator in generators if isinstance(generators, list) else []:
        container = generator.get("Container") if isinstance(generator, dict) else None
        uri = container.get("URI") if isinstance(container, dict) else None
        if isinstance(uri, str) and uri:
            return harmless(uri)
    return "https://github.com/neurodata/m2g"


def readme(*, is_preview: bool) -> str:
    """The content of `README.md`, which BIDS asks for."""
    banner = f"**{BANNER}**\n\n" if is_preview else ""
    return (
        "# Relationship matrices\n\n"
        f"{banner}"
        "m2g's connectomes under the names of BIDS's draft for connectivity, as `opsctl results DIR --format bids`\n"
        f"writes them: {DRAFT}.\n"
        "The draft is not part of BIDS. Its names and keys may change, and `.bidsignore` hides these files from its\n"
        "validator.\n\n"
        "- `*_relmat.dense.tsv`: a matrix without header. Missing numbers are `n/a`.\n"
        "- `*_relmat.json`: what its numbers are, and which regions the scan lost.\n"
        "- `atlas-*_nodeindices.tsv`: which region each row is; `atlas-*_dseg.tsv`: the regions of the atlas.\n"
    )
