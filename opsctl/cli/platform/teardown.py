"""Connects `down` with what it needs: inventory, Terraform root, removal and totals."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from opsctl.cli.adapters import batch_of, records_of, storage_of
from opsctl.cli.platform.state_setup import is_state_shared, shared_root
from opsctl.cli.platform.terraform_session import find_terraform, terraform_environment, terraform_workspace_of
from opsctl.core.errors import ErrorCode, Interrupted, PlatformBusy, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.aws.batch.batch import ActiveJob
    from opsctl.aws.clients import Clients
    from opsctl.cli.context import Context
    from opsctl.commands.platform.down import TeardownOutcome, TeardownReport
    from opsctl.commands.platform.remembered_platform import RememberedPlatform
    from opsctl.commands.platform.teardown_totals import CostTotal
    from opsctl.core.platform.inventory import Resource
    from opsctl.terraform.root import Root

#: How long to wait for each total after the teardown; usually both are ready by then.
_TOTALS_TIMEOUT_SECONDS = 20.0


class Teardown:
    """Takes one platform down.

    Parameters
    ----------
    remembered
        What this machine and the platform's record know about it.
    endpoint_url
        The local platform's endpoint; None on AWS.
    keep_logs
        Keep the log group.
    keep_storage
        Keep the data bucket and the image repository, and say so; else `StorageTeardown` deletes them.
    """

    def __init__(
        self,
        context: Context,
        remembered: RememberedPlatform,
        clients: Clients,
        *,
        endpoint_url: str | None,
        keep_logs: bool,
        keep_storage: bool = True,
    ) -> None:
        from opsctl.aws.platform.inventory import Inventory

        self._context = context
        self._screen = context.screen
        self._remembered = remembered
        self._clients = clients
        self._endpoint_url = endpoint_url
        self._keep_logs = keep_logs
        self._keep_storage = keep_storage
        self._inventory = Inventory(clients)
        self._resources: list[Resource] = []
        self._root: Root | None = None
        self._types: list[str] = []

    def finds_anything(self) -> bool:
        """Take the inventory and read the Terraform state; returns whether there is anything to remove."""
        from opsctl.commands.platform.down import resources_to_remove
        from opsctl.core.platform.inventory import known_types

        with self._screen.waiting("looking at what there is"):
            self._resources = resources_to_remove(self._inventory.of(self._remembered.name), keep_logs=self._keep_logs)
            self._root = self._find_root()
        try:
            self._types = known_types(self._root.state()) if self._root else []
        except (Interrupted, PlatformBusy):
            raise
        except Problem as problem:
            self._screen.warn(f"{problem.what} What AWS shows is removed without it.")
            self._types = []
        if not self._types:
            self._root = None
        return bool(self._resources) or self._root is not None

    def refuse_or_end_jobs(self, *, force: bool, yes: bool, ask_further: Callable[[], None]) -> None:
        """Refuse while jobs are active unless forced; ask; then end the jobs.

        Parameters
        ----------
        ask_further
            A second question, which is asked before anything is ended.

        Raises
        ------
        Problem
            If jobs are active and `force` is False.
        """
        from opsctl.commands.platform.down import end_jobs, jobs_of, queues_of, refuse_while_active
        from opsctl.render.screen import counted

        queues, batch = queues_of(self._resources), batch_of(self._clients)
        jobs = jobs_of(batch, queues)
        if not force:
            refuse_while_active(jobs)
        self._ask(jobs, yes=yes)
        ask_further()
        if jobs:
            with self._screen.waiting(f"ending {counted(len(jobs), 'job')}"):
                end_jobs(batch, queues, jobs, sleep=time.sleep)

    def carry_out(self) -> TeardownReport:
        """Remove everything; returns what was removed, left and kept."""
        from opsctl.commands.platform.down import TeardownReport
        from opsctl.commands.platform.teardown_totals import ContentsTotal
        from opsctl.commands.platform.terraform_workspace import mark_pending_down
        from opsctl.core.costs.estimate import idle_usd_per_hour

        bucket = self._remembered.data_bucket if self._keep_storage else None
        contents_total = ContentsTotal(storage_of(self._clients), bucket) if bucket else None
        cost_total = self._cost_total()
        mark_pending_down(self._context.home, name=self._remembered.name)
        gone = self._remove()
        if gone.destroy_error is not None:
            self._screen.warn(f"{gone.destroy_error.what} The rest was removed without Terraform.")
        with self._screen.waiting("counting what is kept"):
            return TeardownReport(
                name=self._remembered.name,
                removed=gone.removed,
                left=gone.left,
                data_bucket=bucket,
                contents=contents_total.contents(timeout_seconds=_TOTALS_TIMEOUT_SECONDS) if contents_total else None,
                repository_url=self._remembered.repository_url if self._keep_storage else None,
                log_group=f"/opsctl/{self._remembered.name}" if self._keep_logs else None,
                spent=cost_total.spent(timeout_seconds=_TOTALS_TIMEOUT_SECONDS) if cost_total else None,
                idle_usd_per_hour=idle_usd_per_hour(self._types),
                is_local=self._remembered.is_local,
            )

    def close(self, report: TeardownReport) -> None:
        """Show the report; forget the platform when nothing is left.

        Raises
        ------
        Problem
            If something is left.
        """
        from opsctl.render.down import show_teardown_report

        home = self._context.home
        if not report.left:
            home.forget(report.name)
            if report.is_local:
                from opsctl.local.notices.pending import PendingNotices

                PendingNotices(home.path).remove_of(report.name)
            # The server also holds other platforms, even unfinished ones, and kept log lines.
            is_last = report.is_local and self._keep_storage and not home.local_names()
            if is_last and self._inventory.is_empty():
                from opsctl.local import control

                control.stop(home.path)
        show_teardown_report(
            self._screen, report, kept_at=home.local if report.is_local and self._keep_storage else None
        )
        if report.left:
            raise Problem(
                f"{len(report.left)} left.",
                f"Type `opsctl down --name {report.name}` again; what stays can be removed in the console.",
                code=ErrorCode.REMOVAL_INCOMPLETE,
            )

    def _remove(self) -> TeardownOutcome:
        from opsctl.aws.platform.removal import Removal
        from opsctl.commands.platform.down import tear_down
        from opsctl.core.platform.inventory import ResourceKind
        from opsctl.core.platform.terraform_events import Step
        from opsctl.render.up import apply_progress

        name = self._remembered.name
        # The claim on the name is in no state: `down` removes it last.
        claims = sum(resource.kind == ResourceKind.CLAIM for resource in self._resources)
        total = len(self._types) + claims if self._types else len(self._resources)
        with apply_progress(self._screen, title=f"down {name}", total=total) as on_step:
            removal = Removal(
                self._clients,
                name,
                on_gone=lambda resource: on_step(Step(resource.words, "done", "delete")),
                on_wait=lambda text: self._screen.say_once(f"  {text}"),
            )
            try:
                return tear_down(
                    self._root,
                    name=name,
                    inventory=self._inventory,
                    removal=removal,
                    keep_logs=self._keep_logs,
                    on_step=on_step,
                )
            except KeyboardInterrupt as error:
                raise Interrupted(
                    "Stopped. What was removed is gone.", f"`opsctl down --name {name}` goes on from there."
                ) from error

    def _ask(self, jobs: list[ActiveJob], *, yes: bool) -> None:
        from opsctl.commands.platform.down import active_scans_text
        from opsctl.core.platform.inventory import counts_text

        name = self._remembered.name
        if self._root is None:
            self._screen.say(f"This machine has no Terraform state of {name}; AWS shows {len(self._resources)} of it:")
            self._screen.say(f"  {counts_text(self._resources)}")
        data_bucket = self._remembered.data_bucket
        kept = f"The bucket {data_bucket} is kept" if data_bucket else "The bucket is kept"
        logs = "so are the log lines" if self._keep_logs else "the log lines are not (--keep-logs keeps them)"
        if not self._keep_storage:
            kept = "Its data bucket and its image repository are deleted for good"
            logs = "the log lines are kept" if self._keep_logs else "so are the log lines (--keep-logs keeps them)"
        ended = f" {active_scans_text(jobs)} ended first." if jobs else ""
        if not self._screen.confirm(f"Take the platform {name} down?{ended} {kept}, {logs}.", assume_yes=yes):
            self._screen.say("Nothing was removed.")
            raise typer.Exit(1)

    def _find_root(self) -> Root | None:
        from opsctl.commands.platform.terraform_workspace import has_platform_state

        is_shared = is_state_shared(self._context.home, self._remembered)
        if not is_shared and not has_platform_state(self._context.home, name=self._remembered.name):
            return None
        try:
            binary = find_terraform(self._context)
        except Problem as problem:
            self._screen.warn(f"{problem.what} What AWS shows is removed without it.")
            return None
        environment = terraform_environment(self._clients, endpoint_url=self._endpoint_url)
        if is_shared:
            return shared_root(self._context, self._clients, self._remembered, binary, environment)
        return terraform_workspace_of(self._context, self._remembered.name, binary, environment, lay_out=False).platform

    def _cost_total(self) -> CostTotal | None:
        """Start adding up what the runs have cost; None for an unfinished platform, which has no record."""
        from datetime import UTC, datetime

        from opsctl.aws.pricing import rates
        from opsctl.commands.costs.cost import RunCost, all_costs
        from opsctl.commands.platform.teardown_totals import CostTotal
        from opsctl.core.runs.snapshot import Pricing

        platform, clients, home = self._remembered.platform, self._clients, self._context.home
        if platform is None:
            return None
        storage, batch = storage_of(clients), batch_of(clients)

        def costs() -> list[RunCost]:
            pricing = {
                model: Pricing(rates(clients, platform, resources, home=home), platform.is_local)
                for model, resources in platform.models.items()
            }
            return all_costs(
                records=records_of(storage, home, data_bucket=platform.data_bucket),
                batch=batch,
                pricing_of=lambda run: pricing[run.resources],
                now=lambda: datetime.now(UTC),
            )

        return CostTotal(costs, name=platform.name)
