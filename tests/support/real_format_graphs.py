"""A folder of results with connectomes in m2g's format, whose regions are Desikan's: for tests of reliability."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from opsctl.assets import atlas_nodes, atlas_table
from opsctl.commands.reliability.folder_graphs import FolderGraphs
from opsctl.commands.reliability.graph_stacks import Atlases, read_stacks
from opsctl.core.reliability.graph_stack import GraphStack

ATLASES = Atlases(table=atlas_table(), nodes=atlas_nodes())
DESIKAN = "Desikan_space-MNI152NLin6_res-2x2x2"
REGIONS = 70

Matrices = dict[str, NDArray[np.float64]]


def brains(subjects: int, sessions: int, *, noise: float, seed: int = 1) -> Matrices:
    """Streamlines by scan: near regions and those of one hemisphere have more, and both hemispheres are alike."""
    draw = np.random.default_rng(seed)
    nodes = ATLASES.nodes["Desikan"]
    centres = np.array([(node.x_mm, node.y_mm, node.z_mm) for node in nodes])
    apart = np.sqrt(((centres[:, None] - centres[None]) ** 2).sum(axis=2))
    same_side = np.sign(centres[:, None, 0]) == np.sign(centres[None, :, 0])
    usual = 6 - apart / 20 + 1.5 * same_side
    scans = {}
    for subject in range(1, subjects + 1):
        own = usual + _symmetric(draw, 0.5)
        for session in range(1, sessions + 1):
            weights = np.floor(np.exp(own + _symmetric(draw, noise)) - 1)
            scans[f"sub-{subject:02d}/ses-{session}"] = np.maximum(weights, 0) * (1 - np.eye(REGIONS))
    return scans


def _symmetric(draw: np.random.Generator, size: float) -> NDArray[np.float64]:
    upper = np.triu(draw.normal(0, size, (REGIONS, REGIONS)), k=1)
    return np.asarray(upper + upper.T)


def write_results(folder: Path, scans: Matrices) -> GraphStack:
    """Write m2g's files and opsctl's table of them, and read the stack as `reliability` does."""
    rows = ["scan\tfile\tkind\tregions\tlost"]
    for name, matrix in scans.items():
        place = f"{name}/connectomes_d/{DESIKAN}/{name.replace('/', '_')}_dwi_{DESIKAN}_connectome.csv"
        rows.append(f"{name}\t{place}\tstreamlines\t{REGIONS}\t0")
        file = folder / place
        file.parent.mkdir(parents=True)
        first, second = np.nonzero(np.triu(matrix))
        lines = zip(first + 1, second + 1, matrix[first, second], strict=True)
        file.write_text("".join(f"{node} {other} {weight}\n" for node, other, weight in lines))
    (folder / "connectomes.tsv").write_text("\n".join(rows) + "\n")
    (stack,) = read_stacks(FolderGraphs(folder), atlases=ATLASES)
    return stack
