"""Removes a platform's resources without Terraform: in the right order, retrying until each is gone.

Only resources with the platform's tag are removed. No call here can touch a bucket or an image repository.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from botocore.exceptions import ClientError

from opsctl.aws.clients import Clients
from opsctl.aws.errors import code_of, translated
from opsctl.aws.platform.delete_steps import DeleteSteps, means_gone
from opsctl.aws.transient import is_transient
from opsctl.core.errors import Problem
from opsctl.core.platform.inventory import Resource, ResourceKind

#: What AWS ends at once is not waited for; each further pause is twice as long, up to the longest.
_FIRST_POLL_SECONDS, _POLL_SECONDS = 0.25, 3.0
#: Batch takes some minutes to terminate instances, and EC2 as long to delete their network interfaces.
_TIMEOUT_SECONDS = 600.0
#: Enough for a resource that nothing else uses: a queue is disabled, then deleted.
_SHORT_TIMEOUT_SECONDS = 15.0

#: Another resource still uses it, or AWS is changing it.
_BUSY = {
    *("DependencyViolation", "ResourceInUse", "InvalidGroup.InUse", "VolumeInUse", "IncorrectState", "DeleteConflict"),
    *("ClientException", "EntityTemporarilyUnmodifiable", "ConcurrentModification", "OperationAborted"),
}
OnWait = Callable[[str], None]
OnGone = Callable[[Resource], None]


@dataclass(frozen=True)
class NotRemoved:
    """A resource that could not be removed, and why."""

    resource: Resource
    reason: str


class Removal:
    """Removes a platform's resources, one kind after the other.

    Parameters
    ----------
    name
        The platform's name.
    on_gone
        Called with each resource that was removed.
    on_wait
        Called with a line that says what is waited for.
    timeout_seconds
        How long to wait for the resources of one kind. After a first timeout the other kinds get some seconds only.
    """

    def __init__(
        self,
        clients: Clients,
        name: str,
        *,
        on_gone: OnGone = lambda _: None,
        on_wait: OnWait = lambda _: None,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_gone = on_gone
        self._on_wait = on_wait
        self._timeout_seconds = timeout_seconds
        self._sleep = sleep
        self._now = now
        self._steps = DeleteSteps(clients, name)

    def remove(self, resources: Iterable[Resource]) -> tuple[NotRemoved, ...]:
        """Remove what can be removed. Another call continues.

        Returns
        -------
        tuple
            What is left and why; empty if all is gone. Resources without the tag are never touched.
        """
        ours: dict[ResourceKind, list[Resource]] = {kind: [] for kind in ResourceKind}
        foreign: list[Resource] = []
        for resource in sorted(resources, key=lambda resource: list(ResourceKind).index(resource.kind)):
            is_ours = resource.is_tagged or resource.kind == ResourceKind.INTERFACE
            (ours[resource.kind] if is_ours else foreign).append(resource)
        left: list[NotRemoved] = []
        for kind in ResourceKind:
            recreated = self._steps.recreated_roles if kind == ResourceKind.ROLE else []
            # A VPC with foreign resources in it cannot be deleted.
            is_blocked = bool(left) or (bool(foreign) and kind == ResourceKind.VPC)
            timeout = _SHORT_TIMEOUT_SECONDS if is_blocked else self._timeout_seconds
            left += self._remove_kind([*ours[kind], *recreated], timeout=min(timeout, self._timeout_seconds))
        reason = "it does not carry the platform's tag: opsctl did not make it"
        return (*left, *(NotRemoved(resource, reason) for resource in foreign))

    def _remove_kind(self, resources: Sequence[Resource], *, timeout: float) -> list[NotRemoved]:
        """Take a step with each resource, then again with those that remain, until the timeout."""
        left: list[NotRemoved] = []
        pending = {resource.key: resource for resource in resources}
        deadline = self._now() + timeout
        pause = _FIRST_POLL_SECONDS
        while True:
            waits: dict[str, str] = {}
            for resource in pending.values():
                try:
                    reason = self._take_step(resource)
                except Problem as problem:
                    left.append(NotRemoved(resource, problem.what))
                    continue
                if reason:
                    waits[resource.key] = reason
                else:
                    self._on_gone(resource)
            pending = {key: resource for key, resource in pending.items() if key in waits}
            if not pending:
                return left
            if self._now() >= deadline:
                return left + [NotRemoved(resource, waits[key]) for key, resource in pending.items()]
            resource = next(iter(pending.values()))
            self._on_wait(f"waiting for {resource.words}: {waits[resource.key]}")
            self._sleep(pause)
            pause = min(2 * pause, _POLL_SECONDS)

    def _take_step(self, resource: Resource) -> str:
        """Take one step; returns what it waits for, empty when the resource is gone.

        Raises
        ------
        Problem
            If waiting would not help.
        """
        try:
            with translated(f"removing the {resource.words}"):
                return self._steps.take(resource)
        except Problem as problem:
            cause = problem.__cause__
            if not isinstance(cause, ClientError):
                if is_transient(problem):
                    return problem.what
                raise
            code = code_of(cause)
            if means_gone(code):
                return ""
            if code in _BUSY or is_transient(problem):
                return str(cause.response.get("Error", {}).get("Message") or code)
            raise
