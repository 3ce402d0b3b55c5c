"""`up`: plan both roots, show, apply, keep the platform's record."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from opsctl.commands.workspace import Wish, Workspace
from opsctl.core.changes import Plan, merged
from opsctl.core.cost import idle_usd_per_hour
from opsctl.core.errors import Problem
from opsctl.core.platform import Platform
from opsctl.terraform import OnStep, Root


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What `up` would do.

    Attributes
    ----------
    storage, platform
        Each root's plan.
    idle_usd_per_hour
        What the platform costs while no job runs.
    """

    storage: Plan
    platform: Plan
    idle_usd_per_hour: float

    @property
    def replaces_environments(self) -> bool:
        """Whether an instance that runs a scan may be taken away: another disk, Spot or key makes environments anew."""
        return any(
            change.resource_type == "aws_batch_compute_environment" and change.action in ("replace", "delete")
            for change in self.platform.changes
        )

    @property
    def plan(self) -> Plan:
        """Both together."""
        return merged([self.storage, self.platform])


def propose(workspace: Workspace, wish: Wish, *, mirror: Path | None) -> Proposal:
    """Set both roots up and plan them, side by side: each spends most of its time waiting."""
    workspace.storage.set_variables(wish.storage_variables())
    workspace.platform.set_variables(wish.platform_variables())

    def plan(root: Root) -> Plan:
        root.init(mirror=mirror)
        return root.plan()

    with ThreadPoolExecutor(2) as pool:
        storage, platform = pool.map(plan, (workspace.storage, workspace.platform))
    types = [change.resource_type for change in platform.changes if change.action != "delete"]
    return Proposal(storage=storage, platform=platform, idle_usd_per_hour=idle_usd_per_hour(types))


def carry_out(
    workspace: Workspace, wish: Wish, proposal: Proposal, *, endpoint_url: str | None, on_step: OnStep
) -> Platform:
    """Apply what was proposed, storage first, and read the platform's record.

    Returns
    -------
    Platform
        To be kept on this machine; the same record stands in the SSM parameter.

    Raises
    ------
    Problem
        With Terraform's own words; the state is kept and the next `up` goes on from it.
    """
    if proposal.storage.changes or not workspace.storage.has_state:
        workspace.storage.apply(on_step)
    made = workspace.storage.outputs()
    if made["data_bucket"] != wish.bucket or made["repository_url"] != wish.repository_url:
        raise Problem(
            f"The storage was made as {made['data_bucket']} and {made['repository_url']}, "
            f"but {wish.bucket} and {wish.repository_url} were planned.",
            "Another platform of this name was made with other options: use `--name` for a second one.",
        )
    if proposal.platform.changes or not workspace.platform.has_state:
        workspace.platform.apply(on_step)
    return Platform.from_record(workspace.platform.outputs()["record"], endpoint_url=endpoint_url)
