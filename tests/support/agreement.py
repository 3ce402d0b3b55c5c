"""Whether all verbs say the same of a run's scans, and whether it is true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from opsctl.core.runs.manifest import Run
from opsctl.core.runs.status import ACTIVE
from support.history_world import HistoryWorld
from support.run_views import Told, View
from support.true_history import TrueScan, truth_of

#: Two sums in USD that differ by less are the same.
CENT = 0.01
#: They tell of a scan in all runs into its output location, and so of the latest that has a job of it.
_ACROSS_RUNS = ("audit", "run")


def ensure_agreement(world: HistoryWorld) -> None:
    """Assert that all verbs agree with each other, and with the truth, about every scan of every run."""
    runs = world.runs()
    problems = [
        sentence for number, run in enumerate(runs) for sentence in disagreements(world, run, later=runs[number + 1 :])
    ]
    assert not problems, "\n".join(["The verbs disagree:", *problems])


def disagreements(world: HistoryWorld, run: Run, *, later: Sequence[Run] = ()) -> list[str]:
    """What does not hold, a sentence each.

    Parameters
    ----------
    later
        The runs that were typed afterwards.
    """
    told, truth = Told(world, run), truth_of(world, run)
    views = told.views()
    sentences = []
    run_again = {name for other in later for name in other.scans}
    for name in run.scans:
        own = {
            verb: by_scan[name]
            for verb, by_scan in views.items()
            if name in by_scan and (verb not in _ACROSS_RUNS or (truth[name].is_found and name not in run_again))
        }
        sentences += [f"{run.run_id} {name}: {sentence}" for sentence in _about_scan(own, truth[name])]
    sentences += [f"{run.run_id}: {sentence}" for sentence in _about_run(told, views)]
    for verb, names in told.never_submitted().items():
        wrong = sorted(name for name in names if name in truth and truth[name].has_trace)
        if wrong and verb not in _ACROSS_RUNS:
            sentences.append(f"{run.run_id}: {verb} says never submitted of {', '.join(wrong)}")
    return sentences


def _about_scan(views: Mapping[str, View], truth: TrueScan) -> list[str]:
    sentences = []
    if any(not _same_state(a.state, b.state) for a, b in combinations(views.values(), 2)):
        sentences.append(_told("states", views, "state"))
    elif any(not _same_state(view.state, truth.state) for view in views.values()):
        sentences.append(f"{_told('states', views, 'state')}, but it is {truth.state}")
    if len(_values(views, "cause")) > 1:
        sentences.append(_told("causes", views, "cause"))
    attempts = _values(views, "attempts")
    if len(attempts) > 1:
        sentences.append(_told("attempts", views, "attempts"))
    elif any(count not in truth.known_attempts for count in attempts):
        sentences.append(f"{_told('attempts', views, 'attempts')}, but there were {list(truth.known_attempts)}")
    sums = [view.usd for view in views.values() if view.usd is not None]
    least, most = truth.usd
    if max(sums) - min(sums) > CENT:
        sentences.append(_told("costs", views, "usd"))
    elif not least - CENT <= min(sums) <= max(sums) <= most + CENT:
        sentences.append(f"{_told('costs', views, 'usd')}, but it is {least:.3f} to {most:.3f}")
    return sentences


def _about_run(told: Told, views: Mapping[str, Mapping[str, View]]) -> list[str]:
    sentences = []
    states = [view.state for view in views["status --json"].values()]
    counts = {
        "DONE": states.count("DONE"),
        "FAILED": states.count("FAILED"),
        "ACTIVE": sum(state in ACTIVE for state in states),
    }
    for verb, counted in told.counts().items():
        if counted != counts:
            sentences.append(f"{verb} counts {counted}, status --json {counts}")
    count = told.run.submitted_count
    in_flight = sum(scan.state in ACTIVE and scan.is_submitted for scan in told.whole.scans if scan.index < count)
    if told.spent(usd_per_scan=0.0).in_flight != in_flight:
        sentences.append(f"--max-spend counts {told.spent(usd_per_scan=0.0).in_flight} in flight, not {in_flight}")
    own = told.run.scans[:count]
    usd = sum(views["cost"][name].usd or 0.0 for name in own)
    for verb, total in told.totals().items():
        if abs(total - usd) > CENT:
            sentences.append(f"{verb} adds up to {total:.3f}, its scans by cost to {usd:.3f}")
    return sentences


def _same_state(a: str | None, b: str | None) -> bool:
    return a is None or b is None or a == b or (a == "ACTIVE" and b in ACTIVE) or (b == "ACTIVE" and a in ACTIVE)


def _values(views: Mapping[str, View], field: str) -> set[Any]:
    return {value for view in views.values() if (value := getattr(view, field)) is not None}


def _told(what: str, views: Mapping[str, View], field: str) -> str:
    by_value: dict[str, list[str]] = {}
    for verb, view in views.items():
        value = getattr(view, field)
        if value is not None:
            by_value.setdefault(f"{value:.3f}" if isinstance(value, float) else str(value), []).append(verb)
    return f"{what}: " + "; ".join(f"{value or 'none'} ({', '.join(verbs)})" for value, verbs in by_value.items())
