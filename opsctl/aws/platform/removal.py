"""What is left of a platform, removed without Terraform: in the right order, each thing asked again until it is gone.

Only what carries the platform's tag goes. There is no call here that could touch a bucket or an image repository.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from botocore.exceptions import ClientError

from opsctl.aws.clients import Clients
from opsctl.aws.errors import code_of, translated
from opsctl.aws.platform.delete_steps import DeleteSteps, says_gone
from opsctl.aws.transient import is_transient
from opsctl.core.errors import Problem
from opsctl.core.platform.inventory import Resource, ResourceKind

_POLL_SECONDS = 3.0
#: Batch takes some minutes to let instances go, and EC2 as long to let their network interfaces go.
_PATIENCE_SECONDS = 600.0
#: Enough for what is not held by anything: a queue is disabled, then deleted.
_LITTLE_PATIENCE_SECONDS = 15.0

#: Something else still holds it, or AWS is at work on it.
_BUSY = {
    *("DependencyViolation", "ResourceInUse", "InvalidGroup.InUse", "VolumeInUse", "IncorrectState", "DeleteConflict"),
    *("ClientException", "EntityTemporarilyUnmodifiable", "ConcurrentModification", "OperationAborted"),
}
OnWait = Callable[[str], None]
OnGone = Callable[[Resource], None]


@dataclass(frozen=True)
class NotRemoved:
    """What could not be removed, and why."""

    resource: Resource
    reason: str


class Removal:
    """Removes a platform's resources one kind after the other.

    Parameters
    ----------
    name
        The platform's.
    patience_seconds
        How long the things of one kind are waited for. After one was waited for in vain, the others get some seconds.
    on_wait
        Told, in words, what is waited for.
    """

    def __init__(
        self,
        clients: Clients,
        name: str,
        *,
        on_gone: OnGone = lambda _: None,
        on_wait: OnWait = lambda _: None,
        timeout_seconds: float = _PATIENCE_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_gone = on_gone
        self._on_wait = on_wait
        self._patience_seconds = timeout_seconds
        self._sleep = sleep
        self._now = now
        self._steps = DeleteSteps(clients, name)

    def remove(self, resources: Iterable[Resource]) -> tuple[NotRemoved, ...]:
        """Remove what can be removed; typed again, it goes on.

        Returns
        -------
        tuple
            What is left and why; empty when all is gone. What does not carry the tag is never touched.
        """
        everything = sorted(resources, key=lambda one: list(ResourceKind).index(one.kind))
        mine = {
            kind: [one for one in everything if one.kind == kind and (one.is_tagged or kind == ResourceKind.INTERFACE)]
            for kind in ResourceKind
        }
        foreign = [one for one in everything if one not in mine[one.kind]]
        left: list[NotRemoved] = []
        for kind in ResourceKind:
            given = self._steps.given_back if kind == ResourceKind.ROLE else []
            # A VPC never gets empty of what is not ours.
            in_vain = bool(left) or (bool(foreign) and kind == ResourceKind.VPC)
            timeout = _LITTLE_PATIENCE_SECONDS if in_vain else self._patience_seconds
            left += self._remove_kind([*mine[kind], *given], timeout=min(timeout, self._patience_seconds))
        return (
            *left,
            *(NotRemoved(one, "it does not carry the platform's tag: opsctl did not make it") for one in foreign),
        )

    def _remove_kind(self, resources: Sequence[Resource], *, timeout: float) -> list[NotRemoved]:
        """Ask for all of a kind, then again for those that are still there."""
        left: list[NotRemoved] = []
        pending = {one.key: one for one in resources}
        until = self._now() + timeout
        while True:
            waits: dict[str, str] = {}
            for one in pending.values():
                try:
                    words = self._try(one)
                except Problem as problem:
                    left.append(NotRemoved(one, problem.what))
                    continue
                if words:
                    waits[one.key] = words
                else:
                    self._on_gone(one)
            pending = {key: one for key, one in pending.items() if key in waits}
            if not pending:
                return left
            if self._now() >= until:
                return left + [NotRemoved(one, waits[key]) for key, one in pending.items()]
            one = next(iter(pending.values()))
            self._on_wait(f"waiting for {one.words}: {waits[one.key]}")
            self._sleep(_POLL_SECONDS)

    def _try(self, one: Resource) -> str:
        """One try: empty when it is gone, else what is waited for.

        Raises
        ------
        Problem
            When no waiting would help.
        """
        try:
            with translated(f"removing the {one.words}"):
                return self._steps.take(one)
        except Problem as problem:
            cause = problem.__cause__
            if not isinstance(cause, ClientError):
                if is_transient(problem):
                    return problem.what
                raise
            code = code_of(cause)
            if says_gone(code):
                return ""
            if code in _BUSY or is_transient(problem):
                return str(cause.response.get("Error", {}).get("Message") or code)
            raise
