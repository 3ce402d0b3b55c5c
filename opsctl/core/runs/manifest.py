"""A run's record, `run.json`, and where the documents of its scans lie."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from opsctl.core import bounded
from opsctl.core.location import derivatives, is_label, is_plain_path, parse_uri, run_location
from opsctl.core.notify.address import without_addresses
from opsctl.core.preview import is_preview
from opsctl.core.record import SCHEMA_VERSION, RecordReader
from opsctl.core.runs.m2g_options import all_asked
from opsctl.core.runs.scan_key import is_previewed

LONGEST_ARGUMENT = 4_000


@dataclass(frozen=True)
class Origin:
    """A scan of an earlier run that this run adopted, because it was done or in flight when this run began."""

    run_id: bounded.RunId
    index: bounded.Index


@dataclass(frozen=True, kw_only=True)
class Run:
    """One submission of a dataset.

    Attributes
    ----------
    dataset, output
        S3 addresses of the dataset and of its derivatives folder.
    dataset_version, dataset_doi
        Of a dataset of OpenNeuro's: the snapshot that its bucket held when the run was submitted, and its DOI. Empty
        where the dataset's files do not say it, and for other datasets.
    m2g
        m2g's options, under m2g's names.
    model
        The diffusion model, `csd` or `csa`.
    scans
        Names by index: first the scans that this run submits, then the adopted ones. Empty for a scan that was deleted
        on request (`opsctl delete`): it counts no more, and the others keep their indices.
    keys
        The scans' keys (`opsctl.core.runs.scan_key`) by index; an adopted scan's is the earlier run's. Empty for a
        deleted scan.
    sizes
        Number of scans of each submission, in order. Their sum is the number of scans that this run submits.
    adopted
        For each adopted scan, its origin in an earlier run.
    resources
        The model whose queue and job definition the jobs use, `csd` or `csa`; `--memory` may choose another than
        `model`.
    attempt_timeout_seconds
        How long one attempt may take before Batch ends it.
    memory_mib, vcpus
        Memory and vCPUs of each job; None where the job definition's value applies.
    scans_per_instance
        How many of the jobs an instance holds.
    scans_at_once
        How many of them the platform and the account's quotas let run at once when it was submitted; None on the local
        platform.
    grows_to_mib
        The memory with which scans that outgrow theirs are run again; None: they are not.
    is_grown
        Its scans outgrew their memory in earlier runs.
    max_spend_usd
        The budget; None where none was given.
    created_at
        UTC, ISO 8601.
    command_line
        The command as typed, one argument per element.
    """

    run_id: bounded.RunId
    dataset: bounded.S3Uri
    output: bounded.S3Uri
    m2g: bounded.M2gValues
    model: bounded.Model
    image: bounded.Name
    platform: bounded.Name
    region: bounded.Name
    scans: tuple[bounded.ScanName, ...]
    created_at: bounded.Moment
    created_by: bounded.Text
    command_line: tuple[bounded.Text, ...]
    opsctl_version: bounded.Text
    keys: tuple[bounded.Text, ...]
    sizes: tuple[bounded.ArraySize, ...]
    adopted: tuple[Origin, ...] = ()
    resources: bounded.Model
    attempt_timeout_seconds: bounded.TimeoutSeconds
    memory_mib: bounded.Mib | None = None
    max_spend_usd: bounded.Usd | None = None
    dataset_version: bounded.Text = ""
    dataset_doi: bounded.Text = ""
    vcpus: bounded.Count | None = None
    scans_per_instance: bounded.Count = 1
    scans_at_once: bounded.Count | None = None
    grows_to_mib: bounded.Mib | None = None
    is_grown: bool = False

    @property
    def submitted_count(self) -> int:
        """Number of scans that this run submits; the others are adopted."""
        return sum(self.sizes)

    @property
    def remaining(self) -> list[int]:
        """The indices of the scans that were not deleted on request."""
        return [index for index, scan in enumerate(self.scans) if scan]

    @property
    def deleted_count(self) -> int:
        """Number of scans that were deleted on request."""
        return self.scans.count("")

    def origin(self, index: int) -> Origin:
        """The run and index under which a scan's job and result are found; for an adopted scan, in the earlier run."""
        submitted = self.submitted_count
        return Origin(self.run_id, index) if index < submitted else self.adopted[index - submitted]

    def is_previewed(self, index: int) -> bool:
        """Whether the preview makes a scan's outputs; an adopted scan's job may have had another image than this run's.

        The times of the preview say nothing of m2g's, and its outputs are no scientific results.
        """
        return is_preview(self.image) if index < self.submitted_count else is_previewed(self.keys[index])

    def places(self) -> dict[str, dict[int, int]]:
        """The scans' indices by the id of the run that has their records, and by their index in that run."""
        by_run: dict[str, dict[int, int]] = {}
        for index in range(len(self.scans)):
            origin = self.origin(index)
            by_run.setdefault(origin.run_id, {})[origin.index] = index
        return by_run

    def records_uri(self, run_id: str) -> str:
        """The S3 address of the records of a run in the same data bucket: this run, or one that it adopted from."""
        return run_location(run_id, data_bucket=parse_uri(self.output).bucket).uri

    @property
    def records_uris(self) -> set[str]:
        """The S3 addresses of the records of this run and of those that it adopted from."""
        return {self.records_uri(run_id) for run_id in {self.run_id, *(origin.run_id for origin in self.adopted)}}

    def scan_uri(self, index: int) -> str:
        """The S3 address of the folder with a scan's outputs."""
        return f"{self.output}/{self.scans[index]}"

    def place_of(self, uri: str, index: int) -> str | None:
        """Where a file of a scan's outputs lies below the derivatives folder, such as `sub-01/ses-1/qa_d/x.png`.

        Parameters
        ----------
        uri
            The file's S3 address, as a result names it.
        index
            Of the scan.

        Returns
        -------
        str or None
            Its parts are plain names, and the first ones are the scan's. None where the file is not one of this scan's.
        """
        is_own = bool(self.scans[index]) and uri.startswith(f"{self.scan_uri(index)}/")
        place = uri[len(self.output) + 1 :]
        return place if is_own and is_plain_path(place) else None

    def as_json(self) -> dict[str, Any]:
        """The content of `run.json`."""
        return {
            "schema_version": SCHEMA_VERSION,
            **asdict(self),
            "count": len(self.scans),
            **{name: list(value) for name, value in vars(self).items() if isinstance(value, tuple)},
            "adopted": [asdict(origin) for origin in self.adopted],
        }

    @classmethod
    def decode(cls, data: bytes, uri: str) -> Run:
        """Read `run.json`.

        Raises
        ------
        UnreadableRecord
            If it is damaged, or of another version.
        """
        return _READER.decode(data, uri)


