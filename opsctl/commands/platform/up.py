"""`up`: plan both Terraform roots, apply them, and read the platform's record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from opsctl.commands.platform.terraform_workspace import TerraformWorkspace
from opsctl.core.costs.estimate import idle_usd_per_hour
from opsctl.core.errors import ErrorCode, Interrupted, Problem, StillRunning
from opsctl.core.platform.options import PlatformOptions
from opsctl.core.platform.platform import Platform
from opsctl.core.platform.terraform_events import TerraformPlan, merged
from opsctl.terraform.provider import is_unpacked
from opsctl.terraform.root import OnStep, Root
from opsctl.terraform.second_look import SecondLook

T = TypeVar("T")

_POLL_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What `up` would do.

    Attributes
    ----------
    storage, platform
        Each root's plan.
    idle_usd_per_hour
        The cost of the platform while no job runs.
    """

    storage: TerraformPlan
    platform: TerraformPlan
    idle_usd_per_hour: float

    @property
    def replaces_environments(self) -> bool:
        """Whether a compute environment is replaced or deleted, which may end its running scans."""
        return any(
            change.resource_type == "aws_batch_compute_environment" and change.action in ("replace", "delete")
            for change in self.platform.changes
        )

    @property
    def plan(self) -> TerraformPlan:
        """Both plans together."""
        return merged([self.storage, self.platform])


def propose(
    workspace: TerraformWorkspace,
    options: PlatformOptions,
    *,
    mirror: Path | None,
    look: Callable[[Root], Sequence[str]] = lambda _: (),
) -> Proposal:
    """Initialise both roots and plan them in parallel, because each spends most of its time waiting.

    Parameters
    ----------
    mirror
        The provider mirror for `terraform init`; None: Terraform's registry.
    look
        Called with each root before its plan; gives the addresses of the resources to replace.
    """
    workspace.storage.set_variables(options.storage_variables())
    workspace.platform.set_variables(options.platform_variables())
    is_linked = mirror is not None and is_unpacked(mirror)
    if not is_linked:
        # The provider is downloaded or unpacked once: the second root links to the first one's.
        workspace.storage.init(mirror=mirror)
        workspace.platform.init_like(workspace.storage)

    def plan(root: Root) -> TerraformPlan:
        if is_linked:
            root.init(mirror=mirror)
        return root.plan(replace=look(root))

    storage, platform = _in_parallel(workspace, plan)
    types = [change.resource_type for change in platform.changes if change.action != "delete"]
    return Proposal(storage=storage, platform=platform, idle_usd_per_hour=idle_usd_per_hour(types))


def carry_out(
    workspace: TerraformWorkspace,
    options: PlatformOptions,
    proposal: Proposal,
    *,
    endpoint_url: str | None,
    on_step: OnStep,
    look_again: Callable[[Root, bool], SecondLook] = lambda _root, _is_conflict: SecondLook(),
) -> Platform:
    """Apply the proposal, both roots in parallel, and read the platform's record.

    Parameters
    ----------
    endpoint_url
        The local platform's endpoint; None on AWS.
    look_again
        Called with a root whose apply has failed and is planned again, and whether something existed already.

    Returns
    -------
    Platform
        The record to save on this machine; the SSM parameter holds the same one.

    Raises
    ------
    Problem
        With Terraform's error. The state is kept, and the next `up` continues from it.
    """
    plans = {workspace.storage.name: proposal.storage, workspace.platform.name: proposal.platform}

    def apply(root: Root) -> None:
        if plans[root.name].changes or not root.has_state:
            root.apply(on_step, look_again=lambda is_conflict: look_again(root, is_conflict))

    _in_parallel(workspace, apply)
    outputs = workspace.storage.outputs()
    if outputs["data_bucket"] != options.bucket or outputs["repository_url"] != options.repository_url:
        raise Problem(
            f"The storage was made as {outputs['data_bucket']} and {outputs['repository_url']}, "
            f"but {options.bucket} and {options.repository_url} were planned.",
            "Another platform of this name was made with other options: use `--name` for a second one.",
            code=ErrorCode.PLATFORM_EXISTS,
        )
    return Platform.from_record(workspace.platform.outputs()["record"], endpoint_url=endpoint_url)


def _in_parallel(workspace: TerraformWorkspace, work: Callable[[Root], T]) -> tuple[T, T]:
    """Run `work` for both roots in parallel; a failure of one does not stop the other.

    The platform needs only the storage's names, which are known before (docs/decisions/0001).
    """
    with workspace.interrupts.counting(), ThreadPoolExecutor(2) as pool:
        storage, platform = (pool.submit(work, root) for root in workspace.roots)
        while wait((storage, platform), timeout=_POLL_SECONDS).not_done:
            # Terraform says it itself, and better; but one of the roots may be waiting for AWS.
            workspace.interrupts.tell_late("Stopping.")
    errors = [error for error in (storage.exception(), platform.exception()) if error is not None]
    # An interruption explains the other root's error too.
    for kind in (StillRunning, Interrupted):
        for error in errors:
            if isinstance(error, kind):
                raise error
    problem = storage.exception()
    if isinstance(problem, Problem) and not platform.exception() and workspace.platform.has_state:
        problem.add_sentence(
            "The rest of the platform stands, but has no bucket to work with until `opsctl up` has come to its end."
        )
    for error in errors:
        raise error
    return storage.result(), platform.result()
