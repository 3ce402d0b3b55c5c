"""A platform, a small dataset in S3 and everything that `run` needs."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from opsctl.assets import atlas_table, entity_patterns
from opsctl.aws.s3.storage import Storage
from opsctl.commands.costs.budget import Budget
from opsctl.commands.runs.plan import output_of, plan
from opsctl.commands.runs.prior_runs import PriorRuns
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.registrations import RegistrationFinder
from opsctl.commands.runs.request import RunRequest
from opsctl.commands.runs.run import RunOutcome, RunSubmission
from opsctl.commands.runs.run_plan import RunPlan
from opsctl.commands.runs.submission_lease import SubmissionLease
from opsctl.commands.runs.submit import Submitter
from opsctl.core.dataset.selection import Selection
from opsctl.core.location import Location, dataset_folder, derivatives, parse_uri
from opsctl.core.platform.platform import ModelResources, Platform
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.result import Result
from opsctl.home import Home
from support.fake_batch import FakeBatch
from support.record_examples import GRAPH, OUTPUT, RUN_ID, outputs_of, outputs_of_failed, result_uri

PATTERNS = entity_patterns()
ATLASES = tuple(atlas.name for atlas in atlas_table().default)
MOMENT = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def _resources(model: str) -> ModelResources:
    return ModelResources(
        job_queue=f"arn:queue-{model}",
        compute_environment=f"arn:environment-{model}",
        job_definition=f"arn:definition-{model}:1",
        instance_type="r5.large",
        vcpus=2,
        memory_mib=30400 if model == "csa" else 15200,
        max_vcpus=512,
    )


PLATFORM = Platform(
    name="m2g",
    region="us-east-1",
    account_id="123456789012",
    data_bucket="data",
    repository_url="u",
    image="repo:0.1.0",
    m2g_image="sha256:m2g",
    log_group="/opsctl/m2g",
    spot=False,
    root_volume_gib=100,
    opsctl_version="0.1.0",
    models={"csd": _resources("csd"), "csa": _resources("csa")},
)


def put_dataset(s3: Any, *scans: str, name: str = "HNU1") -> None:
    """Put one complete scan for each `sub-X[/ses-Y]`."""
    for scan in scans:
        stem = scan.replace("/", "_")
        for path in (
            f"dwi/{stem}_dwi.nii.gz",
            f"dwi/{stem}_dwi.bval",
            f"dwi/{stem}_dwi.bvec",
            f"anat/{stem}_T1w.nii",
        ):
            s3.put_object(Bucket="data", Key=f"{name}/{scan}/{path}", Body=b"x")


def request(**changes: Any) -> RunRequest:
    run_request = RunRequest(
        dataset=Location("data", "HNU1"),
        options=M2gOptions(),
        command_line=("opsctl", "run", "HNU1"),
        user="ada",
        version="0.1.0",
    )
    options = changes.pop("options", run_request.options)
    # As the command line does: without --parcellation it names the default atlases.
    run_request = dataclasses.replace(
        run_request, options=dataclasses.replace(options, parcellation=options.parcellation or ATLASES)
    )
    filters = {filter_field.name for filter_field in dataclasses.fields(Selection)}
    selection = Selection(**{name: changes.pop(name) for name in filters & changes.keys()})
    return dataclasses.replace(run_request, selection=selection, **changes)


@dataclass
class RunWorld:
    """Everything that `run` needs, for one person on one machine."""

    storage: Storage
    home: Path
    batch: FakeBatch = field(default_factory=FakeBatch)
    sleeps: list[float] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    platform: Platform = PLATFORM
    minutes: int = 0

    @property
    def records(self) -> Records:
        return Records(self.storage, data_bucket="data")

    def prior_runs(self, run_request: RunRequest) -> PriorRuns:
        return PriorRuns(
            output_of(run_request, self.platform),
            self.platform,
            dataset_name=run_request.dataset.name,
            records=self.records,
            storage=self.storage,
            batch=self.batch.adapter(),
            now=lambda: MOMENT + timedelta(minutes=self.minutes),
        )

    def plan(self, **changes: Any) -> RunPlan:
        """The plan of a request."""
        self.minutes += 1
        run_request = request(**changes)
        return plan(
            run_request,
            self.platform,
            self.storage,
            self.prior_runs(run_request),
            patterns=PATTERNS,
            table=atlas_table(),
            moment=self.planned_at(),
            token=f"{self.minutes:04x}",
            finder=RegistrationFinder(
                self.records, self.storage, dataset=run_request.dataset, m2g_image=self.platform.m2g_image
            ),
        )

    def now(self) -> datetime:
        """The time of every record."""
        return MOMENT

    def planned_at(self) -> datetime:
        """When the plan is made: a minute after the previous one."""
        return MOMENT + timedelta(minutes=self.minutes)

    def lease(self, plan: RunPlan) -> SubmissionLease:
        return self.lease_on(plan.output)

    def lease_on(self, location: Location) -> SubmissionLease:
        return SubmissionLease(
            self.storage,
            Home(self.home),
            location,
            data_bucket="data",
            who="ada@lab",
            on_wait=self.messages.append,
            sleep=self.sleeps.append,
        )

    def carry_out(self, plan: RunPlan, *, budget: Budget | None = None) -> RunOutcome:
        lease = self.lease(plan)
        submitter = Submitter(
            self.batch.adapter(), self.records, self.platform, lease=lease, sleep=self.sleeps.append, now=self.now
        )
        runner = RunSubmission(
            plan,
            prior_runs=self.prior_runs(plan.request),
            submitter=submitter,
            lease=lease,
            dataset_lease=self.lease_on(dataset_folder(plan.output)),
            records=self.records,
            budget=budget,
            now=self.now,
        )
        return runner.carry_out()

    def run(self, **changes: Any) -> RunOutcome:
        """Do what `opsctl run HNU1 --yes` does."""
        return self.carry_out(self.plan(**changes))

    def finish(self, run_id: str, *indices: int, status: str = "succeeded", body: bytes = b"1 2 3") -> None:
        """End the jobs of some scans: write their outputs and results."""
        run = self.records.run(run_id)
        for index in indices:
            uri = f"{run.output}/{run.scans[index]}/connectomes_d/one_connectome.csv"
            files = [(uri, body)] if status == "succeeded" else []
            if files:
                self.storage.client.put_object(Bucket="data", Key=uri.removeprefix("s3://data/"), Body=body)
            value = result_json(index, run.scans[index], files, status=status, key=run.keys[index], run_id=run_id)
            self.storage.put_json("data", f"opsctl/runs/{run_id}/results/{index:05d}.json", value)


def put_run(storage: Storage, run_id: str, **changes: Any) -> Run:
    run = Run(
        run_id=run_id,
        dataset="s3://data/HNU1",
        output="s3://data/HNU1/derivatives/m2g-csa-native",
        m2g=M2gOptions(parcellation=ATLASES).as_dict(),
        model="csa",
        image="repo:0.1.0",
        platform="m2g",
        region="us-east-1",
        scans=("sub-01", "sub-02"),
        created_at="2026-11-22T12:00:00Z",
        created_by="ada",
        command_line=("opsctl", "run", "HNU1"),
        opsctl_version="0.1.0",
        keys=("k1", "k2"),
        sizes=(2,),
        resources="csa",
        attempt_timeout_seconds=21_600,
    )
    run = dataclasses.replace(run, **changes)
    if "dataset" in changes and "output" not in changes:
        output = derivatives(parse_uri(run.dataset), "m2g-csa-native", data_bucket="data")
        run = dataclasses.replace(run, output=output.uri)
    storage.put_json("data", f"opsctl/runs/{run_id}/run.json", run.as_json())
    return run


def result_json(index: int, scan: str, files: Sequence[tuple[str, bytes]] = (), **changes: Any) -> dict[str, Any]:
    """A succeeded result; `files` are connectomes by URI: without any, one that is not written."""
    failed = changes.get("status") == "failed"
    run_id = changes.get("run_id", RUN_ID)
    output = files[0][0].partition(f"/{scan}/")[0] if files else OUTPUT
    outputs = outputs_of_failed(index, run_id) if failed else outputs_of(scan, output)
    if files and not failed:
        outputs["files"] = [
            {
                "path": uri.removeprefix(f"{outputs['folder']}/"),
                "size_bytes": len(body),
                "sha256": hashlib.sha256(body).hexdigest(),
                "etag": hashlib.md5(body).hexdigest(),
                "graph": GRAPH,
            }
            for uri, body in files
        ]
    return {
        "schema_version": 1,
        "run_id": run_id,
        "index": index,
        "scan": scan,
        "key": "k",
        "status": "succeeded",
        "cause": "",
        "cause_code": "",
        "facts": {},
        "exit_code": 0,
        "attempt": 1,
        "started_at": "2026-11-22T12:00:00Z",
        "stopped_at": "2026-11-22T12:00:05Z",
        "seconds": {"pull": 1.0, "m2g": 2.0, "push": 0.5},
        "peak_memory_mib": 812,
        "outputs": outputs,
        "image": "repo:0.1.0",
        "job_id": "j",
        "log_stream": "csa/default/t",
        **changes,
    }


def result(index: int, scan: str, **changes: Any) -> Result:
    return Result.decode(json.dumps(result_json(index, scan, **changes)).encode(), result_uri(index))
