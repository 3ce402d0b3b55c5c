"""The table of a run's connectomes, in BIDS's format: tab-separated, `n/a` for missing values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from opsctl.core.preview import BANNER, is_preview
from opsctl.core.results.connectome import GraphSize

NAME = "connectomes.tsv"
SIDECAR_NAME = "connectomes.json"

#: The sidecar, which describes each column; BIDS requires it for a table that BIDS does not define.
COLUMNS: dict[str, dict[str, str]] = {
    "scan": {"Description": "The scan's name in opsctl"},
    "participant_id": {"Description": "BIDS subject"},
    "session_id": {"Description": "BIDS session; n/a where the dataset has none"},
    "atlas": {"Description": "Parcellation whose regions are the nodes"},
    "file": {"Description": "The connectome's path, from this folder"},
    "nodes": {"Description": "Regions in the file; an edge list names only those that have an edge"},
    "edges": {"Description": "Pairs of different regions with a weight other than zero, whichever way round"},
    "seconds": {"Description": "The whole attempt that succeeded, of the whole scan", "Units": "s"},
    "cost_usd": {
        "Description": (
            "All attempts of the whole scan, at AWS's prices (of a local platform: what AWS would have charged); "
            "each of a scan's lines says the same: add it once a scan"
        ),
        "Units": "USD",
    },
}

_UNKNOWN = "n/a"
_GRAPHS = {"connectomes_d", "connectomes_f"}


@dataclass(frozen=True, kw_only=True)
class ConnectomeRow:
    """One connectome of one scan.

    Attributes
    ----------
    file
        Path relative to the table, with `/`.
    size
        None where the file cannot be read as a connectome.
    seconds
        Duration of the attempt that succeeded.
    cost_usd
        None where unknown.
    """

    scan: str
    file: str
    size: GraphSize | None
    seconds: float | None
    cost_usd: float | None

    def cells(self) -> tuple[str, ...]:
        """The values in the order of the columns."""
        parts = self.scan.split("/")
        return (
            self.scan,
            next((part for part in parts if part.startswith("sub-")), _UNKNOWN),
            next((part for part in parts if part.startswith("ses-")), _UNKNOWN),
            atlas_of(self.file),
            self.file,
            str(self.size.nodes) if self.size else _UNKNOWN,
            str(self.size.edges) if self.size else _UNKNOWN,
            _UNKNOWN if self.seconds is None else f"{self.seconds:.0f}",
            _UNKNOWN if self.cost_usd is None else f"{self.cost_usd:.4f}",
        )


def table(rows: Iterable[ConnectomeRow]) -> str:
    """The content of `connectomes.tsv`."""
    lines = [tuple(COLUMNS), *(row.cells() for row in rows)]
    # A tab or a line break in an object's key would shift the columns.
    return "".join("\t".join(" ".join(cell.split()) for cell in line) + "\n" for line in lines)


def atlas_of(file: str) -> str:
    """The parcellation: the folder below `connectomes_d` or `connectomes_f`; `n/a` where the path has neither."""
    folders = file.split("/")[:-1]
    return next((atlas for graphs, atlas in pairwise(folders) if graphs in _GRAPHS), _UNKNOWN)


def readme(run: str, dataset: str, *, image: str) -> str:
    """The content of `README.md`, which BIDS requires in every dataset.

    Parameters
    ----------
    image
        The run's image: it tells whether m2g made the connectomes, or the preview.
    """
    maker = f"**{BANNER}**\n\nRun" if is_preview(image) else "Made by m2g, run"
    return (
        f"# Connectomes of {dataset}\n\n"
        f"{maker} over the dataset by opsctl; fetched by `opsctl results` from the run {run}.\n"
        f"`{NAME}` lists the connectomes, `{SIDECAR_NAME}` says what its columns are, `dataset_description.json`\n"
        "which programs made them. The files lie and are named as m2g leaves them (`.bidsignore` tells BIDS tools).\n"
    )


#: The files without a BIDS name: m2g has its own names for outputs.
BIDSIGNORE = f"{NAME}\n{SIDECAR_NAME}\nsub-*/**\n"


def is_same_dataset(local: Any, published: dict[str, Any] | None) -> bool:
    """Whether two `dataset_description.json` describe the same derivative; `published` is None where there is none."""
    if not isinstance(local, dict) or local.get("DatasetType") != "derivative":
        return False
    return published is None or all(local.get(name) == published.get(name) for name in ("Name", "SourceDatasets"))
