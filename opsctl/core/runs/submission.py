"""A run's submissions: the records that are written before SubmitJob is called, and the requests themselves."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from opsctl.core import bounded
from opsctl.core.location import run_location
from opsctl.core.platform.platform import Platform
from opsctl.core.record import SCHEMA_VERSION, RecordReader
from opsctl.core.runs.manifest import Run

#: AWS Batch: an array has 2 to 10,000 children.
LARGEST_ARRAY = 10_000
#: Tells a job where the records of its run lie, and opsctl whose a job is.
RUN_URI_VARIABLE = "OPSCTL_RUN_URI"

_JOB_OF_A_RUN = re.compile(r"(.+-\d{8}-\d{6}-[0-9a-f]{4})-\d{2,}")

SubmissionState = Literal["intended", "submitted", "abandoned"]


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One job of a run: an array job, or a plain job where it has one scan only.

    Attributes
    ----------
    number
        Position among the run's submissions, from 0. Part of the job's name, by which a job whose id was not
        recorded is found again.
    offset
        Index of the first of the run's scans that it processes.
    size
        Number of scans.
    state
        `intended`: recorded before SubmitJob is called; the call may have been made since. `submitted`: Batch has the
        job. `abandoned`: given up; if Batch has its job after all, that job writes nothing.
    at
        When it got this state; UTC, ISO 8601.
    job_id
        Batch's id of the job; empty until it is known.
    note, note_code
        Why it was abandoned, or why AWS refused one that is still `intended`: in words, and as a code
        (`opsctl.core.diagnosis.cause_code`).
    """

    number: bounded.Index
    job_name: bounded.RunId
    job_queue: bounded.Arn
    offset: bounded.Index
    size: bounded.ArraySize
    state: SubmissionState
    at: bounded.Moment
    job_id: bounded.JobId = ""
    note: bounded.Cause = ""
    note_code: bounded.Text = ""

    @property
    def is_array(self) -> bool:
        """Whether the job is an array job."""
        return self.size > 1

    @property
    def indices(self) -> range:
        """Indices of the run's scans that it processes."""
        return range(self.offset, self.offset + self.size)

    def child_id(self, index: int) -> str:
        """Batch's id of the job, or child job, that processes the run's scan `index`."""
        return f"{self.job_id}:{index - self.offset}" if self.is_array else self.job_id

    def submitted(self, job_id: str, *, at: str) -> Submission:
        """A copy with the state `submitted`."""
        return replace(self, state="submitted", job_id=job_id, at=at, note="", note_code="")

    def refused(self, note: str, *, code: str, at: str) -> Submission:
        """A copy that AWS refused: it stays `intended`, because the next `run` submits it again."""
        return replace(self, note=note, note_code=code, at=at)

    def without_job(self) -> Submission:
        """A copy of which it is not known whether Batch has its job."""
        return replace(self, state="intended", job_id="")

    def abandoned(self, note: str, *, code: str, at: str) -> Submission:
        """A copy with the state `abandoned`."""
        return replace(self, state="abandoned", note=note, note_code=code, at=at)

    def as_json(self) -> dict[str, Any]:
        """The content of `submissions/00.json`."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def decode(cls, data: bytes, uri: str) -> Submission:
        """Read `submissions/00.json`.

        Raises
        ------
        UnreadableRecord
            If it is damaged, or of another version.
        """
        return _READER.decode(data, uri)


def _inconsistency(submission: Submission, uri: str) -> str:
    run_uri, _, name = uri.rpartition("/submissions/")
    # The name of its job is how it is looked up: another one would be another run's job, which `cancel` would end.
    if submission.job_name != job_name(run_uri.rpartition("/")[2], submission.number):
        return f"`job_name` is wrong ({submission.job_name} is not a job of the run where it lies)"
    if name != f"{submission.number:02d}.json":
        return f"it is submission {submission.number}, not the one where it lies"
    if ":" in submission.job_id:
        return "`job_id` is wrong (a child job is no submission)"
    return "`job_id` is empty" if submission.state == "submitted" and not submission.job_id else ""


_READER = RecordReader(
    Submission,
    hint="Until it is restored or deleted, the submission counts as one without a record.",
    check=_inconsistency,
)


def contradiction(submission: Submission, run: Run) -> str:
    """Why it cannot be one of a run's submissions; empty where it can."""
    sizes = run.sizes[: submission.number + 1]
    if len(sizes) <= submission.number or (submission.offset, submission.size) != (sum(sizes[:-1]), sizes[-1]):
        return f"it is of {submission.size} scans from {submission.offset} on, which contradicts the run's `sizes`"
    return ""


def foreign_job(submission: Submission, name: str) -> str:
    """Why a submission is not believed whose `job_id` is another job's, which has this name in AWS Batch."""
    return f"its job {submission.job_id} is {name} in AWS Batch, and not a job of this submission: it is left alone"


def job_name(run_id: str, number: int) -> str:
    """The name of the job of a run's submission, by which it is found where its id was not recorded."""
    return f"{run_id}-{number:02d}"


def run_of_job(name: str) -> str | None:
    """The run that a job belongs to by its name; None for a job that is none of a run's, such as a self-test's."""
    match = _JOB_OF_A_RUN.fullmatch(name)
    return match[1] if match else None


def array_sizes(count: int, *, most: int = LARGEST_ARRAY) -> list[int]:
    """Number of scans of each submission: at most `most`, and as equal as possible, so that none is left with one."""
    arrays = math.ceil(count / most)
    return [count // arrays + (1 if number < count % arrays else 0) for number in range(arrays)]


def submissions_of(run: Run, platform: Platform, *, at: str) -> list[Submission]:
    """The submissions of a run, each with the state `intended`."""
    queue = platform.models[run.resources].job_queue
    submissions = []
    offset = 0
    for number, size in enumerate(run.sizes):
        submissions.append(
            Submission(
                number=number,
                job_name=job_name(run.run_id, number),
                job_queue=queue,
                offset=offset,
                size=size,
                state="intended",
                at=at,
            )
        )
        offset += size
    return submissions


def submit_request(submission: Submission, run: Run, platform: Platform) -> dict[str, Any]:
    """The parameters of SubmitJob.

    Names and tags contain the run's id and never a subject's label, because consoles and bills show them.
    """
    overrides: dict[str, Any] = {
        "environment": [
            {"name": RUN_URI_VARIABLE, "value": run_location(run.run_id, data_bucket=platform.data_bucket).uri},
            {"name": "OPSCTL_SCAN_OFFSET", "value": str(submission.offset)},
        ]
    }
    needs = {"VCPU": run.vcpus, "MEMORY": run.memory_mib}
    if any(needs.values()):
        overrides["resourceRequirements"] = [
            {"type": kind, "value": str(value)} for kind, value in needs.items() if value is not None
        ]
    request: dict[str, Any] = {
        "jobName": submission.job_name,
        "jobQueue": submission.job_queue,
        "jobDefinition": platform.models[run.resources].job_definition,
        "containerOverrides": overrides,
        "tags": {"opsctl:run": run.run_id},
        # For the mail of `up --notify-email`: EventBridge can copy these, and cannot take a name apart.
        "parameters": {"run": run.run_id, "part": f"{submission.number + 1} of {len(run.sizes)}"},
    }
    if submission.is_array:
        request["arrayProperties"] = {"size": submission.size}
    return request
