"""Connects `up` with the clean-up of resources that an earlier `up` has left."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from opsctl.cli.adapters import batch_of
from opsctl.user_name import user_name

if TYPE_CHECKING:
    from opsctl.aws.clients import Clients
    from opsctl.aws.platform.removal import Removal
    from opsctl.cli.context import Context
    from opsctl.commands.platform.name_claim import NameClaim
    from opsctl.commands.platform.orphans import OrphanReport
    from opsctl.core.platform.inventory import Resource
    from opsctl.core.platform.options import PlatformOptions
    from opsctl.terraform.root import Root
    from opsctl.terraform.second_look import SecondLook


class OrphanCleanup:
    """Finds and removes what an earlier `up` has left.

    Parameters
    ----------
    options
        The platform that `up` creates.
    """

    def __init__(self, context: Context, clients: Clients, options: PlatformOptions) -> None:
        self._home = context.home
        self._screen = context.screen
        self._clients = clients
        self._options = options
        self._report: OrphanReport | None = None
        self._adopted_storage: list[str] = []
        # Both roots are checked in parallel, and a session is not thread-safe: create the clients first.
        _ = clients.batch, clients.ec2, clients.iam, clients.logs, clients.ssm, clients.s3, clients.ecr
        if options.monthly_budget is not None:
            _ = clients.budgets

    def find_orphans(self, root: Root) -> Sequence[str]:
        """Compare AWS with a root's state before planning.

        Returns
        -------
        sequence of str
            The addresses of the resources that the plan has to replace.

        Raises
        ------
        Problem
            See `opsctl.commands.platform.orphans.find_orphans`; and when the name is another state's.
        """
        from opsctl.aws.platform.inventory import Inventory
        from opsctl.commands.platform.orphans import find_existing_storage, find_orphans

        if root.name == "storage":
            self._adopted_storage = find_existing_storage(root, self._existing_storage())
            return ()
        self._report = find_orphans(
            root,
            name=self._options.name,
            inventory=Inventory(self._clients),
            batch=batch_of(self._clients),
            importable=self._existing_budget(),
        )
        self._claim.check(has_record=self._report.has_record)
        return self._report.replace

    def claim_name(self) -> None:
        """Claim the platform's name for this state, before anything is made or removed.

        Raises
        ------
        Problem
            When another state has claimed it, perhaps since the plan.
        """
        if self._report is not None:
            self._claim.acquire(has_record=self._report.has_record)

    def look_again(self, root: Root, is_conflict: bool) -> SecondLook:
        """Prepare a root's second plan, after an apply that AWS refused for a time or whose replies were lost.

        Parameters
        ----------
        is_conflict
            Whether AWS has said that something exists already.

        Raises
        ------
        Problem
            If what this `up` has made without knowing it could not be removed.
        """
        from opsctl.aws.platform.inventory import Inventory
        from opsctl.commands.platform.orphans import clear_lost, find_existing_storage, find_invalid_environments
        from opsctl.terraform.second_look import SecondLook

        if root.name == "storage":
            adopted = find_existing_storage(root, self._existing_storage()) if is_conflict else []
            for name in adopted:
                self._screen.say(f"{name} was made, and AWS's answer was lost: it is taken over.")
            return SecondLook(has_cleared=bool(adopted))
        inventory = Inventory(self._clients)
        lost: Sequence[Resource] = ()
        if is_conflict and self._report is not None:
            lost = clear_lost(
                root,
                name=self._options.name,
                seen=self._report.seen,
                inventory=inventory,
                removal=self._removal(),
            )
        for resource in lost:
            self._screen.say(f"The {resource.words} was made, and AWS's answer was lost: it is made anew.")
        replace = find_invalid_environments(root, name=self._options.name, inventory=inventory)
        return SecondLook(replace=replace, has_cleared=bool(lost))

    def _existing_budget(self) -> dict[str, str]:
        """The budget of an earlier `up`: AWS would refuse to create it again."""
        from opsctl.aws.platform.budget import month_spend
        from opsctl.core.platform.monthly_budget import BUDGET_ADDRESS

        options = self._options
        if options.monthly_budget is None:
            return {}
        spend = month_spend(self._clients.budgets, account_id=options.account_id, name=options.budget_name)
        return {} if spend is None else {BUDGET_ADDRESS: f"{options.account_id}:{options.budget_name}"}

    def _existing_storage(self) -> dict[str, str]:
        from opsctl.aws.platform.existing_storage import existing_storage

        return existing_storage(
            self._clients,
            bucket=self._options.bucket if self._options.data_bucket is None else None,
            repository=self._options.repository_url.rpartition("/")[2],
            account_id=self._options.account_id,
        )

    @property
    def needs_confirmation(self) -> bool:
        """Whether something would be removed."""
        return self._report is not None and self._report.needs_confirmation

    def say(self) -> None:
        """Show what was found."""
        from opsctl.render.up import orphan_lines

        for name in self._adopted_storage:
            self._screen.say(f"{name} is there already and is taken over as it is.")
        if self._report is not None:
            for line in orphan_lines(self._report, now=datetime.now(UTC)):
                self._screen.say(line)

    def refuse_under_jobs(self) -> None:
        """Refuse to replace compute environments while any user's jobs are active.

        Raises
        ------
        Problem
            Names the active jobs.
        """
        from opsctl.aws.platform.inventory import Inventory
        from opsctl.commands.platform.down import jobs_of, queues_of, refuse_while_active

        queues = queues_of(Inventory(self._clients).of(self._options.name))
        refuse_while_active(jobs_of(batch_of(self._clients), queues), may_force=False)

    def remove_orphans(self) -> None:
        """Remove what would make the apply fail.

        Raises
        ------
        Problem
            If something could not be removed.
        """
        from opsctl.commands.platform.orphans import remove_orphans

        if self._report is not None and self._report.orphans:
            with self._screen.waiting(f"removing {len(self._report.orphans)} left of an earlier up"):
                remove_orphans(self._report, self._removal())

    def finish_cleanup(self, roots: Sequence[Root]) -> None:
        """Check the inventory after the apply.

        Raises
        ------
        Problem
            If a resource exists that no Terraform state has.
        """
        from opsctl.aws.platform.inventory import Inventory
        from opsctl.commands.platform.orphans import finish_cleanup

        storage, platform = roots
        storage.import_existing({})
        with self._screen.waiting("looking at what there is"):
            finish_cleanup(
                platform, name=self._options.name, inventory=Inventory(self._clients), removal=self._removal()
            )

    @property
    def _claim(self) -> NameClaim:
        from opsctl.aws.platform.claim_parameter import ClaimParameter
        from opsctl.commands.platform.name_claim import NameClaim
        from opsctl.core.platform.inventory import TAG

        name, tags = self._options.name, self._options.variables.get("tags")
        home = f"home {self._home.identity}"
        return NameClaim(
            ClaimParameter(self._clients.ssm, name, tags={**(tags if isinstance(tags, dict) else {}), TAG: name}),
            name,
            owners=[self._options.state, home] if self._options.state else [home],
            who=f"{user_name()}@{socket.gethostname()}",
            now=lambda: datetime.now(UTC),
        )

    def _removal(self) -> Removal:
        from opsctl.aws.platform.removal import Removal

        # What the state does not know is this `up`'s only while the name is.
        self._claim.ensure_held()
        return Removal(self._clients, self._options.name, sleep=time.sleep)
