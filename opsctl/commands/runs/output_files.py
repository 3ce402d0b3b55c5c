"""Whether the files of results are in an output location as their jobs wrote them: by one listing and digests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.run_reader import RunReader
from opsctl.core.location import Location, parse_uri
from opsctl.core.runs.audit import damage
from opsctl.core.runs.files_digest import FolderDigests
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result


class OutputFiles:
    """The files of an output location at the moment of the first question, which is after the results were read.

    A folder whose digest is a result's holds that result's files and no other: nearly all do. Only where one does not,
    the files of such folders, and the results' own lists, are looked at one by one.

    Parameters
    ----------
    output
        The derivatives folder.
    runs
        The runs into it; whose results are asked about is among them.
    reader_of
        The reader of a run's records.
    """

    def __init__(
        self, output: Location, *, storage: Storage, runs: Sequence[Run], reader_of: Callable[[Run], RunReader]
    ) -> None:
        self._output = output
        self._storage = storage
        self._runs = runs
        self._reader_of = reader_of

    @property
    def elsewhere(self) -> list[str]:
        """The keys below `sub-*` that are in no folder of a scan of these runs."""
        return self._digests.elsewhere

    def has_all_of(self, result: Result) -> bool:
        """Whether every file of a succeeded result, read without its files, is there as its job wrote it."""
        return self.damage(result) == (0, 0)

    def damage(self, result: Result) -> tuple[int, int]:
        """How many files of a succeeded result, read without its files, are missing, and how many have changed."""
        if result.files_digest in (self._digests.by_scan.get(result.scan, ""), ""):
            return (0, 0)
        return self._damage.get((result.scan, result.files_digest)) or (result.file_count, 0)

    def unlisted(self) -> list[str]:
        """The URIs of the files below `sub-*` that no succeeded result of these runs lists."""
        uris = [*self.elsewhere, *self._unlisted]
        return sorted(f"s3://{self._output.bucket}/{key}" for key in uris)

    @cached_property
    def _digests(self) -> FolderDigests:
        scans = {name for run in self._runs for name in run.scans if name}
        return self._storage.output_digests(self._output, scans)

    @cached_property
    def _differing(self) -> set[str]:
        """The scans with a folder, or a succeeded result, whose digest is not the other's."""
        digests = self._digests.by_scan
        equal, asked = set(), set()
        for run in self._runs:
            for result in self._reader_of(run).results().values():
                if result.succeeded and result.files_digest:
                    asked.add(result.scan)
                    if digests.get(result.scan) == result.files_digest:
                        equal.add(result.scan)
        return (asked | digests.keys()) - equal

    @cached_property
    def _damage(self) -> Mapping[tuple[str, str], tuple[int, int]]:
        """How many files are missing and how many have changed, by scan and digest of a result."""
        return self._looked_at[0]

    @cached_property
    def _unlisted(self) -> list[str]:
        """The keys in such scans' folders that no succeeded result lists."""
        return self._looked_at[1]

    @cached_property
    def _looked_at(self) -> tuple[dict[tuple[str, str], tuple[int, int]], list[str]]:
        if not self._differing:
            return {}, []
        objects = self._storage.outputs(self._output, keep=self._is_differing)
        derivatives = {f"s3://{self._output.bucket}/{key}": obj for key, obj in objects.items()}
        damages: dict[tuple[str, str], tuple[int, int]] = {}
        listed: set[str] = set()
        for run in self._runs:
            for result in self._reader_of(run).each_result():
                if result.succeeded and result.scan in self._differing:
                    digest = result.without_files().files_digest
                    damages[result.scan, digest] = damage(result.files, derivatives)
                    listed.update(parse_uri(file.uri).prefix for file in result.files)
        return damages, [key for key in objects if key not in listed and self._is_differing(key)]

    def _is_differing(self, key: str) -> bool:
        parts = key[len(self._output.key_prefix) :].split("/")
        return any("/".join(parts[:depth]) in self._differing for depth in range(1, len(parts)))
