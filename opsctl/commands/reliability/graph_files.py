"""The connectomes that a run, a dataset over its runs, or a folder of results has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from opsctl.core.errors import Problem
from opsctl.core.reliability.graph_stack import StackedScan
from opsctl.core.runs.output_kinds import GraphKind


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphFile:
    """One connectome's file.

    Attributes
    ----------
    atlas
        The atlas's folder, such as `Desikan_space-MNI152NLin6_res-2x2x2`.
    model
        `csd` or `csa`; empty for a functional connectome, and where it is not known.
    address
        Where its source reads it: an S3 address, or a path below the folder.
    size_bytes, sha256
        As the job recorded them; None and empty where nothing is recorded.
    regions, lost
        The atlas's regions, and how many the scan lost; None where unknown.
    lost_address
        The list of the lost regions' labels, which m2g writes beside it; empty where there is none.
    index
        The scan's index in the run; 0 in a folder.
    is_preview
        Whether the preview made it.
    """

    scan: StackedScan
    atlas: str
    kind: GraphKind
    model: str
    address: str
    size_bytes: int | None = None
    sha256: str = ""
    regions: int | None = None
    lost: int | None = None
    lost_address: str = ""
    lost_size_bytes: int | None = None
    lost_sha256: str = ""
    index: int = 0
    is_preview: bool = False


class GraphSource(Protocol):
    """Where connectomes are read from."""

    def files(self) -> Sequence[GraphFile]:
        """All connectomes of the scans that are done, in any order."""

    def read(
        self,
        files: Sequence[GraphFile],
        take: Callable[[GraphFile, str], None],
        *,
        on_file: Callable[[GraphFile], None] = ...,
    ) -> dict[GraphFile, Problem]:
        """Read connectomes, several at once.

        Parameters
        ----------
        take
            Called with each text, perhaps in several threads; may raise `Problem`.
        on_file
            Called after each file.

        Returns
        -------
        dict
            Why a file could not be read.
        """

    def read_lost(self, files: Sequence[GraphFile]) -> dict[GraphFile, str | Problem]:
        """The lists of lost regions, of the files that have one."""
