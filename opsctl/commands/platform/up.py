"""`up`: plan both roots, show, apply, keep the platform's record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from opsctl.commands.platform.terraform_workspace import TerraformWorkspace
from opsctl.core.costs.estimate import idle_usd_per_hour
from opsctl.core.errors import Interrupted, Problem, StillRunning
from opsctl.core.platform.options import PlatformOptions
from opsctl.core.platform.platform import Platform
from opsctl.core.platform.terraform_events import TerraformPlan, merged
from opsctl.terraform.provider import is_unpacked
from opsctl.terraform.root import OnStep, Root

T = TypeVar("T")


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

    storage: TerraformPlan
    platform: TerraformPlan
    idle_usd_per_hour: float

    @property
    def replaces_environments(self) -> bool:
        """Whether an instance that runs a scan may be taken away: another disk, Spot or key makes environments anew."""
        return any(
            change.resource_type == "aws_batch_compute_environment" and change.action in ("replace", "delete")
            for change in self.platform.changes
        )

    @property
    def plan(self) -> TerraformPlan:
        """Both together."""
        return merged([self.storage, self.platform])


def propose(
    workspace: TerraformWorkspace,
    options: PlatformOptions,
    *,
    mirror: Path | None,
    look: Callable[[Root], Sequence[str]] = lambda _: (),
) -> Proposal:
    """Set both roots up and plan them, side by side: each spends most of its time waiting.

    Parameters
    ----------
    look
        Called for each root before it is planned; gives the addresses of what shall be made anew.
    """
    workspace.storage.set_variables(options.storage_variables())
    workspace.platform.set_variables(options.platform_variables())
    links = mirror is not None and is_unpacked(mirror)
    if not links:
        # Downloaded or unpacked once: the second root links to what the first one has.
        workspace.storage.init(mirror=mirror)
        workspace.platform.init(mirror=workspace.storage.providers)

    def plan(root: Root) -> TerraformPlan:
        if links:
            root.init(mirror=mirror)
        return root.plan(replace=look(root))

    storage, platform = _side_by_side(workspace, plan)
    types = [change.resource_type for change in platform.changes if change.action != "delete"]
    return Proposal(storage=storage, platform=platform, idle_usd_per_hour=idle_usd_per_hour(types))


def carry_out(
    workspace: TerraformWorkspace,
    options: PlatformOptions,
    proposal: Proposal,
    *,
    endpoint_url: str | None,
    on_step: OnStep,
) -> Platform:
    """Apply what was proposed, both roots side by side, and read the platform's record.

    Returns
    -------
    Platform
        To be kept on this machine; the same record stands in the SSM parameter.

    Raises
    ------
    Problem
        With Terraform's own words; the state is kept and the next `up` goes on from it.
    """
    plans = {workspace.storage.name: proposal.storage, workspace.platform.name: proposal.platform}

    def apply(root: Root) -> None:
        if plans[root.name].changes or not root.has_state:
            root.apply(on_step)

    _side_by_side(workspace, apply)
    made = workspace.storage.outputs()
    if made["data_bucket"] != options.bucket or made["repository_url"] != options.repository_url:
        raise Problem(
            f"The storage was made as {made['data_bucket']} and {made['repository_url']}, "
            f"but {options.bucket} and {options.repository_url} were planned.",
            "Another platform of this name was made with other options: use `--name` for a second one.",
        )
    return Platform.from_record(workspace.platform.outputs()["record"], endpoint_url=endpoint_url)


def _side_by_side(workspace: TerraformWorkspace, do: Callable[[Root], T]) -> tuple[T, T]:
    """Do something with both roots at once; both come to their end, whatever becomes of the other.

    The platform needs nothing of the storage but names, and these are known before (docs/decisions/0001).
    """
    with workspace.interrupts.counting(), ThreadPoolExecutor(2) as pool:
        storage, platform = (pool.submit(do, root) for root in workspace.roots)
    wrong = [one for one in (storage.exception(), platform.exception()) if one is not None]
    for kind in (StillRunning, Interrupted):
        for error in wrong:
            if isinstance(error, kind):
                raise error
    problem = storage.exception()
    if isinstance(problem, Problem) and not platform.exception() and workspace.platform.has_state:
        raise type(problem)(
            f"{problem.what} The rest of the platform stands, but has no bucket to work with until `opsctl up` has "
            "come to its end.",
            problem.hint,
        )
    for error in wrong:
        raise error
    return storage.result(), platform.result()
