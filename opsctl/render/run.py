"""What `run` is going to do, before the question; and what it did."""

from __future__ import annotations

from opsctl.commands.runs.plan import RunPlan
from opsctl.commands.runs.run import RunOutcome
from opsctl.core.costs.estimate import Estimate
from opsctl.core.runs.scan_history import Disposition
from opsctl.render.cost import estimate_lines
from opsctl.render.scans import discovery_lines
from opsctl.render.screen import counted, size_text

_REASONS: dict[Disposition, str] = {
    "failed": "failed before",
    "changed": "done or tried with other inputs or another image",
    "damaged": "done, but their outputs are gone or have been changed",
    "done": "done already",
    "new": "new",
}


def plan_lines(made: RunPlan) -> list[str]:
    """Counts, exclusions, and what m2g is asked for."""
    lines = discovery_lines(made.discovery)
    if len(made.chosen) < len(made.discovery.scans):
        lines.append(f"  {counted(len(made.chosen), 'scan')} of them chosen")
    options = made.request.options
    size_bytes = sum(scan.size_bytes for scan in made.rest_scans)
    size = f"; {size_text(size_bytes)} in" if size_bytes else ""
    lines.append(f"m2g: {options.pipeline}, {options.diffusion_model}, {options.space}, {options.mod}{size}")
    lines.append(f"out: {made.output.uri}")
    return lines


def disposition_lines(made: RunPlan, estimate: Estimate) -> list[str]:
    """What is submitted and why, where an earlier run has been there; and about what it costs."""
    counts = made.counts
    lines = []
    if made.earlier:
        lines.append(
            f"{counts.get('done', 0):,} done, {counts.get('in flight', 0):,} in flight, {len(made.rest()):,} to submit"
        )
        reasons = [
            f"{counts[disposition]:,} {words}"
            for disposition, words in _REASONS.items()
            if counts.get(disposition) and any(one.disposition == disposition for one in made.rest())
        ]
        lines += [f"  {reason}" for reason in reasons]
    return [*lines, *estimate_lines(estimate, made.platform)]


def nothing_line(made: RunPlan) -> str:
    """Nothing is to be submitted."""
    counts = made.counts
    done, in_flight, total = counts.get("done", 0), counts.get("in flight", 0), len(made.chosen)
    if done == total:
        return f"All {counted(total, 'scan')} are done: nothing to submit."
    if made.request.only == "failed":
        return f"No scan has failed: nothing to submit ({done:,} done, {in_flight:,} in flight of {total:,})."
    return f"{done:,} done, {in_flight:,} in flight: nothing to submit."


def outcome_line(outcome: RunOutcome) -> str:
    """What was submitted, beside what was done or on its way before."""
    words = [f"{outcome.done:,} done"] if outcome.done else []
    words += [f"{outcome.in_flight:,} in flight"] if outcome.in_flight else []
    before = f" ({', '.join(words)} before)" if words else ""
    gone_on = f"; {', '.join(outcome.continued)} had been cut short and went on" if outcome.continued else ""
    if not outcome.submitted:
        return f"Nothing had to be submitted: {' and '.join(words)}; {outcome.run_id} shows them."
    return f"Submitted {counted(outcome.submitted, 'scan')} as {outcome.run_id}{before}{gone_on}."
