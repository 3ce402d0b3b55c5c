"""Shows what an earlier `up` left, changes made by hand, Terraform's plan, and its progress."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.text import Text

from opsctl.commands.platform.orphans import OrphanReport
from opsctl.core.platform.inventory import counts_text
from opsctl.core.platform.terraform_events import Step, TerraformPlan
from opsctl.core.platform.usual_times import usual_time
from opsctl.render.live import drawn
from opsctl.render.screen import Screen, duration_text
from opsctl.terraform.root import OnStep

#: In the order in which they are shown: Terraform's own differs from plan to plan.
_MODULES = {
    "storage": "storage",
    "vpc": "network",
    "existing_vpc": "network",
    "iam": "roles",
    "batch": "batch",
    "platform": "record",
}
_ORDER = {name: number for number, name in enumerate(_MODULES)}
_ACTIONS = {"create": "to create", "update": "to change", "replace": "to replace", "delete": "to remove"}
_SHOWN_AT_ONCE = 4


def plan_lines(plan: TerraformPlan, *, idle_usd_per_hour: float) -> list[str]:
    """`23 to create: network 8, roles 9, …`, and the cost while no job runs."""
    lines = drift_lines(plan)
    for action, count in sorted(plan.counts().items()):
        by_module = sorted(plan.by_module(action).items(), key=lambda item: _ORDER.get(item[0], len(_ORDER)))
        modules = ", ".join(f"{_MODULES.get(name, name)} {number}" for name, number in by_module)
        lines.append(f"{count} {_ACTIONS[action]}: {modules}")
    lines.append(f"Idle it costs ${idle_usd_per_hour:.2f}/h; what is stored costs its storage.")
    return lines


def drift_lines(plan: TerraformPlan) -> list[str]:
    """A headline and a line for each change made by hand; empty without any."""
    if not plan.changes_by_hand:
        return []
    return ["Not as the last `up` left it:", *(f"  {sentence}" for sentence in plan.changes_by_hand)]


def orphan_lines(report: OrphanReport, *, now: datetime) -> list[str]:
    """Lines for what is removed, taken over, replaced, or will be; empty if nothing is to be said."""
    removed = (*report.orphans, *report.later)
    lines = []
    if removed:
        newest = f" (the last {duration_text((now - report.newest).total_seconds())} ago)" if report.newest else ""
        lines.append(f"{len(removed)} left of an earlier up that was killed{newest}, to be removed first:")
        lines.append(f"  {counts_text(removed)}")
    lines += [f"  not opsctl's, so it stays: {resource.words}" for resource in report.foreign]
    if report.log_group:
        lines.append(f"The log group {report.log_group.id} is taken over, with its lines.")
    lines += [
        f"{resource.words} is INVALID and is made anew. AWS says: {resource.reason}" for resource in report.invalid
    ]
    lines += [f"{resource.words} {_newer_image(report.active_jobs)}" for resource in report.aged]
    return lines


def _newer_image(active_jobs: int) -> str:
    if not active_jobs:
        return (
            "is made anew, and its queue moves to the new one: AWS has a newer machine image (AMI) for its instances."
        )
    jobs = "1 job is active" if active_jobs == 1 else f"{active_jobs} jobs are active"
    return f"stays while {jobs}. AWS has a newer machine image (AMI) for it: type `opsctl up` when they have ended."


@contextmanager
def apply_progress(screen: Screen, *, title: str, total: int) -> Iterator[OnStep]:
    """Show an apply or destroy while it runs: a count and the resources in progress. Off a terminal, one line each."""
    started_at: dict[str, float] = {}
    usual_times: dict[str, str] = {}
    finished: set[str] = set()
    started = time.monotonic()

    def picture() -> Text:
        elapsed = duration_text(time.monotonic() - started)
        text = Text(f"{title} {len(finished)}/{total}  {elapsed}", style="bold")
        for address, since in sorted(started_at.items(), key=lambda item: item[1])[:_SHOWN_AT_ONCE]:
            usual = f"  usually {usual_times[address]}" if usual_times[address] else ""
            text.append(f"\n  {duration_text(time.monotonic() - since):>6}  {_short(address)}{usual}", style="dim")
        return text

    def on_step(step: Step) -> None:
        if step.state == "begin":
            usual_times[step.address] = usual_time(step.address, step.action)
            started_at[step.address] = time.monotonic()
        elif step.state in ("done", "failed"):
            started_at.pop(step.address, None)
            # A replaced resource is reported twice: deleted and created.
            if step.state == "done":
                finished.add(step.address)
            if not screen.words.is_live:
                screen.say(f"  {step.state}  {_short(step.address)}  {duration_text(step.elapsed_seconds)}")

    try:
        with drawn(screen.words, picture):
            yield on_step
    finally:
        # Also after an interruption: how far it came.
        if total:
            screen.say(f"{title} {len(finished)}/{total}  {duration_text(time.monotonic() - started)}")


def _short(address: str) -> str:
    """`module.batch.aws_batch_job_queue.this["csd"]` → `batch job_queue csd`."""
    text = address.removeprefix("module.").replace(".this", "").replace('["', " ").replace('"]', "")
    return text.replace(".aws_", " ").removeprefix("aws_").replace("batch batch_", "batch ").replace(".", " ")
