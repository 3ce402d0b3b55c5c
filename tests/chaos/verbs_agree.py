"""Whether the verbs say the same of every run of a campaign that has ended, each typed as a person types it."""

from __future__ import annotations

import json
from typing import Any

from laptop import Laptop

#: `cost` and `status` are typed one after the other, and an end that nobody saw is estimated until now at most.
_HOURS = 0.02


def disagreements(laptop: Laptop) -> list[str]:
    """What verbs say differently, a line each."""
    lines = _said(laptop, "runs")["runs"]
    return [text for line in lines for text in _of_run(laptop, line)] if lines else ["runs lists no run"]


def _of_run(laptop: Laptop, line: dict[str, Any]) -> list[str]:
    run_id = line["run_id"]
    status, why, cost = (_said(laptop, verb, "--run", run_id) for verb in ("status", "why", "cost"))
    counts = {state: count for state, count in status["counts"].items() if count and state != "TOTAL"}
    active = sum(count for state, count in counts.items() if state not in ("DONE", "FAILED"))
    causes = {scan["scan"]: scan["cause_code"] for scan in status["scans"] if scan["state"] == "FAILED"}
    explained = {
        scan: explanation["code"]
        for explanation in why["explanations"]
        if explanation["kind"] == "failed"
        for scan in explanation["scans"]
    }
    views: dict[str, tuple[Any, Any]] = {
        "runs": (
            (counts.get("DONE", 0), counts.get("FAILED", 0), active),
            (line["done"], line["failed"], line["active"]),
        ),
        "why's counts": (counts, {state: count for state, count in why["counts"].items() if count}),
        "why's causes": (causes, explained),
        "cost's attempts": (
            (status["cost"]["attempts"], status["cost"]["lost_attempts"]),
            (cost["attempts"], cost["lost_attempts"]),
        ),
    }
    differing = [f"{run_id}: status {said}, {view} {other}" for view, (said, other) in views.items() if said != other]
    if abs(status["cost"]["hours"] - cost["hours"]) > _HOURS:
        differing.append(f"{run_id}: status {status['cost']['hours']} h, cost {cost['hours']} h")
    return differing


def _said(laptop: Laptop, verb: str, *args: str) -> dict[str, Any]:
    typed = laptop.type(verb, *args, "--json")
    assert typed.code == 0, f"{typed.args}: {typed.err}"
    document: dict[str, Any] = json.loads(typed.out)
    return document
