"""`selftest`: one small job a model through the real queue, its rows, its log line, and nothing left of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from opsctl.aws.batch.batch import Batch
from opsctl.aws.logs import Logs
from opsctl.aws.s3.storage import Storage
from opsctl.aws.s3.versions import Versions
from opsctl.commands.runs.submit_once import find_submitted, submit_once
from opsctl.commands.selftest.cleanup import remove_objects
from opsctl.commands.selftest.jobs import SelftestJobs, WatchedJob, Watching
from opsctl.commands.selftest.log_line import LogLineSearch
from opsctl.core.costs.estimate import Rates
from opsctl.core.errors import Interrupted, Problem
from opsctl.core.platform.platform import Platform
from opsctl.core.preview import is_preview
from opsctl.core.record import UnreadableRecord
from opsctl.core.runs.manifest import make_run_id, timestamp
from opsctl.core.selftest.check_table import remedy_of, title_of
from opsctl.core.selftest.job_row import job_row
from opsctl.core.selftest.phases import phases
from opsctl.core.selftest.report import ModelReport, Row, SelftestReport
from opsctl.core.selftest.result import ResultRow, SelftestResult
from opsctl.core.selftest.submission import (
    Registration,
    input_document,
    job_location,
    log_text,
    raw_key,
    selftest_location,
    submit_request,
)
from opsctl.core.selftest.times import TIMES_KEY, PlatformTimes

#: The lines' times are of the instance's clock, and the search's beginning of this machine's.
_CLOCKS_DIFFER = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked.

    Attributes
    ----------
    models
        `csd`, `csa` or both.
    timeout_seconds
        How long the jobs may take together.
    atlas_files
        The names of neuroparc's files that the image must have.
    token
        Four characters that make the id unique.
    """

    models: Sequence[str]
    timeout_seconds: float
    atlas_files: Sequence[str]
    token: str
    version: str


