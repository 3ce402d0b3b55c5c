"""Shows costs: the estimate before a run, the bill during and after it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from opsctl.commands.costs.cost import RunCost
from opsctl.core.costs.bill import NOT_INCLUDED
from opsctl.core.costs.estimate import Estimate, about_text, usd_text
from opsctl.core.costs.forecast import NOT_FORECAST, Forecast
from opsctl.core.costs.money import estimate_money, spent, total
from opsctl.core.platform.platform import Platform
from opsctl.render.page import table
from opsctl.render.screen import Screen, counted, duration_text


def charged_text(usd: float, *, is_local: bool, is_complete: bool = True) -> str:
    """What attempts have cost, and what the sum stands for: `about $12.30 charged` (`opsctl.core.costs.money`).

    Parameters
    ----------
    is_complete
        False: the instance's price is unknown, and `usd` is a lower bound.
    """
    return spent(usd, is_local=is_local, is_complete=is_complete).text


def estimate_lines(estimate: Estimate, platform: Platform, spent: float = 0.0) -> list[str]:
    """The estimated cost of a run, shown before the question.

    Parameters
    ----------
    spent
        What was already spent on these scans, USD; not part of the estimate.
    """
    money = estimate_money(estimate, is_local=platform.is_local)
    bound = "at most" if estimate.is_upper_bound else "about"
    lines = [
        f"{money.text}{_band_text(estimate)} ({usd_text(estimate.usd_per_scan)} a scan); {bound}"
        f" {duration_text(estimate.wall_hours * 3600)} on AWS{_at_once_text(estimate)}",
        *(f"  {part}" for part in estimate.basis.split("; ")),
    ]
    if spent:
        lines.append(f"  spent already: {about_text(spent)}")
    return lines


def _band_text(estimate: Estimate) -> str:
    """`, $29.00 to $55.00`; empty where only a bound is known."""
    if estimate.is_upper_bound or not estimate.is_complete or not estimate.high_usd:
        return ""
    return f", {usd_text(estimate.low_usd)} to {usd_text(estimate.high_usd)}"


def _at_once_text(estimate: Estimate) -> str:
    return f", {counted(estimate.at_once, 'scan')} at once" if estimate.at_once < estimate.scan_count else ""


def show_cost(screen: Screen, cost: RunCost, *, by_scan: bool) -> None:
    """Show a run's bill: the total, its parts, and the source of the prices."""
    screen.answer(Text(cost.run.run_id, style="bold"))
    if by_scan:
        for row in table(_scan_rows(cost), room=screen.data.room, right=(1, 2)) or [Text("no attempt has started yet")]:
            screen.answer(row)
        screen.answer()
    for line in _bill_lines(cost):
        screen.answer(line)
    if cost.forecast is not None:
        for line in _forecast_lines(cost.forecast, is_local=cost.is_local):
            screen.answer(line)
        for part in cost.forecast.basis.split("; "):
            screen.say(f"  {part}", style="dim")
        screen.say(f"  {NOT_FORECAST}", style="dim")
    else:
        screen.say(f"  {cost.own.basis}", style="dim")
    screen.say(f"  {NOT_INCLUDED}", style="dim")


def show_costs(screen: Screen, costs: Sequence[RunCost]) -> None:
    """Show a line for each run, and the total: each attempt is counted in the run that submitted it."""
    if not costs:
        screen.say("There is no run yet: `opsctl run DATASET` starts one.")
        return
    rows = []
    for cost in costs:
        money = cost.money.text
        lost = f", {counted(cost.own.lost_attempts, 'lost attempt')}" if cost.own.lost_attempts else ""
        scans = counted(len(cost.own.by_scan), "scan")
        rows.append((cost.run.run_id, money, f"({scans}{lost})"))
    for line in table([*rows, ("total", total(cost.money for cost in costs).text, "")], room=screen.data.room):
        screen.answer(line)
    for source in dict.fromkeys(cost.rates.source for cost in costs):
        screen.say(f"  {source}", style="dim")
    screen.say(f"  {NOT_INCLUDED}", style="dim")


def _bill_lines(cost: RunCost) -> list[str]:
    own_bill = cost.own
    counts = ", ".join(
        [counted(len(own_bill.by_scan), "scan"), counted(own_bill.attempts, "attempt"), _hours_text(own_bill.hours)]
    )
    lines = [
        cost.money.text,
        f"  {counts}",
    ]
    if own_bill.usd_per_scan is not None:
        lines.append(f"  {about_text(own_bill.usd_per_scan)} a scan")
    if own_bill.lost_attempts:
        lost = counted(own_bill.lost_attempts, "lost attempt")
        # An attempt of the preview says nothing about what m2g's would cost.
        lines.append(f"  {about_text(own_bill.lost_usd)} of it for {lost}" if own_bill.lost_usd else f"  {lost}")
    if cost.run.is_grown:
        lines.append("  not in it: the attempts that ran out of memory, which earlier runs paid (`opsctl cost --all`)")
    if cost.adopted is not None:
        count = len(cost.run.scans) - cost.run.submitted_count
        earlier = cost.adopted.money(is_local=cost.is_local).sum_text
        lines.append(f"  not in it: {counted(count, 'scan')} taken over from earlier runs, {earlier}")
    return lines


def _forecast_lines(forecast: Forecast, *, is_local: bool) -> list[str]:
    if not forecast.running and not forecast.waiting:
        return ["at its end: the same, because all its jobs have ended"]
    money, band = forecast.money(is_local=is_local), ""
    if money.bound == "about":
        band = f", {usd_text(forecast.low_usd)} to {usd_text(forecast.high_usd)}"
    counts = f"{forecast.ended:,} ended, {forecast.running:,} running, {forecast.waiting:,} waiting"
    return [f"at its end: {money.text}{band}", f"  {counted(forecast.scans, 'scan')}: {counts}"]


def _scan_rows(cost: RunCost) -> list[tuple[str, str, str, str]]:
    bills = {**cost.own.by_scan, **(cost.adopted.by_scan if cost.adopted else {})}
    rows = []
    for index in sorted(bills):
        bill = bills[index]
        notes = [counted(bill.attempts, "attempt")]
        notes += [f"{bill.lost} lost"] if bill.lost else []
        notes += ["in an earlier run"] if index >= cost.run.submitted_count else []
        rows.append((cost.run.scans[index], usd_text(bill.usd), _hours_text(bill.hours), ", ".join(notes)))
    return rows


def _hours_text(hours: float) -> str:
    return duration_text(hours * 3600)
