"""The adapters that `run` needs, built from the request."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from opsctl.core.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.aws.s3.clock import S3Clock
    from opsctl.cli.context import Context
    from opsctl.commands.costs.budget import Budget, Spending
    from opsctl.commands.dataset.discovery import DatasetFiles
    from opsctl.commands.runs.prior_runs import PriorRuns
    from opsctl.commands.runs.request import RunRequest
    from opsctl.commands.runs.run import RunOutcome
    from opsctl.commands.runs.run_plan import RunPlan
    from opsctl.commands.simulation.simulate import SimulatedRun
    from opsctl.core.costs.estimate import Estimate, Hours, Rates
    from opsctl.core.costs.reserve import Guarantee, Reserve
    from opsctl.core.diagnosis.account.obstacles import Obstacle, RunFacts
    from opsctl.core.platform.platform import ModelResources, Platform
    from opsctl.core.simulation.what_if import WhatIf
    from opsctl.core.sizing.instance_offer import InstanceComparison


class RunWiring:
    """Plans, prices and carries out one run request.

    Parameters
    ----------
    context
        Of the verb.
    request
        What was typed.
    """

    def __init__(self, context: Context, request: RunRequest) -> None:
        self._context = context
        self._request = request
        self._await_facts: Callable[[], RunFacts]

    def plan(self, source: DatasetFiles) -> RunPlan:
        """Plan what is to be done; nothing is written.

        Parameters
        ----------
        source
            The dataset's files.
        """
        import secrets

        from opsctl.assets import atlas_table, entity_patterns
        from opsctl.commands.diagnosis.account_look import start_run_facts
        from opsctl.commands.platform.m2g_image import m2g_image_of
        from opsctl.commands.runs.plan import plan
        from opsctl.commands.runs.registrations import RegistrationFinder
        from opsctl.core.diagnosis.queue_snapshot import Image

        context = self._context
        # AWS is asked while the dataset is read.
        self._await_facts = start_run_facts(context.clients, context.platform)
        m2g_image = m2g_image_of(context.platform, os.environ)
        run_plan = plan(
            self._request,
            replace(context.platform, m2g_image=m2g_image),
            source,
            self._prior_runs,
            patterns=entity_patterns(),
            table=atlas_table(),
            moment=self._clock.now(),
            token=secrets.token_hex(2),
            finder=RegistrationFinder(
                context.records, context.storage, dataset=self._request.dataset, m2g_image=m2g_image
            ),
        )
        image = self._facts.image
        if not context.platform.is_local:
            run_plan = replace(run_plan, scans_at_once=self._at_once)
        return replace(run_plan, image_digest=image.digest) if isinstance(image, Image) else run_plan

    def obstacles(self) -> list[Obstacle]:
        """Why no scan of the run could start."""
        from opsctl.core.diagnosis.account.obstacles import bucket_obstacles, run_obstacles

        platform = self._context.platform
        return [
            *bucket_obstacles(self._request.dataset, platform),
            *run_obstacles(self._facts, self._sized_platform, model=self._model),
        ]

    def notes(self, plan: RunPlan) -> list[str]:
        """What does not stop the run, and makes it slower or may stop it later."""
        from opsctl.core.diagnosis.account.obstacles import run_notes

        count, hours = len(plan.to_submit()), self.estimate(plan).wall_hours
        notes = run_notes(self._facts, self._sized_platform, model=self._model, scan_count=count, wall_hours=hours)
        return [*notes, *([self._rates.warning] if self._rates.warning else [])]

    def estimate(self, plan: RunPlan) -> Estimate:
        """Estimate what the scans to submit cost."""
        from opsctl.core.costs.estimate import estimate

        count = len(plan.to_submit())
        return estimate(
            self._context.platform,
            self.resources,
            scan_count=count,
            rates=self._rates,
            hours=self._hours(self.resources.scans_per_instance),
            at_once=self._at_once,
        )

    def simulate(self, plan: RunPlan, what_if: WhatIf, *, seed: int) -> SimulatedRun:
        """Play through what would be submitted, or as many scans as `what_if` says."""
        from opsctl.cli.simulating import simulate_on

        return simulate_on(
            self._context,
            self._sized_platform,
            self._model,
            what_if,
            scan_count=what_if.scans or len(plan.to_submit()),
            seed=seed,
            hours_of_pack=self._hours,
            account=self._facts.account,
        )

    def instances(self, plan: RunPlan) -> InstanceComparison | None:
        """What runs cost and take on each instance type that the platform allows; None where it allows one only."""
        from opsctl.cli.instances import compare_on

        if not self.resources.more_instance_types:
            return None
        return compare_on(
            self._context,
            self._sized_platform,
            self._model,
            scan_count=len(plan.to_submit()),
            only_allowed=True,
            hours=self._hours(1),
            account=self._facts.account,
        )

    def guarantee(self, plan: RunPlan, *, other_usd: Callable[[], float] = lambda: 0.0) -> Guarantee | None:
        """What `--max-spend` guarantees for the scans to submit; None without it. Refuses what it does not cover.

        Raises
        ------
        Problem
            Says what it would cost.
        """
        if self._request.max_spend_usd is None:
            return None
        count = len(plan.to_submit())
        budget = self._budget(self._request.max_spend_usd, self.estimate(plan), other_usd)
        guarantee = budget.guarantee(count)
        budget.ensure_affordable(guarantee.spent_usd, count)
        return guarantee

    def spending(self) -> Spending:
        """What the scans of the output location have cost and may cost, without those that are to be submitted."""
        from opsctl.commands.costs.budget import spending

        return spending(
            self._prior_runs.snapshots(),
            rates_of=lambda run: self._context.pricing(run).rates,
            hours_per_scan=self._reserve.hours,
        )

    @property
    def resources(self) -> ModelResources:
        """Those of the model whose queue the jobs use, with jobs of this run's size."""
        platform = self._context.platform
        return self._request.job_size(platform).of(platform.models[self._model])

    def carry_out(self, plan: RunPlan, *, other_usd: Callable[[], float] = lambda: 0.0) -> RunOutcome:
        """Wait for the lease on the output location and submit.

        Parameters
        ----------
        other_usd
            Returns what else counts against `--max-spend`: the runs with other settings of the same command.

        Raises
        ------
        Problem, Interrupted
            Says what was submitted and what was not.
        """
        import socket

        from opsctl.commands.runs.run import RunSubmission
        from opsctl.commands.runs.submission_lease import SubmissionLease
        from opsctl.commands.runs.submit import Submitter
        from opsctl.core.location import dataset_folder

        context = self._context
        lease, dataset_lease = (
            SubmissionLease(
                context.storage,
                context.home,
                location,
                data_bucket=context.platform.data_bucket,
                who=f"{self._request.user}@{socket.gethostname()}",
                on_wait=self._on_wait,
            )
            for location in (plan.output, dataset_folder(plan.output))
        )
        submitter = Submitter(
            context.batch,
            context.records,
            context.platform,
            lease=lease,
            sleep=time.sleep,
            now=self._clock.now,
        )
        limit_usd = self._request.max_spend_usd
        runner = RunSubmission(
            plan,
            prior_runs=self._prior_runs,
            submitter=submitter,
            lease=lease,
            dataset_lease=dataset_lease,
            records=context.records,
            budget=None if limit_usd is None else self._budget(limit_usd, self.estimate(plan), other_usd),
            now=self._clock.now,
        )
        try:
            with context.screen.waiting("submitting"):
                return runner.carry_out()
        except KeyboardInterrupt as error:
            raise Interrupted("Stopped. Nothing was submitted.", "Typed again, it starts anew.") from error

    @cached_property
    def _prior_runs(self) -> PriorRuns:
        from opsctl.commands.runs.plan import output_of
        from opsctl.commands.runs.prior_runs import PriorRuns

        return PriorRuns(
            output_of(self._request, self._context.platform),
            self._context.platform,
            dataset_name=self._request.dataset.name,
            records=self._context.records,
            storage=self._context.storage,
            batch=self._context.batch,
            now=self._clock.now,
        )

    @cached_property
    def _clock(self) -> S3Clock:
        """The clock of the run's id and records."""
        from opsctl.aws.s3.clock import S3Clock

        return S3Clock(self._context.storage.client, self._context.platform.data_bucket)

    @property
    def _model(self) -> str:
        """The model whose queue the jobs use."""
        return self._request.resources(self._context.platform)

    @property
    def _sized_platform(self) -> Platform:
        """The platform, with jobs of this run's size."""
        platform = self._context.platform
        return replace(platform, models={**platform.models, self._model: self.resources})

    @cached_property
    def _facts(self) -> RunFacts:
        return self._await_facts()

    @property
    def _at_once(self) -> int:
        """How many scans of this run, and of others on the platform, run at the same time."""
        from opsctl.core.diagnosis.account.at_once import model_at_once

        root_volume_gib = self._context.platform.root_volume_gib
        return max(1, model_at_once(self.resources, self._facts.account, root_volume_gib=root_volume_gib).scans)

    def _hours(self, scans_per_instance: int) -> Hours:
        from opsctl.commands.costs.cost import finished_hours

        options = self._request.options
        return finished_hours(
            self._context.records,
            platform=self._context.platform,
            model=options.diffusion_model,
            pipeline="func" if options.pipeline == "func" else "dwi",
            reuses_registration=options.reuse_registration,
            scans_per_instance=scans_per_instance,
            resources=self._model,
        )

    @cached_property
    def _rates(self) -> Rates:
        from opsctl.aws.pricing import rates

        resources = self.resources
        own_rates = rates(self._context.clients, self._context.platform, resources, home=self._context.home)
        return own_rates.shared_by(resources.scans_per_instance)

    @cached_property
    def _reserve(self) -> Reserve:
        from opsctl.core.costs.reserve import Reserve

        platform = self._context.platform
        return Reserve.of(
            self._hours(self.resources.scans_per_instance),
            self._rates,
            attempts=platform.attempts,
            timeout_seconds=platform.attempt_timeout_seconds,
        )

    def _budget(self, limit_usd: float, estimate: Estimate, other_usd: Callable[[], float] = lambda: 0.0) -> Budget:
        from opsctl.commands.costs.budget import Budget

        def current_spending() -> Spending:
            own = self.spending()
            return replace(own, usd=own.usd + other_usd())

        return Budget(
            limit_usd,
            estimate=estimate,
            reserve=self._reserve,
            current_spending=current_spending,
            at_once=self._at_once,
            sleep=time.sleep,
            on_wait=self._on_wait,
        )

    def _on_wait(self, text: str) -> None:
        """Print a message about a wait once, however its figures in brackets change."""
        self._context.screen.say_once(text, key=text.partition(" (")[0])