class Selftest:
    """One self-test of a platform.

    Parameters
    ----------
    versions
        Of the data bucket.
    registration
        Returns what a model's job definition gives its jobs.
    rates
        Returns what a model's instance costs.
    watching
        How the jobs are watched.
    """

    def __init__(
        self,
        request: Request,
        platform: Platform,
        *,
        batch: Batch,
        storage: Storage,
        versions: Versions,
        logs: Logs,
        registration: Callable[[str], Registration],
        rates: Callable[[str], Rates],
        watching: Watching,
    ) -> None:
        self._request = request
        self._platform = platform
        self._is_preview = is_preview(platform.image)
        self._batch = batch
        self._storage = storage
        self._versions = versions
        self._logs = logs
        self._registration = registration
        self._rates = rates
        self._watching = watching
        self._started_at = watching.now()
        self.selftest_id = make_run_id("selftest", moment=self._started_at, token=request.token)
        self._jobs = SelftestJobs(batch, watching)
        # The requests of the jobs that Batch may have, also where an interruption left no id of them.
        self._requests: dict[str, Mapping[str, Any]] = {}
        self._wrote_raw_data = False

    def run(self) -> SelftestReport:
        """Submit the jobs, wait for them, read what they found, and remove what they wrote.

        Raises
        ------
        Interrupted
            After Ctrl-C: the jobs were ended, and what they wrote was removed.
        Problem
            When AWS refuses the submission, or does not answer; the jobs were ended as far as that was possible.
        """
        # Before anything is written: a platform without its job definition has nothing to test.
        registrations = {model: self._registration(model) for model in self._request.models}
        try:
            self._submit(registrations)
            self._jobs.wait(self._request.timeout_seconds)
            models = [self._model_report(self._jobs.jobs[model]) for model in self._request.models]
            self._keep_times(models)
        except KeyboardInterrupt as error:
            left = self._end()
            raise Interrupted(f"Stopped. The self-test's jobs were ended. {left}".rstrip()) from error
        except BaseException:
            self._end()
            raise
        left = self._remove()
        return SelftestReport(
            selftest_id=self.selftest_id,
            platform=self._platform.name,
            region=self._platform.region,
            account_id=self._platform.account_id,
            image=self._platform.image,
            opsctl_version=self._request.version,
            is_local=self._platform.is_local,
            is_preview=self._is_preview,
            started_at=timestamp(self._started_at),
            models=models,
            left=left,
        )

    def _submit(self, registrations: Mapping[str, Registration]) -> None:
        document = input_document(self.selftest_id, atlas_files=self._request.atlas_files)
        for model, registration in registrations.items():
            folder = job_location(self.selftest_id, model, data_bucket=self._platform.data_bucket)
            self._storage.put_json(folder.bucket, f"{folder.key_prefix}input.json", document)
            request = submit_request(self.selftest_id, model, self._platform, registration)
            self._requests[model] = request
            self._jobs.add(model, submit_once(self._batch, request, sleep=self._watching.sleep))

    def _model_report(self, watched: WatchedJob) -> ModelReport:
        model = watched.model
        result: SelftestResult | None = None
        unreadable: UnreadableRecord | None = None
        try:
            result = self._result(model)
        except UnreadableRecord as problem:
            unreadable = problem
        job = None if watched.is_forgotten else watched.job
        job_phases = phases(watched.job, result, watched.seen)
        rows = [job_row(job, result, seconds=job_phases.total, waits=watched.waits, unreadable=unreadable)]
        rows += [_row(row) for row in result.rows] if result else []
        if any(row.check == "raw_data" and row.verdict == "failed" for row in rows):
            self._wrote_raw_data = True
        streams = watched.job.log_streams if watched.job else ()
        stream = streams[-1] if streams else result.log_stream if result else ""
        last_lines: tuple[str, ...] = ()
        if stream:
            search = self._search(stream)
            rows.append(search.row(log_text(self.selftest_id, model)))
            last_lines = search.last_lines() if result is None else ()
        return ModelReport(
            model=model,
            instance_type=self._platform.models[model].instance_type,
            job_id=watched.job_id,
            log_stream=stream,
            rows=tuple(rows),
            phases=job_phases,
            usd=None if self._is_preview else self._rates(model).usd_per_hour * job_phases.total / 3600,
            versions=result.versions if result else {},
            last_lines=last_lines,
            disk_used_mib=result.disk_used_mib if result else None,
        )

    def _result(self, model: str) -> SelftestResult | None:
        folder = job_location(self.selftest_id, model, data_bucket=self._platform.data_bucket)
        key = f"{folder.key_prefix}result.json"
        body = self._storage.get_body(folder.bucket, key)
        return None if body is None else SelftestResult.decode(body, f"s3://{folder.bucket}/{key}")

    def _search(self, stream: str) -> LogLineSearch:
        return LogLineSearch(
            self._logs,
            stream=stream,
            start_ms=int((self._started_at - _CLOCKS_DIFFER).timestamp() * 1000),
            sleep=self._watching.sleep,
            clock=self._watching.clock,
        )

    def _keep_times(self, models: Sequence[ModelReport]) -> None:
        """Keep what the instances took, for estimates and `size`. This machine's say nothing about AWS."""
        measured = [
            (model.instance_type, model.phases)
            for model in models
            if not any(row.check == "job" and row.verdict == "failed" for row in model.rows)
        ]
        if self._platform.is_local or not measured:
            return
        bucket = self._platform.data_bucket
        # Whoever may not write here still gets the report; a damaged object is written anew. Of two self-tests at the
        # same moment one is kept: that costs nobody anything.
        with suppress(Problem):
            body = self._storage.get_body(bucket, TIMES_KEY)
            times = PlatformTimes()
            with suppress(Problem):
                times = PlatformTimes.decode(body, f"s3://{bucket}/{TIMES_KEY}") if body is not None else times
            times = times.with_measured(
                measured,
                at=timestamp(self._watching.now()),
                disks={model.instance_type: model.disk_used_mib for model in models},
                image=self._platform.image,
            )
            self._storage.put_json(bucket, TIMES_KEY, times.as_json())

    def _end(self) -> str:
        """End the jobs and remove what they wrote; return what stays, in words."""
        try:
            for model, request in self._requests.items():
                if model not in self._jobs.jobs:
                    job_id = find_submitted(
                        self._batch, request["jobQueue"], request["jobName"], sleep=self._watching.sleep
                    )
                    if job_id:
                        self._jobs.add(model, job_id)
            self._jobs.end("opsctl selftest: stopped")
        except Problem as problem:
            return f"They may still run: {problem.what}"
        return self._remove()

    def _remove(self) -> str:
        bucket = self._platform.data_bucket
        prefixes = [selftest_location(self.selftest_id, data_bucket=bucket).key_prefix]
        prefixes += [raw_key(self.selftest_id)] if self._wrote_raw_data else []
        return remove_objects(self._versions, prefixes, bucket=bucket)


def _row(row: ResultRow) -> Row:
    remedy = remedy_of(row.check) if row.verdict in ("failed", "warning") else ""
    return Row(
        check=row.check,
        group=row.group,
        title=title_of(row.check),
        verdict=row.verdict,
        detail=row.detail,
        seconds=row.seconds,
        remedy=remedy,
    )
