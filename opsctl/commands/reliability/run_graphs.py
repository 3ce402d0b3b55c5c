"""The connectomes of a run on S3, or of a dataset over its runs, which is read as a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from opsctl.aws.s3.storage import Storage
from opsctl.commands.reliability.graph_files import GraphFile
from opsctl.commands.results.asset_reader import fetch
from opsctl.commands.results.report_asset import Asset
from opsctl.commands.runs.run_reader import RunReader
from opsctl.core.errors import Problem
from opsctl.core.reliability.graph_stack import StackedScan
from opsctl.core.results.connectome_table import LOST_NAME, UNKNOWN, atlas_of
from opsctl.core.results.place import WrongPlace, local_place
from opsctl.core.runs.output_kinds import GraphKind
from opsctl.core.runs.result import OutputFile, Result

_STREAMLINES: GraphKind = "streamlines"


class RunGraphs:
    """The connectomes of the scans of a run that are done.

    Parameters
    ----------
    reader
        Of a run; of a dataset, of the run in memory that adopted every scan (`dataset_run`).
    storage
        The data bucket.
    """

    def __init__(self, reader: RunReader, storage: Storage) -> None:
        self.run = reader.run
        self._reader = reader
        self._storage = storage

    def files(self) -> list[GraphFile]:
        """All connectomes; a result's files that are no outputs of its scan are left out, as `results` does."""
        # Each result has 30 kB of files, and is not kept.
        return [file for result in self._reader.each_result() if result.succeeded for file in self._files(result)]

    def _files(self, result: Result) -> Iterator[GraphFile]:
        by_uri = {file.uri: file for file in result.files}
        for graph in result.graphs:
            uri, kind, file, atlas = graph.uri, graph.kind, by_uri[graph.uri], atlas_of(graph.uri)
            if atlas == UNKNOWN or not self._is_own(file, result.index, is_connectome=True):
                continue
            lost = by_uri.get(f"{uri.rpartition('/')[0]}/{LOST_NAME}")
            has_lost = lost is not None and self._is_own(lost, result.index, is_connectome=False)
            yield GraphFile(
                scan=StackedScan.of(self.run.scans[result.index]),
                atlas=atlas,
                kind=kind,
                model=self.run.model if kind == _STREAMLINES else "",
                address=uri,
                size_bytes=file.size_bytes,
                sha256=file.sha256,
                regions=graph.regions,
                lost=graph.lost,
                lost_address=lost.uri if lost is not None and has_lost else "",
                lost_size_bytes=lost.size_bytes if lost is not None and has_lost else None,
                lost_sha256=lost.sha256 if lost is not None and has_lost else "",
                index=result.index,
                is_preview=self.run.is_previewed(result.index),
            )

    def _is_own(self, file: OutputFile, index: int, *, is_connectome: bool) -> bool:
        with suppress(WrongPlace):
            local_place(self.run, file.uri, index, is_connectome=is_connectome)
            return True
        return False

    def read(
        self,
        files: Sequence[GraphFile],
        take: Callable[[GraphFile, str], None],
        *,
        on_file: Callable[[GraphFile], None] = lambda _: None,
    ) -> dict[GraphFile, Problem]:
        """Read connectomes as `report` does: each is what its job published, or a problem."""
        by_uri = {file.address: file for file in files}

        def decode(asset: Asset, body: bytes) -> None:
            take(by_uri[asset.uri], body.decode("utf-8", errors="replace"))

        read = fetch(
            [_asset(file, file.address, file.size_bytes, file.sha256) for file in files],
            self._storage,
            decode=decode,
            on_file=lambda asset: on_file(by_uri[asset.uri]),
        )
        return {by_uri[asset.uri]: outcome for asset, outcome in read.items() if isinstance(outcome, Problem)}

    def read_lost(self, files: Sequence[GraphFile]) -> dict[GraphFile, str | Problem]:
        """The lists of lost regions."""
        by_uri = {file.lost_address: file for file in files if file.lost_address}
        read = fetch(
            [_asset(file, uri, file.lost_size_bytes, file.lost_sha256) for uri, file in by_uri.items()],
            self._storage,
            decode=lambda _, body: body.decode("utf-8", errors="replace"),
            on_file=lambda _: None,
        )
        return {by_uri[asset.uri]: outcome for asset, outcome in read.items()}


def _asset(file: GraphFile, uri: str, size_bytes: int | None, sha256: str) -> Asset:
    return Asset(
        index=file.index, kind="connectome", name=file.atlas, uri=uri, size_bytes=size_bytes or 0, sha256=sha256
    )
