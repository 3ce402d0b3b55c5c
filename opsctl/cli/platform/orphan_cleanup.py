"""The adapters that `up` needs for what an earlier one has left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from opsctl.cli.adapters import batch_of

if TYPE_CHECKING:
    from opsctl.aws.clients import Clients
    from opsctl.aws.platform.removal import Removal
    from opsctl.cli.context import Context
    from opsctl.commands.platform.orphans import OrphanReport
    from opsctl.core.platform.options import PlatformOptions
    from opsctl.terraform.root import Root


class OrphanCleanup:
    """One `up`'s look at what is there already.

    Parameters
    ----------
    options
        What is being made.
    """

    def __init__(self, context: Context, clients: Clients, options: PlatformOptions) -> None:
        self._screen = context.screen
        self._clients = clients
        self._options = options
        self._found: OrphanReport | None = None
        self._storage: list[str] = []
        # Both roots are looked at side by side, and a session makes no clients in two threads.
        _ = clients.batch, clients.ec2, clients.iam, clients.logs, clients.ssm, clients.s3, clients.ecr

    def look(self, root: Root) -> Sequence[str]:
        """Compare what AWS shows with what a root's state knows, before it is planned.

        Returns
        -------
        sequence of str
            The addresses of what the plan shall make anew.

        Raises
        ------
        Problem
            See `opsctl.commands.platform.orphans.look`.
        """
        from opsctl.aws.platform.existing_storage import existing_storage
        from opsctl.aws.platform.inventory import Inventory
        from opsctl.commands.platform.orphans import look, look_at_storage

        options = self._options
        if root.name == "storage":
            there = existing_storage(
                self._clients,
                bucket=options.bucket if options.data_bucket is None else None,
                repository=options.repository_url.rpartition("/")[2],
                account_id=options.account_id,
            )
            self._storage = look_at_storage(root, there)
            return ()
        self._found = look(root, name=options.name, inventory=Inventory(self._clients), batch=batch_of(self._clients))
        return self._found.replace

    @property
    def needs_a_yes(self) -> bool:
        """Whether something would go."""
        return self._found is not None and self._found.needs_a_yes

    def say(self) -> None:
        """Say what was found, beside the plan."""
        from opsctl.render.up import orphan_lines

        for one in self._storage:
            self._screen.say(f"{one} is there already and is taken over as it is.")
        if self._found is not None:
            for line in orphan_lines(self._found, now=datetime.now(UTC)):
                self._screen.say(line)

    def refuse_under_jobs(self) -> None:
        """Compute environments are not replaced under running scans, whoever has submitted these from wherever.

        Raises
        ------
        Problem
            With the active jobs.
        """
        from opsctl.aws.platform.inventory import Inventory
        from opsctl.commands.platform.down import jobs_of, queues_of, refuse_while_active

        queues = queues_of(Inventory(self._clients).of(self._options.name))
        refuse_while_active(jobs_of(batch_of(self._clients), queues), hint="Wait for the end (`opsctl status`).")

    def clear(self) -> None:
        """Remove what stands in the way of the apply.

        Raises
        ------
        Problem
            When something could not be removed.
        """
        from opsctl.commands.platform.orphans import clear

        if self._found is not None and self._found.orphans:
            with self._screen.waiting(f"removing {len(self._found.orphans)} left of an earlier up"):
                clear(self._found, self._removal())

    def settle(self, roots: Sequence[Root]) -> None:
        """Take the inventory after the apply.

        Raises
        ------
        Problem
            When something stands that no state knows.
        """
        from opsctl.aws.platform.inventory import Inventory
        from opsctl.commands.platform.orphans import settle

        storage, platform = roots
        storage.import_existing({})
        with self._screen.waiting("looking at what there is"):
            settle(platform, name=self._options.name, inventory=Inventory(self._clients), removal=self._removal())

    def _removal(self) -> Removal:
        from opsctl.aws.platform.removal import Removal

        return Removal(self._clients, self._options.name, sleep=time.sleep)
