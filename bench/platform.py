"""A platform and its adapters, as `run` builds them, on the bench's own server."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.server.dataset import PREFIX, bucket_of, done_bucket_of
from opsctl.assets import atlas_table, bids_config
from opsctl.aws.batch.batch import Batch
from opsctl.aws.clients import Clients
from opsctl.aws.logs import Logs
from opsctl.aws.s3.cache import Cache
from opsctl.aws.s3.storage import Storage
from opsctl.commands.logs.reader import LogReader
from opsctl.commands.logs.streams import LogStreams
from opsctl.commands.runs.plan import output_of, plan
from opsctl.commands.runs.prior_runs import PriorRuns
from opsctl.commands.runs.records import Records
from opsctl.commands.runs.request import RunRequest
from opsctl.commands.runs.run import RunOutcome, RunSubmission
from opsctl.commands.runs.run_plan import RunPlan
from opsctl.commands.runs.snapshot import SnapshotReader
from opsctl.commands.runs.submission_lease import SubmissionLease
from opsctl.commands.runs.submit import Submitter
from opsctl.core.dataset.discovery import SUFFIXES
from opsctl.core.dataset.entities import EntityPatterns
from opsctl.core.location import Location, dataset_folder
from opsctl.core.logs.log_line import LineFilter
from opsctl.core.platform.platform import ModelResources, Platform
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.submission import submissions_of, submit_request
from opsctl.home import Home


def platform_of(url: str | None, *, data_bucket: str) -> Platform:
    """A platform's record; with the URL None, of a platform on AWS."""
    resources = ModelResources(
        job_queue="queue",
        compute_environment="environment",
        job_definition="definition:1",
        instance_type="r5.large",
        vcpus=2,
        memory_mib=15200,
        max_vcpus=512,
    )
    return Platform(
        name="bench",
        region="us-east-1",
        account_id="123456789012",
        data_bucket=data_bucket,
        repository_url="repository",
        image="repository:1",
        m2g_image="repository:1",
        log_group="/opsctl/bench",
        spot=False,
        root_volume_gib=100,
        opsctl_version="0",
        models={"csd": resources, "csa": resources},
        endpoint_url=url,
    )


class _TimedBatch(Batch):
    """Remembers when the last submission was accepted."""

    accepted_at = 0.0

    def submit(self, request: Mapping[str, Any]) -> str:
        job_id = super().submit(request)
        self.accepted_at = time.perf_counter()
        return job_id


@dataclass
class BenchPlatform:
    """A platform with an empty data bucket, and a dataset with a number of scans in another bucket.

    Attributes
    ----------
    home
        An empty folder, opsctl's home.
    scans
        The number of the dataset's scans.
    """

    url: str
    home: Path
    scans: int
    data_bucket: str

    @property
    def dataset_bucket(self) -> str:
        """The data bucket itself where it holds a dataset that is done."""
        is_done = self.data_bucket == done_bucket_of(self.scans)
        return self.data_bucket if is_done else bucket_of(self.scans)

    @cached_property
    def platform(self) -> Platform:
        return platform_of(self.url, data_bucket=self.data_bucket)

    @cached_property
    def clients(self) -> Clients:
        return Clients(endpoint_url=self.url)

    @cached_property
    def storage(self) -> Storage:
        return Storage(self.clients.s3, self.clients.s3_direct)

    @cached_property
    def batch(self) -> _TimedBatch:
        return _TimedBatch(self.clients.batch, submit_client=self.clients.batch_once)

    @cached_property
    def records(self) -> Records:
        return Records(self.storage, data_bucket=self.data_bucket, cache=Cache(Home(self.home).cache))

    @cached_property
    def _request(self) -> RunRequest:
        options = M2gOptions(parcellation=("Desikan",))
        return RunRequest(dataset=Location(self.dataset_bucket, PREFIX.rstrip("/")), options=options)

    @cached_property
    def _prior_runs(self) -> PriorRuns:
        return PriorRuns(
            output_of(self._request, self.platform),
            self.platform,
            dataset_name=self._request.dataset.name,
            records=self.records,
            storage=self.storage,
            batch=self.batch,
            now=lambda: datetime.now(UTC),
        )

    def plan(self) -> RunPlan:
        """Plan a run, as `run` does before it asks for confirmation."""
        return plan(
            self._request,
            self.platform,
            self.storage,
            self._prior_runs,
            patterns=EntityPatterns(bids_config(), suffixes=SUFFIXES),
            table=atlas_table(),
            moment=datetime.now(UTC),
            token="0000",
        )

    def carry_out(self, run_plan: RunPlan) -> RunOutcome:
        """Submit a run, as `run` does after the confirmation: lease, earlier runs again, records, jobs."""
        home = Home(self.home)
        home.make(home.path)
        lease, dataset_lease = (
            SubmissionLease(
                self.storage,
                home,
                location,
                data_bucket=self.data_bucket,
                who="bench",
                on_wait=lambda _message: None,
            )
            for location in (run_plan.output, dataset_folder(run_plan.output))
        )
        submitter = Submitter(
            self.batch, self.records, self.platform, lease=lease, sleep=time.sleep, now=lambda: datetime.now(UTC)
        )
        submission = RunSubmission(
            run_plan,
            prior_runs=self._prior_runs,
            submitter=submitter,
            lease=lease,
            dataset_lease=dataset_lease,
            records=self.records,
            budget=None,
            now=lambda: datetime.now(UTC),
        )
        return submission.carry_out()

    def submitted(self) -> Run:
        """Submit a run of all scans: its record and its array job, but not the scans' JSONs, which only jobs read."""
        run_plan = self.plan()
        run = run_plan.run(run_plan.dispositions)
        submissions = [
            submission.submitted(self.batch.submit(submit_request(submission, run, self.platform)), at=run.created_at)
            for submission in submissions_of(run, self.platform, at=run.created_at)
        ]
        self.records.put_run(run, {}, submissions)
        return run

    def recorded(self) -> Run:
        """Write the record of a run of all scans whose job Batch does not know any more."""
        run_plan = self.plan()
        run = run_plan.run(run_plan.dispositions)
        submissions = [
            submission.submitted("00000000-0000-4000-8000-ffffffffffff", at=run.created_at)
            for submission in submissions_of(run, self.platform, at=run.created_at)
        ]
        self.records.put_run(run, {}, submissions)
        return run

    def snapshots(self, run: Run) -> SnapshotReader:
        """The reader of a run's snapshots, as `status` and `logs` use it."""
        return SnapshotReader(run, records=self.records, batch=self.batch, now=lambda: datetime.now(UTC))

    def log_reader(self, run: Run) -> LogReader:
        """The reader of a run's log lines, as `logs` uses it."""
        snapshots = self.snapshots(run)
        return LogReader(
            snapshots,
            logs=Logs(self.clients.logs, group=self.platform.log_group),
            records=self.records,
            streams=LogStreams(snapshots),
            line_filter=LineFilter(),
            now=lambda: datetime.now(UTC),
        )
