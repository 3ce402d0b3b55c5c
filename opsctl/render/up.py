"""`up`: what an earlier one left, what was changed by hand, Terraform's plan, and its progress."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.text import Text

from opsctl.commands.platform.orphans import OrphanReport
from opsctl.core.platform.inventory import counts_text
from opsctl.core.platform.terraform_events import Step, TerraformPlan
from opsctl.render.live import drawn
from opsctl.render.screen import Screen, duration_text
from opsctl.terraform.root import OnStep

_WORDS = {"vpc": "network", "iam": "roles", "batch": "batch", "platform": "record", "storage": "storage"}
_VERBS = {"create": "to create", "update": "to change", "replace": "to replace", "delete": "to remove"}
_SHOWN_AT_ONCE = 4


def plan_lines(plan: TerraformPlan, *, idle_usd_per_hour: float) -> list[str]:
    """`23 to create: network 8, roles 9, …`, and what it costs while nothing runs."""
    lines = drift_lines(plan)
    for action, count in sorted(plan.counts().items()):
        modules = ", ".join(f"{_WORDS.get(name, name)} {number}" for name, number in plan.by_module(action).items())
        lines.append(f"{count} {_VERBS[action]}: {modules}")
    lines.append(f"Idle it costs ${idle_usd_per_hour:.2f}/h; what is stored costs its storage.")
    return lines


def drift_lines(plan: TerraformPlan) -> list[str]:
    """A line for each change by hand under a headline; nothing where there is none."""
    if not plan.by_hand:
        return []
    return ["Not as the last `up` left it:", *(f"  {sentence}" for sentence in plan.by_hand)]


def orphan_lines(found: OrphanReport, *, now: datetime) -> list[str]:
    """A line for what goes, what is taken over and what is made anew; nothing where all is as the state has it."""
    gone = (*found.orphans, *found.later)
    lines = []
    if gone:
        newest = f" (the last {duration_text((now - found.newest).total_seconds())} ago)" if found.newest else ""
        lines.append(f"{len(gone)} left of an earlier up that was killed{newest}, to be removed first:")
        lines.append(f"  {counts_text(gone)}")
    lines += [f"  not opsctl's, so it stays: {one.words}" for one in found.foreign]
    if found.log_group:
        lines.append(f"The log group {found.log_group.id} is taken over, with its lines.")
    lines += [f"{one.words} is INVALID and is made anew. AWS says: {one.reason}" for one in found.invalid]
    return lines


@contextmanager
def apply_progress(screen: Screen, *, title: str, total: int) -> Iterator[OnStep]:
    """Show an apply or destroy while it runs: a count and what is waited for. Off a terminal, a line a resource."""
    began: dict[str, float] = {}
    finished: set[str] = set()
    started = time.monotonic()

    def picture() -> Text:
        elapsed = duration_text(time.monotonic() - started)
        text = Text(f"{title} {len(finished)}/{total}  {elapsed}", style="bold")
        for address, since in sorted(began.items(), key=lambda item: item[1])[:_SHOWN_AT_ONCE]:
            text.append(f"\n  {duration_text(time.monotonic() - since):>6}  {_short(address)}", style="dim")
        return text

    def on_step(step: Step) -> None:
        if step.state == "begin":
            began[step.address] = time.monotonic()
        elif step.state in ("done", "failed"):
            began.pop(step.address, None)
            # A replaced resource is done twice: removed and made.
            if step.state == "done":
                finished.add(step.address)
            if not screen.words.is_live:
                screen.say(f"  {step.state}  {_short(step.address)}  {duration_text(step.elapsed_seconds)}")

    try:
        with drawn(screen.words, picture):
            yield on_step
    finally:
        # Also of what was broken off: how far it came.
        if total:
            screen.say(f"{title} {len(finished)}/{total}  {duration_text(time.monotonic() - started)}")


def _short(address: str) -> str:
    """`module.batch.aws_batch_job_queue.this["csd"]` → `batch job_queue csd`."""
    words = address.removeprefix("module.").replace(".this", "").replace('["', " ").replace('"]', "")
    return words.replace(".aws_", " ").removeprefix("aws_").replace("batch batch_", "batch ").replace(".", " ")
