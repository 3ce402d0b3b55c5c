"""A platform, a small dataset in S3 and the run that it becomes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from opsctl.assets import bids_config
from opsctl.aws.batch import Batch
from opsctl.aws.s3 import Storage
from opsctl.commands.records import Records
from opsctl.commands.run import Order, Prepared, prepare
from opsctl.core.bids import SUFFIXES
from opsctl.core.entities import EntityPatterns
from opsctl.core.location import Location
from opsctl.core.m2g import M2gOptions
from opsctl.core.manifest import Run
from opsctl.core.platform import ModelResources, Platform
from opsctl.core.result import Result
from opsctl.core.selection import Selection

PATTERNS = EntityPatterns(bids_config(), suffixes=SUFFIXES)
MOMENT = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def _resources(model: str) -> ModelResources:
    return ModelResources(
        job_queue=f"arn:queue-{model}",
        compute_environment=f"arn:environment-{model}",
        job_definition=f"arn:definition-{model}:1",
        instance_type="r5.large",
        vcpus=2,
        memory_mib=15200,
        max_vcpus=512,
    )


PLATFORM = Platform(
    name="m2g",
    region="us-east-1",
    account_id="123456789012",
    data_bucket="data",
    repository_url="u",
    image="repo:0.1.0",
    log_group="/opsctl/m2g",
    spot=False,
    root_volume_gib=100,
    opsctl_version="0.1.0",
    models={"csd": _resources("csd"), "csa": _resources("csa")},
)


def put_dataset(s3: Any, *places: str, name: str = "HNU1") -> None:
    """A whole scan for each `sub-X[/ses-Y]`."""
    for place in places:
        words = place.replace("/", "_")
        for path in (
            f"dwi/{words}_dwi.nii.gz",
            f"dwi/{words}_dwi.bval",
            f"dwi/{words}_dwi.bvec",
            f"anat/{words}_T1w.nii",
        ):
            s3.put_object(Bucket="data", Key=f"{name}/{place}/{path}", Body=b"x")


def order(**changes: Any) -> Order:
    made = Order(
        dataset=Location("data", "HNU1"),
        options=M2gOptions(),
        command_line=("opsctl", "run", "HNU1"),
        user="ada",
        version="0.1.0",
    )
    filters = {one.name for one in dataclasses.fields(Selection)}
    selection = Selection(**{name: changes.pop(name) for name in filters & changes.keys()})
    return dataclasses.replace(made, selection=selection, **changes)


def prepared(storage: Storage, records: Records, *, minutes: int = 0, **changes: Any) -> Prepared:
    return prepare(
        order(**changes),
        PLATFORM,
        storage,
        records,
        patterns=PATTERNS,
        moment=MOMENT + timedelta(minutes=minutes),
        token=f"{minutes:04x}",
    )


def batch(*answers: str | BaseException, asked: Callable[[dict[str, Any]], None] = lambda request: None) -> Batch:
    """The real adapter over a client that answers SubmitJob as scripted: a job id, or what is raised."""
    left = list(answers)

    class Client:
        def submit_job(self, **request: Any) -> dict[str, str]:
            asked(request)
            answer = left.pop(0)
            if isinstance(answer, BaseException):
                raise answer
            return {"jobId": answer}

    client: Any = Client()
    return Batch(client, submit_client=client)


def put_run(storage: Storage, run_id: str, **changes: Any) -> Run:
    made = Run(
        run_id=run_id,
        dataset="s3://data/HNU1",
        output="s3://data/HNU1/derivatives/m2g-csa-native",
        m2g=M2gOptions().as_dict(),
        model="csa",
        image="repo:0.1.0",
        platform="m2g",
        region="us-east-1",
        scans=("sub-01", "sub-02"),
        created_at="2026-11-22T12:00:00Z",
        created_by="ada",
        command_line=("opsctl", "run", "HNU1"),
        opsctl_version="0.1.0",
    )
    made = dataclasses.replace(made, **changes)
    storage.put_json("data", f"opsctl/runs/{run_id}/run.json", made.as_json())
    return made


def result_json(index: int, scan: str, files: Sequence[tuple[str, bytes]] = (), **changes: Any) -> dict[str, Any]:
    """A succeeded result; `files` are connectomes by URI."""
    return {
        "schema_version": 1,
        "run_id": "R",
        "index": index,
        "scan": scan,
        "key": "k",
        "status": "succeeded",
        "cause": "",
        "exit_code": 0,
        "attempt": 1,
        "started_at": "2026-11-22T12:00:00Z",
        "stopped_at": "2026-11-22T12:00:05Z",
        "seconds": {"pull": 1.0, "m2g": 2.0, "push": 0.5},
        "peak_memory_mib": 812,
        "outputs": {
            "count": len(files),
            "bytes": sum(len(body) for _, body in files),
            "connectomes": [uri for uri, _ in files],
            "files": [
                {"uri": uri, "size_bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()} for uri, body in files
            ],
        },
        "image": "repo:0.1.0",
        "job_id": "j",
        "log_stream": "csa/default/t",
        **changes,
    }


def result(index: int, scan: str, **changes: Any) -> Result:
    return Result.from_json(result_json(index, scan, **changes))
