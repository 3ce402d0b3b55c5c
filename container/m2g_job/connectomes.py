"""m2g's connectomes. Exit code 0 proves nothing (the func pipeline ignores C-PAC's), so the files are checked."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass, field
from typing import Any, Callable

from m2g_job import causes, edge_list
from m2g_job.edge_list import EdgeList
from m2g_job.faults import ScanFailed
from m2g_job.scan import Atlas, Scan

_FOLDERS = {"dwi": "connectomes_d", "func": "connectomes_f"}
#: What the weights are, by the end of the file's name; the first that fits.
_KINDS = {
    "dwi": (("_connectome.csv", "streamlines"),),
    "func": (("_abs_edgelist.csv", "absolute correlation"), ("_edgelist.csv", "correlation")),
}
#: m2g's dwi pipeline lists the labels that an atlas lost in registration in it: one line, with commas.
_LOST = "lost_roi.csv"
#: m2g's func pipeline names the folder after the atlas's file.
_IMAGE = ".nii.gz"


@dataclass(frozen=True)
class Connectome:
    """One connectome's file.

    Attributes
    ----------
    path
        The file.
    folder
        The name of the atlas's folder among the outputs.
    kind
        `streamlines`, `correlation` or `absolute correlation`.
    size
        What the file holds.
    atlas
        None where the scan's JSON does not name the atlas.
    lost
        Number of regions that this scan has no voxel of.
    """

    path: str
    folder: str
    kind: str
    size: EdgeList
    atlas: Atlas | None
    lost: int

    @property
    def atlas_name(self) -> str:
        """The atlas's name in neuroparc; the folder's where it is not known."""
        return self.atlas.name if self.atlas else self.folder

    @property
    def graph(self) -> dict[str, Any]:
        """What a result says of the file besides its path, size and checksum."""
        return {
            "atlas": self.folder,
            "kind": self.kind,
            "nodes": self.size.nodes,
            "edges": self.size.edges,
            "regions": self.atlas.regions if self.atlas else None,
            "lost": self.lost,
        }


@dataclass
class Connectomes:
    """All connectomes of a scan.

    Attributes
    ----------
    complete
        Those that can be read, by atlas; a signed one before its absolute values.
    problems
        Why the others cannot be read, by path.
    """

    complete: list[Connectome] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)

    def folders(self, kind: str) -> set[str]:
        """The folders of the atlases that have a connectome of a kind."""
        return {connectome.folder for connectome in self.complete if connectome.kind == kind}


def find(session_dir: str, scan: Scan, *, check: Callable[[], None]) -> Connectomes:
    """Find and read the connectomes that m2g has left.

    Parameters
    ----------
    session_dir
        `OUTPUT_DIR/sub-X/ses-Y`; it may be missing.
    check
        Called while a file is read; an exception that it raises ends the reading.
    """
    atlases = {atlas.folder: atlas for atlas in scan.atlases}
    connectomes = Connectomes()
    top = os.path.join(session_dir, _FOLDERS[scan.pipeline])
    for folder in sorted(os.listdir(top)) if os.path.isdir(top) else []:
        name = folder[: -len(_IMAGE)] if folder.endswith(_IMAGE) else folder
        for path, kind in _files(os.path.join(top, folder), scan.pipeline):
            try:
                size = _read(path, scan.pipeline, check)
            except (OSError, ValueError) as error:
                connectomes.problems[path] = str(error)
                continue
            atlas = atlases.get(name)
            lost = _lost(os.path.dirname(path), scan.pipeline, size, atlas)
            connectomes.complete.append(Connectome(path, name, kind, size, atlas, lost))
    return connectomes


def _read(path: str, pipeline: str, check: Callable[[], None]) -> EdgeList:
    size = edge_list.read(path, check=check)
    if pipeline == "func" and size.highest_node == 0:
        # m2g's dwi pipeline writes an empty file where no streamline connects two regions. A func graph has all pairs.
        raise ValueError("it is empty")
    return size


def _files(folder: str, pipeline: str) -> list[tuple[str, str]]:
    """The paths of an atlas's connectomes with their kinds."""
    files = []
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        kind = next((kind for ending, kind in _KINDS[pipeline] if name.endswith(ending)), None)
        if kind is not None:
            files.append((os.path.join(folder, name), kind))
    return sorted(files, key=lambda file: (file[1] == "absolute correlation", file[0]))


def _lost(folder: str, pipeline: str, size: EdgeList, atlas: Atlas | None) -> int:
    if pipeline == "func":
        # C-PAC has a time series for each region with a voxel, and each is a node of the complete graph.
        return max(0, atlas.regions - size.highest_node) if atlas else 0
    try:
        with open(os.path.join(folder, _LOST), encoding="utf-8", newline="") as stream:
            # Label 0 is the background.
            return len({label.strip() for row in csv.reader(stream) for label in row} - {"", "0"})
    except (OSError, ValueError):
        return 0


def verify(session_dir: str, scan: Scan, *, check: Callable[[], None]) -> Connectomes:
    """Find the connectomes, and check that the scan has all that were asked for.

    Parameters
    ----------
    session_dir, check
        As for `find`.
    scan
        Each of its atlases must have its connectome. Where it names none, any connectome will do.

    Raises
    ------
    ScanFailed
        A connectome is missing.
    """
    connectomes = find(session_dir, scan, check=check)
    problems = "".join(f"; {os.path.basename(path)}: {problem}" for path, problem in connectomes.problems.items())
    if not any(connectome.size.highest_node for connectome in connectomes.complete):
        raise ScanFailed(
            f"m2g ended with exit code 0 and left no connectome that is not empty{problems}", causes.NO_CONNECTOME
        )
    complete = set.intersection(*(connectomes.folders(kind) for _, kind in _KINDS[scan.pipeline]))
    missing = [atlas.name for atlas in scan.atlases if atlas.folder not in complete]
    if missing:
        raise ScanFailed(
            "m2g ended with exit code 0 and left no connectome for {}; there is {}{}".format(
                ", ".join(missing), ", ".join(sorted(complete)) or "none", problems
            ),
            causes.PARCELLATION_MISSING,
            parcellation=", ".join(missing),
        )
    return connectomes
