"""Shows what `run` will do, before the question, and what it did."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from opsctl.commands.dataset.discovery import ChosenScans
from opsctl.commands.runs.run import RunOutcome
from opsctl.commands.runs.run_plan import RunPlan
from opsctl.core.costs.estimate import Estimate
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.scan_history import Disposition
from opsctl.core.sizing.growth import grown_memory_mib, growth_command, outgrown_before
from opsctl.render.cost import estimate_lines
from opsctl.render.parcellations import cut_text
from opsctl.render.scans import chosen_lines, discovery_lines
from opsctl.render.screen import counted, size_text

_REASONS: dict[Disposition, str] = {
    "failed": "failed before",
    "changed": "done or tried with other inputs",
    "other_m2g": "done with an earlier m2g",
    "damaged": "done, but their outputs are gone or have been changed",
    "done": "done already",
    "new": "new",
}

_DIGEST_LENGTH = len("sha256:") + 12


def plan_lines(plan: RunPlan) -> list[str]:
    """Counts, exclusions, and m2g's options."""
    return [*dataset_lines(plan), *option_lines(plan)]


def dataset_lines(plan: RunPlan) -> list[str]:
    """Counts and exclusions of the dataset, and how many scans are chosen."""
    chosen = ChosenScans(discovery=plan.discovery, chosen=plan.chosen)
    return [*discovery_lines(plan.discovery), *chosen_lines(chosen)]


def option_lines(plan: RunPlan) -> list[str]:
    """What m2g is asked for, and where its outputs go."""
    lines: list[str] = []
    options = plan.request.options
    size_bytes = sum(scan.size_bytes for scan in plan.scans_to_submit)
    size = f". Input: {size_text(size_bytes)}" if size_bytes else ""
    # The func pipeline has no diffusion model and no tracking.
    of_dwi = [] if options.pipeline == "func" else [options.diffusion_model, options.space, options.mod]
    lines.append(f"m2g options: {', '.join([options.pipeline, *of_dwi])}{size}")
    lines.append(_atlases_line(plan))
    lines += reused_lines(plan)
    lines.append(f"out: {plan.output.uri}")
    return lines


def cut_atlases_line(plan: RunPlan) -> str:
    """Say of how many atlases m2g drops regions, of which most, and where all are listed."""
    size = plan.request.options.voxelsize
    cut = plan.cut_atlases
    voxelsize = "" if size == M2gOptions().voxelsize else f" --voxelsize {size}"
    most = cut_text(cut[0], size)
    which = f"1 atlas ({most})" if len(cut) == 1 else f"{len(cut)} atlases (most: {most})"
    return f"m2g drops regions of {which}. `opsctl parcellations{voxelsize}` lists them."


def _atlases_line(plan: RunPlan) -> str:
    """The run's atlases; of the default list, those that are left out, and why."""
    atlases, table = plan.atlases, plan.table
    if atlases != table.default:
        return f"atlases: {', '.join(atlas.name for atlas in atlases)}"
    size, platform = plan.request.options.voxelsize, plan.platform
    needed = {atlas.name: atlas.memory_mib(size) for atlas in table.not_by_default}
    left_out = " and ".join(f"{name} ({mib:,} MiB)" for name, mib in needed.items())
    line = f"atlases: {len(atlases)} of neuroparc's {len(atlases) + len(needed)}. {left_out} are left out because of"
    line += " the memory that they need"
    held = {name: mib for name, mib in needed.items() if mib <= platform.largest_memory_mib}
    if not held:
        return f"{line}: no job of this platform holds them."
    name, mib = next(iter(held.items()))
    memory = f" --memory {mib}" if mib > plan.request.job_memory_mib(platform) else ""
    # Another list of atlases is not mixed into the outputs of this one.
    return f"{line}; `--parcellation {name}{memory} --modif NAME` computes {name} into a folder of its own."


def reused_lines(plan: RunPlan) -> list[str]:
    """Say whose eddy correction and registration are reused, a line for each earlier run."""
    counts = Counter(registration.run_id for registration in plan.registrations.values())
    return [f"reused: registration of {counted(count, 'scan')} of {run_id}" for run_id, count in sorted(counts.items())]


def earlier_m2g_lines(plan: RunPlan) -> list[str]:
    """Say which scans were done, or are being done, by another m2g than the one that jobs run from now on."""
    now = _image_text(plan.platform.m2g_image)
    states: tuple[tuple[Disposition, str], ...] = (("other_m2g", "done"), ("in flight", "in progress"))
    return [
        f"{counted(count, 'scan')} {'is' if count == 1 else 'are'} {state} with an earlier m2g, {_image_text(image)}"
        f" (jobs now run {now})."
        for disposition, state in states
        for image, count in plan.earlier_m2g(disposition).items()
    ]