def _inconsistency(run: Run, uri: str) -> str:
    """What is wrong with a run whose single fields are valid; empty where nothing is."""
    dataset, output = parse_uri(run.dataset), parse_uri(run.output)
    if uri != f"{run_location(run.run_id, data_bucket=output.bucket).uri}/run.json":
        return f"it is of the run {run.run_id} with outputs at {run.output}, which does not belong where it lies"
    if run.output != derivatives(dataset, output.name, data_bucket=output.bucket).uri or not is_label(output.name):
        return f"`output` is wrong ({run.output} is not a folder in the derivatives of {run.dataset})"
    if run.submitted_count + len(run.adopted) != len(run.scans):
        return (
            f"`sizes` and `adopted` are of {run.submitted_count + len(run.adopted)} scans, `scans` of {len(run.scans)}"
        )
    if len(run.keys) != len(run.scans):
        return f"it has {len(run.keys)} `keys` of {len(run.scans)} `scans`"
    return ""


_READER = RecordReader(
    Run, hint="Restore it, or name another run with --run: `opsctl runs` lists them.", check=_inconsistency
)


def timestamp(moment: datetime) -> str:
    """A time in UTC, as ISO 8601 to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def make_run_id(dataset_name: str, *, moment: datetime, token: str) -> str:
    """`DATASET-YYYYMMDD-HHMMSS-xxxx`, valid in a Batch job name whatever the dataset's name is."""
    return f"{_safe(dataset_name)}-{moment.astimezone(UTC):%Y%m%d-%H%M%S}-{token}"


def recorded_command_line(arguments: Sequence[str]) -> tuple[str, ...]:
    """A command as a run's record stores it.

    Bytes that are no UTF-8 are replaced, very long arguments cut, and addresses of messages left out.
    """
    return tuple(
        argument.encode(errors="surrogateescape").decode(errors="replace")[:LONGEST_ARGUMENT]
        for argument in without_addresses(arguments)
    )


def run_moment(run_id: str) -> str:
    """The part of a run's id that sorts runs by time."""
    return run_id[-20:]


def may_be_run_of(run_id: str, dataset_name: str) -> bool:
    """Whether a run's id fits a dataset; it also fits datasets whose names differ only in characters like `.`."""
    return run_id[:-21] == _safe(dataset_name)


def _safe(dataset_name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", dataset_name).strip("-_")[:80] or "dataset"


def document_key(run_prefix: str, folder: str, index: int) -> str:
    """The key of a scan's JSON in a folder of a run, such as `…/scans/00000.json` or `…/results/00000.json`."""
    return f"{run_prefix}/{folder}/{index:05d}.json"


def mixing_run(dataset: str, m2g: Mapping[str, Any], earlier: Sequence[Run]) -> Run | None:
    """The first earlier run into the same location with another dataset, or that asked m2g for something else.

    None if there is none. Runs with another m2g are not told apart here: each scan's key tells.
    """
    for other in earlier:
        if other.dataset != dataset or all_asked(other.m2g) != all_asked(m2g):
            return other
    return None
