"""Shows the peaks of a run's scans, and how many scans an instance should have."""

from __future__ import annotations

from rich.text import Text

from opsctl.core.counted import counted, counted_verb
from opsctl.core.diagnosis.causes import run_again
from opsctl.core.platform.platform import up_command
from opsctl.core.sizing.disk import GP3_THROUGHPUT
from opsctl.core.sizing.packing import CANARY_SCANS, ENOUGH_SCANS, Packing, Proposal
from opsctl.core.sizing.peaks import PeakGroup, Spread
from opsctl.core.sizing.size_report import SizeReport
from opsctl.render.page import headed_table
from opsctl.render.screen import Screen

_PEAKS = ("MODEL", "ATLASES", "VOLUMES", "SCANS", "MEMORY, MiB (MEDIAN, 90 %)", "DISK, MiB (MEDIAN, 90 %)")
_PACKINGS = ("SCANS AN INSTANCE", "EACH GETS", "MEASURED SCANS THAT NEED MORE", "USD A SCAN", "AGAINST ONE", "AT WORST")
#: A fraction of a percent is no difference.
_SAME = 0.005


def show_size(screen: Screen, report: SizeReport) -> None:
    """Show the peaks, what each number of scans on an instance is expected to cost, and what is proposed."""
    run = report.run
    screen.answer(f"{run.run_id}: {counted_verb(len(report.peaks), 'scan')} measured", style="bold")
    if report.unmeasured:
        screen.answer(
            f"  {counted(report.unmeasured, 'other scan')} failed before its needs were known, or is not m2g's"
        )
    if report.peaks:
        rows = [_peak_row(group) for group in report.groups]
        labelled = [_peak_row(group, is_labelled=True) for group in report.groups]
        for line in headed_table(_PEAKS, rows, labelled, room=screen.data.room, right=(1, 2, 3)):
            screen.answer(line)
    proposal = report.proposal
    if proposal is None:
        screen.answer(report.why_not)
        return
    screen.answer()
    rows = [_packing_row(proposal, packing) for packing in proposal.packings]
    labelled = [_packing_row(proposal, packing, is_labelled=True) for packing in proposal.packings]
    for line in headed_table(_PACKINGS, rows, labelled, room=screen.data.room, right=(0, 3, 4, 5)):
        screen.answer(line)
    screen.answer()
    for sentence in proposal_lines(report, proposal):
        screen.answer(sentence)
    for assumption in assumption_lines(report, proposal):
        screen.say(f"  {assumption}", style="dim")


def proposal_lines(report: SizeReport, proposal: Proposal) -> list[str]:
    """What is proposed, what it saves and what can go wrong."""
    best, kind = proposal.best, report.resources.instance_type
    lines = []
    if report.is_preview:
        lines.append("A rehearsal: the peaks are the preview's, and say nothing of what m2g needs.")
    if best.scans == 1:
        lines.append(f"Proposed: one scan on each {kind}, as in m2g's guide. More on one would not be cheaper.")
        return lines
    saved, worst = -proposal.against_alone(best.usd_per_scan), proposal.against_alone(best.worst_usd_per_scan)
    lines.append(
        f"Proposed: {best.scans} scans on each {kind}, with {best.size.text} each: about {saved:.0%} less than with"
        f" one, {-proposal.against_alone(best.fitting_usd_per_scan):.0%} if none needs more memory."
    )
    outcome = "the same" if abs(worst) < _SAME else f"{abs(worst):.0%} {'less' if worst < 0 else 'more'}"
    lines.append(
        f"Risk: {best.outgrown} of {counted(best.measured, 'measured scan')} would need more memory. Of all scans at"
        f" most {best.worst_share:.0%} do (with 95% confidence): it would then cost {outcome}. A scan that needs more"
        " runs again alone, when a command follows the run to its end."
    )
    return lines


def assumption_lines(report: SizeReport, proposal: Proposal) -> list[str]:
    """What the figures rest on."""
    assumed, rates = proposal.assumptions, report.rates
    measured = proposal.alone.measured
    few = f" (fewer than the {CANARY_SCANS} of a canary)" if ENOUGH_SCANS <= measured < CANARY_SCANS else ""
    lines = [
        f"{counted(measured, 'scan')} of one run{few}; {report.hours_source}",
        f"assumed: two scans on one core (two vCPUs) take {assumed.slowdown:g} times as long as one (--slowdown)",
        f"assumed: a scan that needs more memory wastes its whole attempt, and waits {assumed.restart_hours * 60:.0f}"
        " minutes more for an instance",
        f"{report.resources.instance_type} {rates.kind}: {rates.price_text}; {rates.source}",
    ]
    return [*lines, *_disk_lines(report, proposal)]


