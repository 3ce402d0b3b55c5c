"""The table of a run's connectomes, in BIDS's format: tab-separated, `n/a` for missing values."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from msgspec import Struct

from opsctl.core.harmless import harmless
from opsctl.core.preview import BANNER
from opsctl.core.results.connectome import GraphSize
from opsctl.core.results.table_cell import table_text
from opsctl.core.runs.output_kinds import GraphKind

NAME = "connectomes.tsv"
SIDECAR_NAME = "connectomes.json"

#: The sidecar, which describes each column; BIDS requires it for a table that BIDS does not define.
COLUMNS: dict[str, dict[str, Any]] = {
    "scan": {"Description": "The scan's name in opsctl"},
    "participant_id": {"Description": "BIDS subject"},
    "session_id": {"Description": "BIDS session; n/a where the dataset has none"},
    "atlas": {
        "Description": "Atlas whose regions are the nodes, the same name for diffusion and functional connectomes"
    },
    "kind": {
        "Description": "What the weights are",
        "Levels": {
            "streamlines": "Number of streamlines between two regions (diffusion)",
            "correlation": "Correlation of two regions' time series, from -1 to 1 (functional)",
            "absolute correlation": "The same without its sign, from 0 to 1",
        },
    },
    "file": {
        "Description": "The connectome's path, from this folder; behind an apostrophe if it begins like a formula"
    },
    "nodes": {"Description": "Regions with an edge to another region"},
    "edges": {"Description": "Pairs of different regions with a weight other than zero, whichever way round"},
    "regions": {"Description": "Regions that the atlas has at the run's voxel size; n/a where not known"},
    "lost": {
        "Description": "Regions of the atlas without a voxel in this scan; 0 in a sound scan, unless m2g cuts the atlas"
    },
    "seconds": {"Description": "The whole attempt that succeeded, of the whole scan", "Units": "s"},
    "peak_memory_mib": {
        "Description": "Largest memory of all processes of the attempt together, of the whole scan",
        "Units": "MiB",
    },
    "peak_disk_mib": {"Description": "Largest size of the attempt's scratch folder, of the whole scan", "Units": "MiB"},
    "cost_usd": {
        "Description": (
            "All attempts of the whole scan, at AWS's prices (of a local platform: what AWS would have charged); "
            "each of a scan's lines says the same: add it once a scan"
        ),
        "Units": "USD",
    },
    "run": {"Description": "The run of opsctl whose job made it"},
    "model": {"Description": "Diffusion model, csd or csa; n/a for functional connectomes"},
}

#: BIDS's word for a missing value in a table.
UNKNOWN = "n/a"
_GRAPHS = {"connectomes_d", "connectomes_f"}
#: m2g's list of the labels that a diffusion scan lost of an atlas, beside the connectome.
LOST_NAME = "lost_roi.csv"


# 13,500 of them are made in half the time of a dataclass's.
class ConnectomeRow(Struct, frozen=True, kw_only=True):
    """One connectome of one scan.

    Attributes
    ----------
    file
        Path relative to the table, with `/`.
    kind
        None where unknown, like all that follow.
    size
        None where the file cannot be read as a connectome.
    regions, lost
        Regions of the atlas, and how many of them the scan lost.
    seconds
        Duration of the attempt that succeeded.
    run
        The id of the run whose job made it.
    model
        The diffusion model; None for a functional connectome.
    """

    scan: str
    file: str
    kind: GraphKind | None
    size: GraphSize | None
    regions: int | None
    lost: int | None
    seconds: float | None
    peak_memory_mib: int | None
    peak_disk_mib: int | None
    cost_usd: float | None
    run: str
    model: str | None = None

    def cells(self) -> tuple[str, ...]:
        """The values in the order of the columns."""
        return (
            *_scan_cells(self.scan),
            atlas_of(self.file),
            self.kind or UNKNOWN,
            self.file,
            _number(self.size.nodes if self.size else None),
            _number(self.size.edges if self.size else None),
            _number(self.regions),
            _number(self.lost),
            *_attempt_cells(self.seconds, self.peak_memory_mib, self.peak_disk_mib, self.cost_usd),
            self.run,
            self.model or UNKNOWN,
        )


# The rows of a scan follow one another, and differ in neither of these two.
@lru_cache(maxsize=16)
def _scan_cells(scan: str) -> tuple[str, str, str]:
    """The scan, its subject, and its session."""
    parts = scan.split("/")
    return (
        scan,
        next((part for part in parts if part.startswith("sub-")), UNKNOWN),
        next((part for part in parts if part.startswith("ses-")), UNKNOWN),
    )


@lru_cache(maxsize=16, typed=True)
def _attempt_cells(
    seconds: float | None, memory_mib: int | None, disk_mib: int | None, cost_usd: float | None
) -> tuple[str, str, str, str]:
    return _number(seconds, ".0f"), _number(memory_mib), _number(disk_mib), _number(cost_usd, ".4f")


def _number(value: float | None, form: str = "") -> str:
    if value is None:
        return UNKNOWN
    return format(value, form) if form else str(value)


def table(rows: Iterable[ConnectomeRow]) -> str:
    """The content of `connectomes.tsv`."""
    return table_text([tuple(COLUMNS), *(row.cells() for row in rows)])


def atlas_of(file: str) -> str:
    """The atlas: the folder below `connectomes_d` or `connectomes_f`; `n/a` where the path has neither.

    m2g calls the folder of a functional connectome `ATLAS.nii.gz`: without that ending the names are the same.
    """
    folders = file.split("/")
    folders.pop()
    for position, folder in enumerate(folders[:-1], start=1):
        if folder in _GRAPHS:
            return folders[position].removesuffix(".nii.gz")
    return UNKNOWN


def kind_of(file: str) -> GraphKind | None:
    """What the weights of a connectome are, by its path; None where m2g does not name its files so."""
    *folders, name = file.split("/")
    if "connectomes_d" in folders and name.endswith("_connectome.csv"):
        return "streamlines"
    if "connectomes_f" in folders and name.endswith("_edgelist.csv"):
        return "absolute correlation" if name.endswith("_abs_edgelist.csv") else "correlation"
    return None


def is_lost_list(file: str) -> bool:
    """Whether a path is that of a list of lost regions."""
    *folders, name = file.split("/")
    return name == LOST_NAME and folders[-2:-1] == ["connectomes_d"]


def readme(run: str | None, dataset: str, *, output: str, is_previewed: bool) -> str:
    """The content of `README.md`, which BIDS requires in every dataset.

    Parameters
    ----------
    run
        The id of the run that the connectomes are of; None: of each scan the best result of all runs.
    output
        The S3 address of the derivatives folder.
    is_previewed
        Whether the preview made connectomes of them, and not m2g.
    """
    maker = f"**{BANNER}**\n\nRun" if is_previewed else "Made by m2g, run"
    source = f"the run {run}" if run is not None else "of each scan the best result of all runs"
    return (
        f"# Connectomes of {harmless(dataset)}\n\n"
        f"{maker} over the dataset by opsctl; fetched by `opsctl results`: {source},\n"
        f"from {harmless(output)}.\n"
        f"`{NAME}` lists the connectomes, `{SIDECAR_NAME}` says what its columns are, `dataset_description.json`\n"
        "which programs made them. The files lie and are named as m2g leaves them (`.bidsignore` tells BIDS tools).\n"
        "\n"
        "Node k of a connectome is the k-th label of its atlas in order, not label k. A region that a scan loses\n"
        "keeps its number and has no edges. `nodes/` has a table of each atlas: node, label, region's name, centre.\n"
        "The nodes of a functional connectome are the columns of C-PAC's time series, which are the labels present in\n"
        "the data: an atlas has a table for them only where no region is lost. `nodes/README.md` names the atlases\n"
        "without a table, and why they have none.\n"
    )


#: The files without a BIDS name: m2g has its own names for outputs.
BIDSIGNORE = f"{NAME}\n{SIDECAR_NAME}\nnodes/**\nformats/**\nsub-*/**\n"


def is_same_dataset(local: Any, published: dict[str, Any] | None) -> bool:
    """Whether two `dataset_description.json` describe the same derivative; `published` is None where there is none."""
    if not isinstance(local, dict) or local.get("DatasetType") != "derivative":
        return False
    return published is None or all(local.get(name) == published.get(name) for name in ("Name", "SourceDatasets"))
