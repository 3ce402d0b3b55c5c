"""A run's submissions: the SubmitJob requests, and the journal that is written before they are sent."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from opsctl.core.location import run_location
from opsctl.core.platform.platform import Platform
from opsctl.core.runs.manifest import Run

#: AWS Batch: an array has 2 to 10,000 children.
LARGEST_ARRAY = 10_000

SubmissionState = Literal["intended", "submitted", "abandoned"]


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One job of a run: a plain job for one scan, else an array.

    Attributes
    ----------
    number
        The n-th of its run; part of the job's name, by which a submission without its record is found again.
    offset
        Index of the run's scan that the first child processes.
    size
        How many scans.
    state
        `intended`: written before SubmitJob is called, which may have happened since. `submitted`: Batch has it.
        `abandoned`: given up; a job of it that turns up nevertheless writes nothing.
    at
        When that became so; UTC, ISO 8601.
    job_id
        Batch's; empty until it is known.
    note
        Why it was given up.
    """

    number: int
    job_name: str
    job_queue: str
    offset: int
    size: int
    state: SubmissionState
    at: str
    job_id: str = ""
    note: str = ""

    @property
    def is_array(self) -> bool:
        """Whether the job has children."""
        return self.size > 1

    @property
    def indices(self) -> range:
        """The run's scans that it takes."""
        return range(self.offset, self.offset + self.size)

    def child_id(self, index: int) -> str:
        """Batch's id of the job that processes the run's scan `index`."""
        return f"{self.job_id}:{index - self.offset}" if self.is_array else self.job_id

    def submitted(self, job_id: str, *, at: str) -> Submission:
        """The same, now that Batch has it."""
        return replace(self, state="submitted", job_id=job_id, at=at)

    def abandoned(self, note: str, *, at: str) -> Submission:
        """The same, given up."""
        return replace(self, state="abandoned", note=note, at=at)

    def as_json(self) -> dict[str, Any]:
        """`submissions/00.json`."""
        return asdict(self)


def array_sizes(count: int, *, most: int = LARGEST_ARRAY) -> list[int]:
    """How many scans each submission takes: none above `most`, as even as can be, so that none is left with one."""
    arrays = math.ceil(count / most)
    return [count // arrays + (1 if number < count % arrays else 0) for number in range(arrays)]


def submissions_of(run: Run, platform: Platform, *, at: str) -> list[Submission]:
    """A run's submissions as they are intended."""
    queue = platform.models[run.resources].job_queue
    made = []
    offset = 0
    for number, size in enumerate(run.sizes):
        made.append(
            Submission(
                number=number,
                job_name=f"{run.run_id}-{number:02d}",
                job_queue=queue,
                offset=offset,
                size=size,
                state="intended",
                at=at,
            )
        )
        offset += size
    return made


def submit_request(submission: Submission, run: Run, platform: Platform) -> dict[str, Any]:
    """The exact SubmitJob request of a submission.

    Names and tags carry the run only, never a subject's label: they show in consoles and bills.
    """
    overrides: dict[str, Any] = {
        "environment": [
            {"name": "OPSCTL_RUN_URI", "value": run_location(run.run_id, data_bucket=platform.data_bucket).uri},
            {"name": "OPSCTL_SCAN_OFFSET", "value": str(submission.offset)},
        ]
    }
    if run.memory_mib is not None:
        overrides["resourceRequirements"] = [{"type": "MEMORY", "value": str(run.memory_mib)}]
    request: dict[str, Any] = {
        "jobName": submission.job_name,
        "jobQueue": submission.job_queue,
        "jobDefinition": platform.models[run.resources].job_definition,
        "containerOverrides": overrides,
        "tags": {"opsctl:run": run.run_id},
    }
    if submission.is_array:
        request["arrayProperties"] = {"size": submission.size}
    return request
