"""A run's record: `run.json` and one JSON a scan."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from opsctl.core.dataset.scan import Scan
from opsctl.core.errors import Problem
from opsctl.core.runs.m2g_options import M2gOptions, argv

SCHEMA_VERSION = 1

#: What `run.json` says only where it was asked for.
_MAY_BE_NULL = {"memory_mib", "max_spend_usd"}


@dataclass(frozen=True)
class Origin:
    """An entry of an earlier run that stands for a scan of this one: done, or on its way, when this run began."""

    run_id: str
    index: int


@dataclass(frozen=True, kw_only=True)
class Run:
    """One submission of a dataset.

    Attributes
    ----------
    dataset, output
        S3 addresses of the dataset and of its derivatives folder.
    m2g
        m2g's options, named as m2g names them.
    model
        `csd` or `csa`: whose queue the jobs went to.
    scans
        Names by index: first those that this run submits, then the adopted ones.
    keys
        The scans' keys (`scan_key`), by index.
    sizes
        How many scans each of the run's submissions takes, in order; the sum is how many it submits.
    adopted
        For each scan after those: the earlier run's entry that stands for it.
    resources
        Whose queue and job definition the jobs use, `csd` or `csa`: not always the model's (`--memory`).
    memory_mib
        What each job gets, where it is not the job definition's own.
    max_spend_usd
        The budget, where one was given.
    created_at
        UTC, ISO 8601.
    command_line
        What was typed, word by word.
    """

    run_id: str
    dataset: str
    output: str
    m2g: Mapping[str, Any]
    model: str
    image: str
    platform: str
    region: str
    scans: tuple[str, ...]
    created_at: str
    created_by: str
    command_line: tuple[str, ...]
    opsctl_version: str
    keys: tuple[str, ...]
    sizes: tuple[int, ...]
    adopted: tuple[Origin, ...] = ()
    resources: str
    memory_mib: int | None = None
    max_spend_usd: float | None = None

    @property
    def submitted_count(self) -> int:
        """How many of the scans are this run's own; the others are adopted."""
        return sum(self.sizes)

    def origin(self, index: int) -> Origin:
        """Where a scan's job and result are to be found: in this run, or in the one that it was adopted from."""
        own = self.submitted_count
        return Origin(self.run_id, index) if index < own else self.adopted[index - own]

    def places(self) -> dict[str, dict[int, int]]:
        """The scans' indices by the run that their records are in, and by their index there."""
        found: dict[str, dict[int, int]] = {}
        for index in range(len(self.scans)):
            origin = self.origin(index)
            found.setdefault(origin.run_id, {})[origin.index] = index
        return found

    def as_json(self) -> dict[str, Any]:
        """`run.json`."""
        return {
            "schema_version": SCHEMA_VERSION,
            **asdict(self),
            "count": len(self.scans),
            **{name: list(value) for name, value in vars(self).items() if isinstance(value, tuple)},
            "adopted": [asdict(one) for one in self.adopted],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Run:
        """Parse `run.json`.

        Raises
        ------
        Problem
            Where it is not a run of schema version 1.
        """
        fields = {name: value.get(name) for name in cls.__dataclass_fields__}
        missing = [name for name, one in fields.items() if one is None and name not in _MAY_BE_NULL]
        if value.get("schema_version") != SCHEMA_VERSION or missing:
            raise Problem(f"The run {value.get('run_id', '?')} was recorded by another version of opsctl.")
        fields |= {name: tuple(one) for name, one in fields.items() if isinstance(one, list)}
        fields["adopted"] = tuple(Origin(**one) for one in value["adopted"])
        return cls(**fields)  # type: ignore[arg-type]  # parsed JSON: every field is checked to be there


def timestamp(moment: datetime) -> str:
    """UTC, ISO 8601, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def make_run_id(dataset_name: str, *, moment: datetime, token: str) -> str:
    """`DATASET-YYYYMMDD-HHMMSS-xxxx`, safe as a Batch job name whatever the dataset is called."""
    return f"{_safe(dataset_name)}-{moment.astimezone(UTC):%Y%m%d-%H%M%S}-{token}"


def run_moment(run_id: str) -> str:
    """The part of a run's id by which runs sort in time."""
    return run_id[-20:]


def may_be_run_of(run_id: str, dataset_name: str) -> bool:
    """Whether a run's id is one that this dataset's runs get; so may those of another whose name differs in a `.`."""
    return run_id[:-21] == _safe(dataset_name)


def _safe(dataset_name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", dataset_name).strip("-_")[:80] or "dataset"


def scan_key(scan: Scan, options: M2gOptions, *, image: str) -> str:
    """The same work has the same key: a SHA-256 over the inputs' etags, the options and the image."""
    work = {
        "inputs": sorted([one.role, one.etag] for one in scan.inputs),
        "m2g": options.for_pipeline(scan.pipeline).as_dict(),
        "image": image,
    }
    return hashlib.sha256(json.dumps(work, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def scan_document(
    scan: Scan, options: M2gOptions, *, run: Run, index: int, image_digest: str | None = None
) -> dict[str, Any]:
    """A scan's JSON: all that its job needs to know.

    Parameters
    ----------
    image_digest
        `sha256:…` of the run's image, where it is known.
    """
    own = options.for_pipeline(scan.pipeline)
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run.run_id,
        "index": index,
        "dataset": run.dataset,
        "opsctl_version": run.opsctl_version,
        "scan": {
            "name": scan.name,
            "subject": scan.subject,
            "session": scan.session,
            "entities": dict(scan.entities),
        },
        "inputs": [asdict(one) for one in scan.inputs],
        "m2g": own.as_dict(),
        "argv": argv(own, subject=scan.subject, session=scan.session),
        "image": run.image,
        "image_digest": image_digest,
        "output": f"{run.output}/{scan.name}",
        "key": scan_key(scan, options, image=run.image),
    }


def document_key(run_prefix: str, folder: str, index: int) -> str:
    """`…/scans/00000.json`, `…/results/00000.json`."""
    return f"{run_prefix}/{folder}/{index:05d}.json"


def mixing_run(dataset: str, m2g: Mapping[str, Any], earlier: Sequence[Run]) -> Run | None:
    """An earlier run into the same place of another dataset or with other options: outputs are never mixed."""
    for other in earlier:
        if other.dataset != dataset or dict(other.m2g) != dict(m2g):
            return other
    return None
