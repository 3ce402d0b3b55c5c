"""What Terraform says it will do and does, from its machine-readable output.

https://developer.hashicorp.com/terraform/internals/machine-readable-ui
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from opsctl.core.platform.terraform_errors import Diagnostic

Action = Literal["create", "update", "replace", "delete"]
_ACTIONS: Mapping[str, Action] = {"create": "create", "update": "update", "replace": "replace", "delete": "delete"}

_MODULE = re.compile(r"^module\.([A-Za-z0-9_-]+)")


@dataclass(frozen=True)
class Change:
    """One resource that will change.

    Attributes
    ----------
    module
        The first module on its address, empty for the root's own.
    """

    address: str
    resource_type: str
    module: str
    action: Action


@dataclass(frozen=True)
class TerraformPlan:
    """What an apply would do.

    Attributes
    ----------
    drifted
        The addresses of what is not as the state says.
    by_hand
        What somebody changed by hand and an apply would mend, in words.
    """

    changes: tuple[Change, ...] = ()
    drifted: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()

    def counts(self) -> dict[Action, int]:
        """How many resources by action."""
        found = Counter(change.action for change in self.changes)
        return dict(found)

    def by_module(self, action: Action) -> dict[str, int]:
        """How many resources of each module an action concerns; the root counts under its own name."""
        return dict(Counter(change.module for change in self.changes if change.action == action))


@dataclass(frozen=True)
class Step:
    """One line of an apply or destroy: a resource began, goes on, is done or failed."""

    address: str
    state: Literal["begin", "progress", "done", "failed"]
    action: str
    elapsed_seconds: float = 0.0


@dataclass
class EventLog:
    """Everything that one Terraform command said, collected while it runs."""

    changes: list[Change] = field(default_factory=list)
    drifted: list[str] = field(default_factory=list)
    errors: list[Diagnostic] = field(default_factory=list)
    finished: int = 0

    def read(self, line: str, *, root: str) -> Step | None:
        """Take one line in.

        Parameters
        ----------
        line
            As Terraform printed it; what is not JSON is passed over (a warning about the CLI's configuration).
        root
            The name under which the root's own resources are counted.

        Returns
        -------
        Step or None
            What there is to show, if anything.
        """
        try:
            event = json.loads(line)
        except ValueError:
            return None
        kind = event.get("type") if isinstance(event, dict) else None
        if kind == "planned_change":
            self._planned(event["change"], root)
        elif kind == "resource_drift":
            self.drifted.append(event["change"]["resource"]["addr"])
        elif kind == "diagnostic" and event["diagnostic"]["severity"] == "error":
            self.errors.append(_diagnostic(event["diagnostic"]))
        elif isinstance(kind, str) and kind in _HOOKS:
            hook = event["hook"]
            if hook.get("action") == "read":
                return None
            state = _HOOKS[kind]
            self.finished += state == "done"
            return Step(hook["resource"]["addr"], state, hook.get("action", ""), hook.get("elapsed_seconds", 0.0))
        return None

    def plan(self) -> TerraformPlan:
        """The planned changes."""
        return TerraformPlan(tuple(self.changes), tuple(self.drifted))

    def _planned(self, change: Mapping[str, Any], root: str) -> None:
        action = _ACTIONS.get(change["action"])
        if action is None:
            return
        resource = change["resource"]
        module = _MODULE.match(resource.get("module", ""))
        self.changes.append(
            Change(resource["addr"], resource["resource_type"], module.group(1) if module else root, action)
        )


_HOOKS: Mapping[str, Literal["begin", "progress", "done", "failed"]] = {
    "apply_start": "begin",
    "apply_progress": "progress",
    "apply_complete": "done",
    "apply_errored": "failed",
}


def _diagnostic(said: Mapping[str, Any]) -> Diagnostic:
    return Diagnostic(str(said["summary"]), str(said.get("detail", "")), str(said.get("address", "")))


def merged(plans: Iterable[TerraformPlan]) -> TerraformPlan:
    """Several roots' plans as one."""
    together = list(plans)
    return TerraformPlan(
        tuple(change for plan in together for change in plan.changes),
        tuple(address for plan in together for address in plan.drifted),
        tuple(sentence for plan in together for sentence in plan.by_hand),
    )
