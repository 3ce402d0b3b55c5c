"""One of neuroparc's atlases, and the names that m2g knows it by.

Source: github.com/neurodata/neuroparc (commit 5a5e7469), `atlases/label/Human/`, and m2g 0.3.0 (commit 95d271f7):
`m2g_bids.get_atlas` lists the files of one voxel size, `--parcellation` keeps those whose path contains a name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

#: Where the image keeps the atlases: m2g looks for the typed names in the whole path.
FOLDER = "/m2g_atlases/atlases/label/Human/"

_SPACE = "_space-MNI152NLin6"
#: neuroparc has this suffix behind the space, not behind the name.
_SUFFIX = "_label_all"

#: m2g holds about eight dense matrices of an atlas at once: the graph, its copies, and its picture.
_MATRICES = 8
_BYTES_PER_NUMBER = 8
#: Memory of everything else that m2g holds while it makes a graph.
_OTHER_MIB = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Atlas:
    """An atlas in each of neuroparc's voxel sizes.

    Attributes
    ----------
    name
        neuroparc's name, such as `Desikan`.
    regions
        Number of labels other than 0, by voxel size (`1mm`, `2mm`, `4mm`).
    kept
        How many of them m2g keeps, by voxel size: it sets every label greater than the number of labels to 0.
    """

    name: str
    regions: Mapping[str, int]
    kept: Mapping[str, int]

    @property
    def argument(self) -> str:
        """What `--parcellation` must be given to select this atlas and no other."""
        return argument_of(self.name)

    def folder(self, voxel_size: str) -> str:
        """The name of the atlas in m2g's outputs, such as `Desikan_space-MNI152NLin6_res-2x2x2`."""
        edge = voxel_size.removesuffix("mm")
        return f"{self.argument}{edge}x{edge}x{edge}"

    def path(self, voxel_size: str) -> str:
        """The atlas's file in m2g's image."""
        return f"{FOLDER}{self.folder(voxel_size)}.nii.gz"

    def cut(self, voxel_size: str) -> int:
        """How many regions m2g drops, even where the registration loses none."""
        return self.regions[voxel_size] - self.kept[voxel_size]

    def memory_mib(self, voxel_size: str, *, workers: int = 1) -> int:
        """Memory in MiB that a job needs to make this atlas's graph and its picture.

        Parameters
        ----------
        workers
            Number of processes that m2g makes the graph with (`--n_cpus`); each holds matrices of its own.
        """
        matrix_bytes = _BYTES_PER_NUMBER * (self.regions[voxel_size] + 1) ** 2
        return math.ceil(_MATRICES * workers * matrix_bytes / 2**20) + _OTHER_MIB


def argument_of(name: str) -> str:
    """The part of a path that selects the atlas of a name and no other one."""
    base = name.removesuffix(_SUFFIX)
    return f"{base}{_SPACE}{_SUFFIX if base != name else ''}_res-"


def name_of(folder: str) -> str:
    """The name of the atlas of a folder of outputs (`Desikan_space-MNI152NLin6_res-2x2x2`); other names unchanged."""
    name, space, rest = folder.partition(f"{_SPACE}_")
    if not space:
        return folder
    return f"{name}{_SUFFIX}" if rest.startswith(_SUFFIX[1:]) else name
