"""Shows a simulated run: when it ends, what it costs, and scans done over time."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from opsctl.commands.simulation.simulate import SimulatedRun
from opsctl.core.costs.estimate import about_text, usd_text
from opsctl.core.simulation.duration import span_text
from opsctl.core.simulation.simulation import Band
from opsctl.render.curve import curve_lines
from opsctl.render.page import headed_table, table
from opsctl.render.screen import Screen, counted

_HEADER = ("", "P10", "P50", "P90")
#: From this share of the bill on, start and idle time are worth a word.
_MUCH = 0.15


def show_simulation(screen: Screen, run: SimulatedRun, *, is_verbose: bool) -> None:
    """Show the band of finish and bill, the plot on a terminal, and with `--verbose` every assumption."""
    simulation, planned = run.simulation, run.planned
    scans = counted(simulation.scan_count, f"{planned.place.model} scan")
    at_once = planned.choice.most_instances * planned.choice.pack
    limit = f"at most {counted(at_once, 'scan')} at once because of {planned.choice.limit}"
    if at_once >= simulation.scan_count:
        limit = "all at once"
    screen.say(f"{scans} in {planned.place.region}: {planned.choice.text}, {limit}.")
    if not planned.setup.rates.is_complete:
        screen.warn(
            f"The price of {planned.choice.size.instance_type} is not known: the bill has disk and address only."
        )
    room = screen.data.room
    # In a pipe too: without its header, nobody knows which column is which.
    lines = table([_HEADER, *_rows(run)], room=None, right=(1, 2, 3))
    if room is not None:
        lines = headed_table(_HEADER, _rows(run), _rows(run, is_labelled=True), room=room, right=(1, 2, 3))
    for line in lines:
        screen.data.print(line)
    if room is not None:
        _show_curve(screen, run, room)
    for sentence in _sentences(run):
        screen.say(sentence)
    if is_verbose:
        rows = [(f"  {each.name}", each.value, each.source) for each in planned.assumptions]
        screen.say("Assumptions:")
        for line in table(rows, room=screen.words.room):
            screen.words.print(line)
    else:
        basis = planned.assumptions[0]
        screen.say(f"{basis.name[:1].upper()}{basis.name[1:]}: {basis.value}; {basis.source}.")
        screen.say(f"-v shows all {len(planned.assumptions)} assumptions.")
    if run.what_if.within_hours is not None:
        screen.say(_within_sentence(run))
    elif simulation.rest_usd > _MUCH * simulation.usd.p50 and planned.choice.most_instances > 1:
        share = simulation.rest_usd / simulation.usd.p50
        screen.say(
            f"Start and idle time are {share:.0%} of it. With --within HOURS, fewer instances process more scans each:"
            " that costs less and takes longer."
        )
    for warning in filter(None, (planned.setup.rates.warning, quota_warning(run))):
        screen.warn(warning)


def _within_sentence(run: SimulatedRun) -> str:
    """How many vCPUs cost least, and how to set that limit."""
    choice, model = run.planned.choice, run.planned.place.model
    vcpus = choice.most_instances * choice.size.vcpus
    least = (
        f"{counted(vcpus, 'vCPU')} cost least of the numbers with which 9 of 10 replications end within"
        f" {span_text(run.what_if.within_hours or 0.0)}."
    )
    return (
        least if run.planned.place.is_local else f"{least} `opsctl up --set {model}_max_vcpus={vcpus}` sets this limit."
    )


def quota_warning(run: SimulatedRun) -> str:
    """Say that the account's quota makes the run take days, and how to get more; empty where it does not."""
    request, hours = run.planned.choice.quota_request, run.simulation.finish_hours.p50
    if not request or hours < 48:
        return ""
    return f"It takes {span_text(hours)} because of {run.planned.choice.limit}. {request}"


def _rows(run: SimulatedRun, *, is_labelled: bool = False) -> list[list[Text | str]]:
    """The rows; `is_labelled` where no header explains their cells."""
    simulation = run.simulation
    is_complete = run.planned.setup.rates.is_complete
    bill = "bill" if is_complete else "bill, more than"
    rows: list[tuple[str, Band, Callable[[float], str]]] = [
        ("finish", simulation.finish_hours, span_text),
        (bill, simulation.usd, usd_text),
        ("instances", simulation.instances, _whole),
    ]
    if simulation.reclaimed.p90 or run.planned.setup.fleet.reclaims.per_hour:
        rows += [("taken back", simulation.reclaimed, _whole), ("scans lost", simulation.lost_scans, _whole)]
    labels = ("p10 ", "p50 ", "p90 ") if is_labelled else ("", "", "")
    return [
        [name, *(f"{label}{text(value)}" for label, value in zip(labels, (band.p10, band.p50, band.p90), strict=True))]
        for name, band, text in rows
    ]


def _show_curve(screen: Screen, run: SimulatedRun, room: int) -> None:
    simulation = run.simulation
    lines = curve_lines(simulation.curve, scan_count=simulation.scan_count, room=room)
    if lines:
        screen.data.print("")
        for line in lines:
            screen.data.print(Text(line))
        screen.data.print("# done in 9 of 10 replications, : in 1 of 10")
        screen.data.print("")


def _sentences(run: SimulatedRun) -> list[str]:
    simulation = run.simulation
    whose = ", as AWS would charge; nothing is charged on this machine" if run.planned.place.is_local else ""
    per_scan = simulation.usd_per_scan
    is_complete = run.planned.setup.rates.is_complete
    about = about_text(per_scan) if is_complete else f"more than {usd_text(per_scan)}"
    return [
        f"{about[:1].upper()}{about[1:]} a scan{whose}. Of the bill, {usd_text(simulation.attempts_usd)} is the scans'"
        f" own time, {usd_text(simulation.rest_usd)} the start of instances and idle time,"
        f" {usd_text(simulation.logs_usd)} logs.",
        f"{counted(simulation.replications, 'replication')}, seed {run.seed}: in 8 of 10, a value lies from p10 to"
        " p90.",
    ]


def _whole(value: float) -> str:
    return f"{value:,.0f}"
