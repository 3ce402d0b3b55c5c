"""A run's record: `run.json`, one JSON a scan, and the SubmitJob requests that point at them."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from opsctl.core.errors import Problem
from opsctl.core.location import Location, run_location
from opsctl.core.m2g import M2gOptions, argv
from opsctl.core.platform import Platform
from opsctl.core.scan import Scan

SCHEMA_VERSION = 1

#: AWS Batch: an array has 2 to 10,000 children.
LARGEST_ARRAY = 10_000


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
        Names by index.
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

    def as_json(self) -> dict[str, Any]:
        """`run.json`."""
        return {
            "schema_version": SCHEMA_VERSION,
            **asdict(self),
            "count": len(self.scans),
            "scans": list(self.scans),
            "command_line": list(self.command_line),
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
        if value.get("schema_version") != SCHEMA_VERSION or None in fields.values():
            raise Problem(f"The run {value.get('run_id', '?')} was recorded by another version of opsctl.")
        fields["scans"] = tuple(value["scans"])
        fields["command_line"] = tuple(value["command_line"])
        return cls(**fields)  # type: ignore[arg-type]  # parsed JSON: every field is checked to be there


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One job that was submitted for a run: a plain job for one scan, else an array.

    Attributes
    ----------
    offset
        Index of the run's scan that the first child processes.
    size
        How many scans.
    """

    job_id: str
    job_name: str
    offset: int
    size: int
    submitted_at: str

    @property
    def is_array(self) -> bool:
        """Whether the job has children."""
        return self.size > 1

    def child_id(self, index: int) -> str:
        """Batch's id of the job that processes the run's scan `index`."""
        return f"{self.job_id}:{index - self.offset}" if self.is_array else self.job_id


def timestamp(moment: datetime) -> str:
    """UTC, ISO 8601, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def make_run_id(dataset_name: str, *, moment: datetime, token: str) -> str:
    """`DATASET-YYYYMMDD-HHMMSS-xxxx`, safe as a Batch job name whatever the dataset is called."""
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", dataset_name).strip("-_")[:80] or "dataset"
    return f"{safe}-{moment.astimezone(UTC):%Y%m%d-%H%M%S}-{token}"


def run_moment(run_id: str) -> str:
    """The part of a run's id by which runs sort in time."""
    return run_id[-20:]


def scan_key(scan: Scan, options: M2gOptions, *, image: str) -> str:
    """The same work has the same key: a SHA-256 over the inputs' etags, the options and the image."""
    work = {
        "inputs": sorted([one.role, one.etag] for one in scan.inputs),
        "m2g": options.for_pipeline(scan.pipeline).as_dict(),
        "image": image,
    }
    return hashlib.sha256(json.dumps(work, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def scan_document(
    scan: Scan, options: M2gOptions, *, run_id: str, index: int, image: str, output: Location
) -> dict[str, Any]:
    """A scan's JSON: all that its job needs to know."""
    own = options.for_pipeline(scan.pipeline)
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "index": index,
        "scan": {
            "name": scan.name,
            "subject": scan.subject,
            "session": scan.session,
            "entities": dict(scan.entities),
        },
        "inputs": [asdict(one) for one in scan.inputs],
        "m2g": own.as_dict(),
        "argv": argv(own, subject=scan.subject, session=scan.session),
        "image": image,
        "output": f"{output.uri}/{scan.name}",
        "key": scan_key(scan, options, image=image),
    }


def document_key(run_prefix: str, folder: str, index: int) -> str:
    """`…/scans/00000.json`, `…/results/00000.json`."""
    return f"{run_prefix}/{folder}/{index:05d}.json"


def array_sizes(count: int) -> list[int]:
    """How many scans each submission takes: none above Batch's limit, and no array of one beside others."""
    arrays = math.ceil(count / LARGEST_ARRAY)
    return [count // arrays + (1 if number < count % arrays else 0) for number in range(arrays)]


def submit_requests(run: Run, platform: Platform) -> list[dict[str, Any]]:
    """The exact SubmitJob requests of a run, in order.

    Names and tags carry the run only, never a subject's label: they show in consoles and bills.
    """
    resources = platform.models[run.model]
    run_uri = run_location(run.run_id, data_bucket=platform.data_bucket).uri
    requests = []
    offset = 0
    for number, size in enumerate(array_sizes(len(run.scans))):
        request: dict[str, Any] = {
            "jobName": f"{run.run_id}-{number:02d}",
            "jobQueue": resources.job_queue,
            "jobDefinition": resources.job_definition,
            "containerOverrides": {
                "environment": [
                    {"name": "OPSCTL_RUN_URI", "value": run_uri},
                    {"name": "OPSCTL_SCAN_OFFSET", "value": str(offset)},
                ]
            },
            "tags": {"opsctl:run": run.run_id},
        }
        if size > 1:
            request["arrayProperties"] = {"size": size}
        requests.append(request)
        offset += size
    return requests


def submission_of(request: Mapping[str, Any], *, job_id: str, submitted_at: str) -> Submission:
    """The record of an accepted request."""
    environment = {one["name"]: one["value"] for one in request["containerOverrides"]["environment"]}
    return Submission(
        job_id=job_id,
        job_name=request["jobName"],
        offset=int(environment["OPSCTL_SCAN_OFFSET"]),
        size=request.get("arrayProperties", {}).get("size", 1),
        submitted_at=submitted_at,
    )


def mixing_run(run: Run, earlier: Sequence[Run]) -> Run | None:
    """An earlier run that wrote to the same place with other options, if there is one: outputs are never mixed."""
    for other in earlier:
        if other.output == run.output and (other.dataset != run.dataset or dict(other.m2g) != dict(run.m2g)):
            return other
    return None
