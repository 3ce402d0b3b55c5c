"""The connectomes that a report compares: it reads them once, for their pictures and for its figures of reliability."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from opsctl.aws.s3.storage import Storage
from opsctl.commands.reliability.graph_files import GraphFile
from opsctl.commands.results.asset_reader import fetch
from opsctl.commands.results.report_asset import Asset
from opsctl.commands.results.report_assets import AssetSelection
from opsctl.core.errors import Problem
from opsctl.core.reliability.graph_stack import StackedScan
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.output_kinds import GraphKind

_T = TypeVar("_T")
_STREAMLINES: GraphKind = "streamlines"


class ReportGraphs(Generic[_T]):
    """The files of a report as a source of connectomes.

    Whoever reads the connectomes that are compared reads all files of the report.

    Parameters
    ----------
    decode, on_file
        See `fetch`.
    """

    def __init__(
        self,
        choice: AssetSelection,
        storage: Storage,
        *,
        run: Run,
        decode: Callable[[Asset, bytes], _T],
        on_file: Callable[[Asset], None],
    ) -> None:
        self._choice, self._storage = choice, storage
        self._decode, self._on_file = decode, on_file
        self._files = [graph_file(run, asset, asset.graph_kind) for asset in choice.compared if asset.graph_kind]
        self._decoded: dict[Asset, _T | Problem] | None = None

    @property
    def decoded(self) -> dict[Asset, _T | Problem]:
        """The decoded files of the report, in their order; read now unless they have been."""
        if self._decoded is None:
            self._decoded = fetch(self._choice.assets, self._storage, decode=self._decode, on_file=self._on_file)
        return self._decoded

    def files(self) -> list[GraphFile]:
        """The connectomes that are compared."""
        return self._files

    def read(
        self,
        files: Sequence[GraphFile],
        take: Callable[[GraphFile, str], None],
        *,
        on_file: Callable[[GraphFile], None] = lambda _: None,
    ) -> dict[GraphFile, Problem]:
        """Read connectomes, and for the first time all other files of the report too."""
        by_uri = {file.address: file for file in files}
        is_first = self._decoded is None
        # Of each file why it was not taken; what was taken is compared, whether or not it can be drawn.
        problems: dict[str, Problem | None] = {}

        def decode(asset: Asset, body: bytes) -> _T | None:
            file = by_uri.get(asset.uri)
            if file is not None:
                problems[asset.uri] = None
                try:
                    take(file, body.decode("utf-8", errors="replace"))
                except Problem as problem:
                    problems[asset.uri] = problem
                on_file(file)
            return self._decode(asset, body) if is_first else None

        assets = self._choice.assets if is_first else [asset for asset in self._choice.assets if asset.uri in by_uri]
        read = fetch(assets, self._storage, decode=decode, on_file=self._on_file if is_first else _ignore)
        if is_first:
            self._decoded = {asset: file for asset, file in read.items() if file is not None}
        for asset, outcome in read.items():
            if asset.uri in by_uri and isinstance(outcome, Problem):
                problems.setdefault(asset.uri, outcome)
        return {by_uri[uri]: problem for uri, problem in problems.items() if problem is not None}

    def read_lost(self, files: Sequence[GraphFile]) -> dict[GraphFile, str | Problem]:
        """The lists of lost regions: small files that the report reads of scans that lost some."""
        by_uri = {file.lost_address: file for file in files if file.lost_address}
        read = fetch(
            [
                Asset(
                    index=file.index,
                    kind="connectome",
                    name=file.atlas,
                    uri=uri,
                    size_bytes=file.lost_size_bytes or 0,
                    sha256=file.lost_sha256,
                )
                for uri, file in by_uri.items()
            ],
            self._storage,
            decode=lambda _, body: body.decode("utf-8", errors="replace"),
            on_file=_ignore,
        )
        return {by_uri[asset.uri]: outcome for asset, outcome in read.items()}


def _ignore(_: Asset) -> None:
    """No progress is shown."""


def graph_file(run: Run, asset: Asset, kind: GraphKind) -> GraphFile:
    """A connectome of the report as one that is compared."""
    graph, lost = asset.graph, asset.lost_list
    return GraphFile(
        scan=StackedScan.of(run.scans[asset.index]),
        atlas=asset.name,
        kind=kind,
        model=run.model if kind == _STREAMLINES else "",
        address=asset.uri,
        size_bytes=asset.size_bytes,
        sha256=asset.sha256,
        regions=graph.regions if graph is not None else None,
        lost=graph.lost if graph is not None else None,
        lost_address=lost.uri if lost is not None else "",
        lost_size_bytes=lost.size_bytes if lost is not None else None,
        lost_sha256=lost.sha256 if lost is not None else "",
        index=asset.index,
        is_preview=run.is_previewed(asset.index),
    )
