"""A valid record of every kind, with its reader, and what must not be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.core.platform.platform import Platform
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.lease_record import LeaseRecord
from opsctl.core.runs.manifest import Origin, Run
from opsctl.core.runs.result import Result
from opsctl.core.runs.scan_record import decode_scan_document
from opsctl.core.runs.status import BatchJob, FinalJobStates
from opsctl.core.runs.submission import Submission
from opsctl.core.selftest.result import SelftestResult
from opsctl.core.selftest.times import PlatformTimes
from support.core_examples import run
from support.example_platform import RECORD

RUN_ID = "HNU1-20261122-120000-ab12"
OUTPUT = "s3://data/HNU1/derivatives/m2g-csa-native"
FOLDER = f"{OUTPUT}/sub-01/ses-1"
PATH = "connectomes_d/x.csv"
FILE = f"{FOLDER}/{PATH}"
#: Of a connectome.
GRAPH = {
    "atlas": "Desikan_space-MNI152NLin6_res-2x2x2",
    "kind": "streamlines",
    "nodes": 68,
    "edges": 812,
    "regions": 70,
    "lost": 2,
}
TIMES = {"started_at": "2026-11-22T12:00:00Z", "stopped_at": "2026-11-22T12:10:00Z"}
PREFIX = f"opsctl/runs/{RUN_ID}"

ATTEMPT: dict[str, Any] = {
    "schema_version": 1,
    "run_id": RUN_ID,
    "index": 3,
    "scan": "sub-01/ses-1",
    "job_id": "j:3",
    "attempt": 1,
    **TIMES,
    "exit_code": 1,
    "cause": "m2g ended with exit code 1",
    "log_stream": "csa/default/t",
    "cause_code": "m2g_failed",
    "seen_at": "2026-11-22T12:09:00Z",
    "facts": {"exit_code": 1, "file": "x.nii.gz"},
    "phase": {"name": "graphs", "started_at": "2026-11-22T12:01:00Z", "number": 3, "count": 45},
}
RESULT: dict[str, Any] = {
    "schema_version": 1,
    "run_id": RUN_ID,
    "index": 3,
    "scan": "sub-01/ses-1",
    "key": "abc",
    "status": "succeeded",
    "cause": "",
    "exit_code": 0,
    "attempt": 1,
    **TIMES,
    "seconds": {"pull": 1.2, "m2g": 3.4, "push": 0.5},
    "peak_memory_mib": 812,
    "peak_disk_mib": 2048,
    "outputs": {
        "folder": FOLDER,
        "files": [{"path": PATH, "size_bytes": 5, "sha256": "f" * 64, "etag": "ee", "graph": GRAPH}],
    },
    "warnings": [{"code": "regions_lost", "atlas": "Desikan_space-MNI152NLin6_res-2x2x2", "text": "2 regions lost."}],
    "image": "repo:1",
    "job_id": "j:3",
    "log_stream": "csa/default/t",
    "cause_code": "",
    "facts": {},
}
SUBMISSION = Submission(
    number=0,
    job_name="HNU1-20261122-120000-ab12-00",
    job_queue="arn:queue-csa",
    offset=0,
    size=2,
    state="submitted",
    at="2026-11-22T12:00:00Z",
    job_id="j",
)
RUN = run(3, sizes=(2,), adopted=(Origin("HNU1-20261121-120000-ab12", 7),), memory_mib=30400, max_spend_usd=20.0)
JOBS = {
    3: BatchJob(
        job_id="j:3",
        status="FAILED",
        reason="Host EC2 (instance i-1) terminated.",
        attempts=(Attempt(index=3, number=1, job_id="j:3", **TIMES, facts={"signal": 9}),),
        log_streams=("csa/default/t",),
    )
}
SCAN: dict[str, Any] = {
    "schema_version": 1,
    "run_id": RUN_ID,
    "index": 3,
    "dataset": "s3://data/HNU1",
    "scan": {"name": "sub-01/ses-1", "subject": "01"},
    "inputs": [{"uri": "s3://data/HNU1/sub-01_dwi.nii.gz", "role": "dwi", "size_bytes": 9, "etag": "e"}],
    "output": f"{OUTPUT}/sub-01/ses-1",
    "key": "abc",
    "image_digest": None,
}


@dataclass(frozen=True)
class Kind:
    """One kind of record.

    Attributes
    ----------
    path
        Where it lies: below a run's folder, or by another name.
    value
        A valid record whose fields the reader all knows, `ignored` and `optional` apart.
    ignored
        Fields for people, which the reader does not look at.
    optional
        Fields that may be missing.
    dependent
        Fields that may be missing from other records, but not from this one.
    """

    path: str
    value: Mapping[str, Any]
    decode: Callable[[bytes, str], Any]
    ignored: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    dependent: frozenset[str] = frozenset()

    @property
    def uri(self) -> str:
        return f"s3://data/{PREFIX}/{self.path}"

    @property
    def required(self) -> list[str]:
        return sorted(set(self.value) - self.ignored - self.optional - self.dependent)

    @property
    def checked(self) -> list[str]:
        return sorted(set(self.value) - self.ignored)

    def read(self, value: Any) -> Any:
        return self.decode(encoded(value), self.uri)


def result_uri(index: int, run_id: str = RUN_ID) -> str:
    return f"s3://data/opsctl/runs/{run_id}/results/{index:05d}.json"


def attempt_uri(index: int, number: int, run_id: str = RUN_ID) -> str:
    return f"s3://data/opsctl/runs/{run_id}/attempts/{index:05d}.{number}.0123abcd.json"


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


LATER = frozenset({"cause_code", "seen_at", "facts", "phase", "peak_disk_mib"})
KINDS = {
    "run": Kind(
        "run.json",
        json.loads(encoded(RUN.as_json())),
        Run.decode,
        frozenset({"count"}),
        frozenset(
            {
                *("memory_mib", "max_spend_usd", "dataset_version", "dataset_doi"),
                *("vcpus", "scans_per_instance", "scans_at_once", "grows_to_mib", "is_grown"),
            }
        ),
        frozenset({"adopted"}),
    ),
    "submission": Kind(
        "submissions/00.json",
        SUBMISSION.as_json(),
        Submission.decode,
        optional=frozenset({"note", "note_code"}),
        dependent=frozenset({"job_id"}),
    ),
    "attempt": Kind("attempts/00003.1.ab.json", ATTEMPT, Attempt.decode, frozenset({"run_id", "scan"}), LATER),
    "result": Kind(
        "results/00003.json",
        RESULT,
        Result.decode,
        frozenset({"run_id", "image"}),
        LATER | {"warnings", "peak_disk_mib"},
    ),
    "final job states": Kind(
        "final_job_states.json", json.loads(encoded(FinalJobStates(jobs=JOBS).as_json())), FinalJobStates.decode
    ),
    "scan": Kind("scans/00003.json", SCAN, decode_scan_document, frozenset({"run_id"})),
    "platform": Kind(
        "record.json",
        {
            **RECORD,
            "endpoint_url": "http://127.0.0.1:5000",
            "spot_fallback": True,
            "options": {"spot": True, "source_buckets": ["b"], "variables": {"attempts": 2}},
        },
        Platform.decode,
        optional=frozenset({"endpoint_url", "spot_fallback", "options"}),
    ),
}

LEASE = {
    "schema_version": 1,
    "state": "held",
    "token": "0f" * 16,
    "home": "h",
    "who": "ada@lab",
    "output": OUTPUT,
}
SELFTEST = {
    "schema_version": 1,
    "selftest_id": "selftest-20261122-120000-ab12",
    "model": "csa",
    "job_id": "j",
    "attempt": 1,
    **TIMES,
    "log_stream": "csa/default/t",
    "rows": [{"check": "s3_read", "group": "storage", "verdict": "fine", "detail": "It can.", "seconds": 0.2}],
    "pull_started_at": None,
    "pull_stopped_at": None,
    "versions": {"m2g": "0.3.0"},
}
START_TIMES = {
    "measured_at": TIMES["started_at"],
    "instance_type": "r5.large",
    "boot_seconds": 90.0,
    "pull_seconds": 120.0,
    "start_seconds": 3.0,
}


def outputs_of(scan: str, output: str = OUTPUT) -> dict[str, Any]:
    """The outputs of a succeeded result that has one connectome; no object is written."""
    return {**RESULT["outputs"], "folder": f"{output}/{scan}"}


def outputs_of_failed(index: int, run_id: str = RUN_ID) -> dict[str, Any]:
    """The outputs of a failed result without a finished connectome."""
    return {"folder": f"s3://data/opsctl/runs/{run_id}/failures/{index:05d}", "files": []}


FAILED_RESULT = {
    **RESULT,
    "status": "failed",
    "exit_code": 1,
    "cause": "why",
    "cause_code": "m2g_failed",
    "facts": {"exit_code": 1, "signal": 9},
    "outputs": outputs_of_failed(3),
}
#: Every kind that opsctl reads.
FUZZED = {
    **KINDS,
    "failed result": Kind("results/00003.json", FAILED_RESULT, Result.decode),
    "lease": Kind("lease.00001.json", LEASE, LeaseRecord.decode),
    "self-test": Kind("result.json", SELFTEST, SelftestResult.decode),
    "times": Kind("times.json", {"schema_version": 1, "times": [START_TIMES]}, PlatformTimes.decode),
}
