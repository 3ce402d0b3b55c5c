"""Parse Terraform's machine-readable output: what it plans, does and reports.

https://developer.hashicorp.com/terraform/internals/machine-readable-ui
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from opsctl.core.foreign_json import parse_object
from opsctl.core.platform.terraform_errors import Diagnostic

Action = Literal["create", "update", "replace", "delete"]
_ACTIONS: Mapping[str, Action] = {"create": "create", "update": "update", "replace": "replace", "delete": "delete"}

_MODULE = re.compile(r"^module\.([A-Za-z0-9_-]+)")


@dataclass(frozen=True)
class Change:
    """A planned change of one resource.

    Attributes
    ----------
    module
        The first module of its address; for the root's own resources, the root's name.
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
        Addresses of the resources that differ from the state.
    by_hand
        Sentences on what somebody changed by hand and an apply would undo.
    """

    changes: tuple[Change, ...] = ()
    drifted: tuple[str, ...] = ()
    changes_by_hand: tuple[str, ...] = ()

    def counts(self) -> dict[Action, int]:
        """Number of changed resources by action."""
        return dict(Counter(change.action for change in self.changes))

    def by_module(self, action: Action) -> dict[str, int]:
        """Number of resources by module for one action; the root counts under its own name."""
        return dict(Counter(change.module for change in self.changes if change.action == action))


@dataclass(frozen=True)
class Step:
    """Progress of one resource in an apply or destroy."""

    address: str
    state: Literal["begin", "progress", "done", "failed"]
    action: str
    elapsed_seconds: float = 0.0


@dataclass
class EventLog:
    """The events of one Terraform command, collected while it runs."""

    changes: list[Change] = field(default_factory=list)
    drifted: list[str] = field(default_factory=list)
    errors: list[Diagnostic] = field(default_factory=list)
    finished: int = 0

    def read(self, line: str, *, root: str) -> Step | None:
        """Add one line of output.

        Parameters
        ----------
        line
            A line as printed. Lines that are no event are ignored, such as a warning about the CLI's configuration.
        root
            The name under which the root's own resources are counted.

        Returns
        -------
        Step or None
            The progress to show; None where the line has none.
        """
        try:
            return self._read_event(parse_object(line), root)
        except (ValueError, LookupError, TypeError, AttributeError):
            return None

    def _read_event(self, event: Mapping[str, Any], root: str) -> Step | None:
        kind = event.get("type")
        if kind == "planned_change":
            self._add_planned(event["change"], root)
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

    def _add_planned(self, change: Mapping[str, Any], root: str) -> None:
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


def _diagnostic(event: Mapping[str, Any]) -> Diagnostic:
    return Diagnostic(str(event["summary"]), str(event.get("detail", "")), str(event.get("address", "")))


def merged(plans: Iterable[TerraformPlan]) -> TerraformPlan:
    """Merge the plans of several roots."""
    every = list(plans)
    return TerraformPlan(
        tuple(change for plan in every for change in plan.changes),
        tuple(address for plan in every for address in plan.drifted),
        tuple(sentence for plan in every for sentence in plan.changes_by_hand),
    )