def _disk_lines(report: SizeReport, proposal: Proposal) -> list[str]:
    """How large the root disk must be for what is proposed, and how fast it is where several scans share it."""
    best, own_gib = proposal.best, report.rates.root_volume_gib
    needed, sharing = report.disk_gib(best), report.disk_scans(best)
    scans = "one scan" if sharing == 1 else f"{sharing} scans"
    where = "" if sharing == best.scans else " on the largest instance that the platform allows"
    largest = max((peak.disk_mib for peak in report.peaks), default=0)
    lines = [
        f"root disk: {report.system.text}; {largest:,} MiB, the largest peak, and a quarter more for each scan: {scans}"
        f"{where} need {needed} GiB, the platform's has {own_gib} GiB"
    ]
    if sharing > 1:
        lines.append(
            f"disk throughput: gp3's own {GP3_THROUGHPUT} MiB/s, shared by {sharing} scans, is"
            f" {GP3_THROUGHPUT / sharing:.0f} MiB/s for each, unless the platform's root_volume_throughput is higher"
        )
    return lines


def next_commands(report: SizeReport) -> dict[str, str]:
    """What to type next."""
    # What said the size of its jobs is left out.
    again = run_again(report.run, has_own_memory=True, whole_dataset=True)
    proposal = report.proposal
    if proposal is None:
        if report.is_preview and not report.is_local:
            return {}
        return {f"{again} --first {CANARY_SCANS}": "measure more scans, each alone"}
    commands = {}
    if proposal.best.scans != report.resources.scans_per_instance:
        commands[f"{again} --pack {proposal.best.scans}"] = "run the rest so"
        up = up_command(report.run.platform, is_local=report.is_local)
        commands[f"{up} --pack {'off' if proposal.best.scans == 1 else 'auto'}"] = "make it the platform's default"
    needed = report.disk_gib(proposal.best)
    if needed != report.rates.root_volume_gib and not report.is_preview:
        up = up_command(report.run.platform, is_local=report.is_local)
        commands[f"{up} --set root_volume_gib={needed}"] = (
            f"give instances the disk that they need: {_disk_saving(report, needed)}"
        )
    return commands


def _disk_saving(report: SizeReport, needed_gib: int) -> str:
    """What a disk of another size changes of an instance's price."""
    rates = report.rates
    change = rates.disk_usd_per_gib_hour * (needed_gib - rates.root_volume_gib) / rates.usd_per_instance_hour
    if abs(change) < _SAME:
        return "the price stays the same"
    return f"about {abs(change):.0%} {'less' if change < 0 else 'more'} an hour"


def chosen_line(report: SizeReport | None, which: str) -> str:
    """What `--pack auto` has chosen, and why.

    Parameters
    ----------
    which
        Whose scans were looked at: `HNU1 with these options`, `model csd`.
    """
    if report is None or report.proposal is None:
        return (
            f"--pack auto: one scan on each instance, because no run of {which} has {ENOUGH_SCANS} measured scans."
            f" A run with --first {CANARY_SCANS} measures some."
        )
    best = report.proposal.best
    measured = f"{counted(best.measured, 'scan')} of {report.run.run_id}{' (the preview)' if report.is_preview else ''}"
    if best.scans == 1:
        return f"--pack auto: one scan on each {report.resources.instance_type}, by the peaks of {measured}."
    saved = -report.proposal.against_alone(best.usd_per_scan)
    return (
        f"--pack auto: {best.scans} scans on each {report.resources.instance_type}, by the peaks of {measured}:"
        f" {best.outgrown} of them would need more memory; about {saved:.0%} less than one on each."
    )


def _peak_row(group: PeakGroup, *, is_labelled: bool = False) -> list[Text | str]:
    volumes = "" if group.volumes is None else f"{group.volumes:,}"
    cut_off = f", {group.cut_off} ran out" if group.cut_off else ""
    cells: list[Text | str] = [
        group.model,
        f"{group.atlas_count}",
        volumes,
        f"{group.memory.count:,}",
        f"{_spread_text(group.memory)}{cut_off}",
        _spread_text(group.disk),
    ]
    if is_labelled:
        labels = ("", "atlases", "volumes", "scans")
        cells = [f"{cell} {label}".strip() if cell else "" for cell, label in zip(cells[:4], labels, strict=True)]
        cells += [f"memory {_labelled_spread(group.memory)}{cut_off}", f"disk {_labelled_spread(group.disk)}"]
    return cells


def _spread_text(spread: Spread) -> str:
    return f"{spread.least:,} to {spread.largest:,} ({spread.middle:,}, {spread.tenth_largest:,})"


def _labelled_spread(spread: Spread) -> str:
    return f"{spread.least:,} to {spread.largest:,} MiB, median {spread.middle:,}, 90% at most {spread.tenth_largest:,}"


def _packing_row(proposal: Proposal, packing: Packing, *, is_labelled: bool = False) -> list[Text | str]:
    against, worst = (
        "" if packing.scans == 1 else _percent(proposal.against_alone(usd))
        for usd in (packing.usd_per_scan, packing.worst_usd_per_scan)
    )
    outgrown = "" if packing.scans == 1 else f"{packing.outgrown} of {packing.measured}"
    style = "bold" if packing is proposal.best else ""
    cells = [f"{packing.scans}", packing.size.text, outgrown, f"${packing.usd_per_scan:.3f}", against, worst]
    if is_labelled:
        labels = ("an instance", "each", "need more", "a scan", "against one", "at worst")
        cells = [f"{cell} {label}" if cell else "" for cell, label in zip(cells, labels, strict=True)]
    return [Text(cell, style=style) for cell in cells]


def _percent(change: float) -> str:
    return "the same" if abs(change) < _SAME else f"{change:+.0%}"
