"""The second evaluator of IAM policies, which others make: one Node process for all requests.

It is `@cloud-copilot/iam-simulate`, at the version of tests/policy/second_evaluator/package-lock.json; `make
second-evaluator` installs it there.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from support.policy_files import ACCOUNT, Policy
from support.policy_table import Row
from support.repository import ROOT

FOLDER = ROOT / "tests" / "policy" / "second_evaluator"
_DECISIONS = {"Allowed": "allow", "ImplicitlyDenied": "deny", "ExplicitlyDenied": "deny"}


def why_not_here() -> str:
    """Why it cannot run on this machine; empty where it can."""
    if shutil.which("node") is None:
        return "Node is not installed"
    return "" if (FOLDER / "node_modules").is_dir() else "not installed: `make second-evaluator`"


def decisions(
    rows: Sequence[Row], *, identity: Mapping[str, Sequence[Policy]], resource: Sequence[Sequence[Policy]]
) -> list[str]:
    """Decide rows of the table.

    Parameters
    ----------
    identity
        The policies of everybody, by `who`.
    resource
        Of each row, the policy on its resource, if there is one.

    Returns
    -------
    list of str
        `allow` or `deny` of each row; or what it does not accept of a request.
    """
    policies = {f"{who} {number}": policy for who, own in identity.items() for number, policy in enumerate(own)}
    names = {who: [f"{who} {number}" for number in range(len(own))] for who, own in identity.items()}
    lines = []
    for number, (row, on_resource) in enumerate(zip(rows, resource, strict=True)):
        if on_resource:
            policies[f"resource {number}"] = on_resource[0]
        lines.append(
            {
                "action": row.action,
                "resource": row.resource,
                "account": ACCOUNT,
                "principal": row.principal,
                "context": row.context,
                "identity": names.get(row.who, []),
                "resource_policy": f"resource {number}" if on_resource else None,
            }
        )
    answers = [json.loads(line) for line in _node("evaluate.mjs", lines=[policies, *lines]).splitlines()]
    return [_DECISIONS.get(answer.get("decision", ""), json.dumps(answer)) for answer in answers]


def reference(services: Sequence[str]) -> dict[str, Any]:
    """What AWS's Service Authorization Reference says of services: see `reference.mjs`."""
    data: dict[str, Any] = json.loads(_node("reference.mjs", *services))
    return data


def is_of_form(pattern: str, form: str) -> bool:
    """Whether a policy's resource can be of the kind whose ARN has a form (`arn:${Partition}:ecs:...:cluster/${Name}`).

    The text before the first variable of the last part decides: `cluster/`, `log-group:`. In S3 only a slash
    distinguishes objects from buckets.
    """
    parts, kinds = pattern.split(":", 5), form.split(":", 5)
    if parts[2] != kinds[2]:
        return False
    if parts[2] == "s3":
        return ("/" in parts[5]) == ("/" in kinds[5]) or parts[5] == "*"
    return parts[5] == "*" or parts[5].startswith(kinds[5].partition("${")[0])


def _node(script: str, *arguments: str, lines: Sequence[object] = ()) -> str:
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    return subprocess.run(
        ["node", str(FOLDER / script), *arguments], input=text, text=True, capture_output=True, check=True, timeout=120
    ).stdout