def kept_line(plan: RunPlan) -> str:
    """Say that the scans of another m2g are kept, what that means for the outputs, and how to redo them."""
    return (
        f"They are kept, so results in {plan.output.uri} may come from more than one m2g. Add `--only changed` to"
        " process them again."
    )


def earlier_snapshots_line(plan: RunPlan) -> str:
    """Say that earlier outputs in the same folder are of other snapshots of the dataset, and what becomes of them."""
    snapshot = plan.request.snapshot
    now = snapshot.version if snapshot else ""
    return (
        f"{plan.output.uri} holds outputs of version {', '.join(plan.earlier_snapshots)}, and the dataset is {now} now."
        " Scans whose files are the same are kept; each scan's provenance names its version. `--modif NAME` keeps the"
        " versions apart."
    )


def redo_question(plan: RunPlan) -> str:
    """Ask whether the scans of another m2g are processed again."""
    return f"Process {counted(sum(plan.earlier_m2g().values()), 'scan')} again with the m2g that jobs now run?"


def disposition_lines(plan: RunPlan, estimate: Estimate) -> list[str]:
    """What is submitted and why, if earlier runs used the output location; and the estimated cost."""
    counts = plan.counts
    lines = []
    if plan.earlier:
        submitted = plan.to_submit()
        reasons = [
            f"{counts[disposition]:,} {reason}"
            for disposition, reason in _REASONS.items()
            if counts.get(disposition) and any(scan.disposition == disposition for scan in submitted)
        ]
        submitted_states = {scan.disposition for scan in submitted}
        kept = plan.done_count - sum(
            counts.get(state, 0) for state in ("done", "other_m2g") if state in submitted_states
        )
        others = [f"{kept:,} done"] if kept else []
        others += [f"{counts['in flight']:,} in progress"] if counts.get("in flight") else []
        before = f"; {', '.join(others)}" if others else ""
        lines.append(f"{counted(len(submitted), 'scan')} to submit ({', '.join(reasons)}){before}")
    return [*lines, *estimate_lines(estimate, plan.platform)]


def outgrown_line(plan: RunPlan) -> str:
    """Say which scans ran out of memory before and get no more now, and the command that gives them more."""
    size = plan.request.job_size(plan.platform)
    scans = outgrown_before(plan.to_submit(), plan.earlier, memory_mib=size.memory_mib, platform=plan.platform)
    if not scans:
        return ""
    ran = f"{counted(len(scans), 'scan')} ran out of memory before, and {'gets' if len(scans) == 1 else 'get'} no more"
    ran += f" now ({size.memory_mib:,} MiB)."
    larger = grown_memory_mib(size, plan.request.resources(plan.platform), plan.platform)
    if larger is None:
        return f"{ran} No job of this platform has more."
    command = growth_command(replace(plan.run(plan.dispositions), grows_to_mib=larger))
    return f"{ran} `{command}` gives {'it' if len(scans) == 1 else 'them'} {larger:,} MiB."


def nothing_line(plan: RunPlan) -> str:
    """Say why nothing is submitted."""
    counts = plan.counts
    done, in_flight, total = plan.done_count, counts.get("in flight", 0), len(plan.chosen)
    if done == total:
        return f"{'The scan is' if total == 1 else f'All {total:,} scans are'} done: nothing to submit."
    if plan.request.only == "failed":
        return f"No scan has failed: nothing to submit ({done:,} done, {in_flight:,} in progress of {total:,})."
    if plan.request.only == "outgrown":
        return (
            f"No scan has run out of memory: nothing to submit ({done:,} done, {in_flight:,} in progress of {total:,})."
        )
    if plan.request.only == "changed":
        return f"No scan has changed: nothing to submit ({done:,} done, {in_flight:,} in progress of {total:,})."
    return f"{done:,} done, {in_flight:,} in progress: nothing to submit."


def outcome_line(outcome: RunOutcome) -> str:
    """Say what was submitted, and what was done or in progress before."""
    parts = [f"{outcome.done:,} done"] if outcome.done else []
    parts += [f"{outcome.in_flight:,} in progress"] if outcome.in_flight else []
    before = f" ({', '.join(parts)} before)" if parts else ""
    continued = f"; {', '.join(outcome.continued)} had been cut short and went on" if outcome.continued else ""
    if not outcome.submitted:
        return f"Nothing had to be submitted: {' and '.join(parts)}; {outcome.run_id} shows them."
    return f"Submitted {counted(outcome.submitted, 'scan')} as {outcome.run_id}{before}{continued}."


def _image_text(image: str) -> str:
    """An image as a person compares it: of a digest, the beginning."""
    return f"{image[:_DIGEST_LENGTH]}…" if image.startswith("sha256:") else image
