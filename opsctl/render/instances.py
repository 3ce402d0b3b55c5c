"""Shows what runs cost and take on each instance type."""

from __future__ import annotations

import json

from rich.text import Text

from opsctl.core.costs.estimate import usd_text
from opsctl.core.platform.platform import up_command
from opsctl.core.simulation.duration import span_text
from opsctl.core.sizing.instance_offer import LARGER_SIZES, InstanceComparison, InstanceOffer
from opsctl.render.page import headed_table, table
from opsctl.render.screen import Screen, counted


def show_instances(screen: Screen, comparison: InstanceComparison, *, is_answer: bool) -> None:
    """Show a line for each instance type, and which is the cheapest.

    Parameters
    ----------
    is_answer
        Whether the table is what was asked for; otherwise it is a message beside something else.
    """
    console = screen.data if is_answer else screen.words
    header = (
        "INSTANCE",
        "SCANS ON EACH",
        *(f"{count:,} SCANS" for count in comparison.scan_counts),
        "ON THIS PLATFORM",
    )
    rows = [_row(comparison, offer) for offer in comparison.offers]
    labelled = [_row(comparison, offer, is_labelled=True) for offer in comparison.offers]
    # In a pipe too: without its header, nobody knows which number of scans a column is about.
    lines = table([header, *rows], room=None, right=(1,))
    if console.room is not None:
        lines = headed_table(header, rows, labelled, room=console.room, right=(1,))
    for line in lines:
        console.print(line)
    for sentence in _sentences(comparison):
        screen.say(sentence)
    if is_answer:
        for source in comparison.sources:
            screen.say(f"  {source}", style="dim")
        if comparison.warning:
            screen.warn(comparison.warning)


def command_line(model: str) -> str:
    """The command that compares the instance types of a model."""
    return f"opsctl size --instances{_model_words(model)}"


def next_commands(comparison: InstanceComparison, *, platform: str | None) -> dict[str, str]:
    """What to type next: how to allow what is cheapest for many scans.

    Parameters
    ----------
    platform
        Its name; None where none is up.
    """
    best = comparison.cheapest(comparison.scan_counts[-1])
    simulate = f"opsctl simulate --scans 1000{_model_words(comparison.model)} --instance {best.instance_type}"
    if comparison.kind == "Spot":
        simulate += " --spot"
    commands = {simulate: "another number of scans"}
    if best.is_allowed:
        return commands
    up = "opsctl up" if platform is None else up_command(platform, is_local=comparison.is_local)
    # The setting is the whole list: what is allowed already stays.
    allowed = {offer.size for offer in comparison.offers if offer.is_allowed} - {comparison.own.size}
    sizes = json.dumps([size for size in LARGER_SIZES if size in {*allowed, best.size}])
    return {f"{up} --set more_instance_sizes='{sizes}'": f"allow {best.size} too, for both models", **commands}


def _model_words(model: str) -> str:
    return "" if model == "csd" else f" --model {model}"


def _sentences(comparison: InstanceComparison) -> list[str]:
    """Which type is the cheapest for each number of scans, and by how much."""
    lines = []
    for count in comparison.scan_counts:
        own, best = comparison.own.run_of(count), comparison.cheapest(count)
        run = best.run_of(count)
        if own is None or run is None:
            continue
        if best is comparison.own:
            lines.append(f"{counted(count, 'scan')}: no other type costs over 3% less than {best.instance_type}.")
            continue
        saved = 1 - run.usd / own.usd
        lines.append(
            f"{counted(count, 'scan')}: {best.instance_type} costs about {saved:.0%} less than"
            f" {comparison.own.instance_type}, and a larger one no more than 3% less."
        )
    lines.append(
        f"Simulated with {comparison.kind} prices of {comparison.region}. AWS Batch chooses among the types that are"
        " allowed, and gives each scan the memory that it has now."
    )
    if not comparison.is_complete:
        lines.append("The price of some types is not known: their sums have disk and address only.")
    return lines


def _row(comparison: InstanceComparison, offer: InstanceOffer, *, is_labelled: bool = False) -> list[Text | str]:
    cells: list[Text | str] = [offer.instance_type, f"{offer.scans_on_each}"]
    if is_labelled:
        cells[1] = f"{counted(offer.scans_on_each, 'scan')} on each"
    for count in comparison.scan_counts:
        run = offer.run_of(count)
        text = "-" if run is None else f"{usd_text(run.usd)}, {span_text(run.finish_hours)}"
        cells.append(f"{count:,} scans: {text}" if is_labelled else text)
    cells.append(offer.why_not or ("allowed" if offer.is_allowed else "not allowed"))
    return cells
