"""What a user asks `delete` to delete, checked: only data of the platform's bucket, and never opsctl's own folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from opsctl.core.dataset_argument import typed_dataset
from opsctl.core.deletion.subject import Subject
from opsctl.core.errors import UsageProblem
from opsctl.core.location import Location, derivatives

Kind = Literal["dataset", "subject", "outputs", "run"]

_OPSCTL_FOLDER = "opsctl"


@dataclass(frozen=True, kw_only=True)
class Target:
    """What goes.

    Attributes
    ----------
    dataset
        As the user named it; None where the target is a run.
    folder
        Where its files are in the data bucket; None where the target is a run.
    subject
        The only subject that goes; None: all.
    modif
        The name of the output folder, where the target is one.
    run_id
        Where the target is a run.
    keeps_outputs
        Of a dataset, only the raw data goes.
    """

    kind: Kind
    dataset: Location | None = None
    folder: Location | None = None
    subject: Subject | None = None
    modif: str = ""
    run_id: str = ""
    keeps_outputs: bool = False

    @property
    def name(self) -> str:
        """What the user types to confirm."""
        if self.subject is not None:
            return self.subject.name
        return self.run_id or self.modif or (self.dataset.name if self.dataset else "")

    @property
    def title(self) -> str:
        """What goes, in words."""
        dataset = self.dataset.name if self.dataset else ""
        if self.subject is not None:
            return f"the subject {self.subject.name} of {dataset}"
        if self.kind == "run":
            return f"the records of the run {self.run_id}"
        if self.kind == "outputs":
            return f"the outputs {self.modif} of {dataset}"
        return f"the raw data of {dataset}" if self.keeps_outputs else f"the dataset {dataset} with all its outputs"

    @property
    def impersonal_title(self) -> str:
        """The title for the receipt, which must not name a subject."""
        if self.subject is not None and self.dataset is not None:
            return f"one subject of {self.dataset.name}"
        return self.title


def dataset_target(
    dataset: Location, *, data_bucket: str, subject: Subject | None = None, keeps_outputs: bool = False
) -> Target:
    """A dataset of the data bucket, or one subject of a dataset.

    A subject's dataset may be in another bucket: then its outputs and records in the data bucket go.

    Raises
    ------
    UsageProblem
        For a dataset of another bucket, opsctl's own folder, or the bucket as a whole.
    """
    if dataset.bucket != data_bucket and subject is None:
        raise UsageProblem(
            f"{dataset.uri} is not in the data bucket {data_bucket}: opsctl deletes nothing of other buckets.",
            f"`opsctl delete outputs {typed_dataset(dataset.uri)} --modif NAME` deletes outputs that were computed"
            " from it.",
        )
    if subject is not None and keeps_outputs:
        raise UsageProblem("--keep-outputs and --participant-label contradict each other: a subject goes as a whole.")
    folder = dataset if dataset.bucket == data_bucket else Location(data_bucket, dataset.name)
    _refuse_own_folder(folder)
    return Target(
        kind="dataset" if subject is None else "subject",
        dataset=dataset,
        folder=folder,
        subject=subject,
        keeps_outputs=keeps_outputs,
    )


def outputs_target(dataset: Location, modif: str, *, data_bucket: str) -> Target:
    """One output folder of a dataset, which may be in another bucket.

    Raises
    ------
    UsageProblem
        For opsctl's own folder.
    """
    folder = derivatives(dataset, modif, data_bucket=data_bucket)
    _refuse_own_folder(folder)
    return Target(kind="outputs", dataset=dataset, folder=folder, modif=modif)


def run_target(run_id: str) -> Target:
    """A run's records."""
    return Target(kind="run", run_id=run_id)


def _refuse_own_folder(folder: Location) -> None:
    if not folder.prefix or folder.prefix.split("/")[0] == _OPSCTL_FOLDER:
        raise UsageProblem(
            f"{folder.uri} is no dataset: it holds opsctl's own records.",
            "`opsctl delete run RUN_ID` deletes a run, `opsctl down --everything` the whole bucket.",
        )
