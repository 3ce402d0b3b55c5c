"""What users type for each of the two things that `compare` compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.core.dataset_argument import DatasetName, LocalFolder, parse_dataset
from opsctl.core.errors import UsageProblem
from opsctl.core.location import check_label
from opsctl.core.runs.manifest import may_be_run_of

_DERIVATIVES = "/derivatives/"


@dataclass(frozen=True)
class DatasetOutputs:
    """A dataset over all its runs.

    Attributes
    ----------
    dataset
        As typed.
    modif
        The derivatives folder; None: that of the latest run.
    """

    dataset: str
    modif: str | None


@dataclass(frozen=True)
class RunOrDataset:
    """A name that only the list of runs can tell: a run's id or a part of it, or a dataset in the data bucket."""

    name: str

    def as_dataset(self, run_ids: Sequence[str]) -> DatasetOutputs | None:
        """The dataset of this name, where it has runs; None: it names a run."""
        return DatasetOutputs(self.name, None) if any(may_be_run_of(run, self.name) for run in run_ids) else None


def parse_side(typed: str) -> LocalFolder | DatasetOutputs | RunOrDataset:
    """Parse what was typed.

    `./PATH` is a folder on this machine, `DATASET/derivatives/NAME` one derivatives folder of a dataset over its runs,
    an address or accession a dataset, and any other name a run or a dataset.

    Raises
    ------
    UsageProblem
        If it is none of these.
    """
    path = typed.rstrip("/")
    dataset = parse_dataset(path or typed)
    if isinstance(dataset, LocalFolder):
        return dataset
    name, separator, modif = path.rpartition(_DERIVATIVES)
    if separator:
        if not name:
            raise UsageProblem(f"{typed!r} names no dataset before {_DERIVATIVES}.")
        return DatasetOutputs(name, check_label(modif, option="the derivatives folder of"))
    if isinstance(dataset, DatasetName) and "/" not in dataset.name:
        return RunOrDataset(dataset.name)
    return DatasetOutputs(path, None)
