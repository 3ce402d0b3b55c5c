"""The answer of `why` for people: what explains each group of scans, and what to do."""

from __future__ import annotations

from rich.text import Text

from opsctl.core.diagnosis.why import Answer, Explanation
from opsctl.core.runs.attempt import Attempt
from opsctl.render.screen import Screen, counted, duration_text, harmless

_NAMES_SHOWN = 5
_WORDS_SHOWN = 300


def show_why(screen: Screen, answer: Answer) -> None:
    """Failures first, then what waits; then what could not be looked at."""
    screen.say(answer.run_id, style="bold")
    if answer.is_calm:
        screen.data.print(_calm(answer))
    for one in answer.explanations:
        _show(screen, one)
    for note in answer.notes:
        screen.say(f"  {harmless(note)}", style="dim")
    if answer.hidden:
        screen.warn("This could explain more, and is hidden:")
        for hidden in answer.hidden:
            screen.say(f"  {harmless(hidden.sentence)}", style="yellow")


def _calm(answer: Answer) -> str:
    """`nothing to explain: 12 done, 3 running since 4 min`."""
    done, running = answer.counts.get("DONE", 0), answer.counts.get("RUNNING", 0)
    words = [f"{done} done"] if done or not running else []
    if running:
        words.append(f"{running} running since {duration_text(answer.running_seconds)}")
    return f"nothing to explain: {', '.join(words)}"


def _show(screen: Screen, one: Explanation) -> None:
    if one.kind in ("failed", "waiting"):
        verb = {"failed": "failed", "waiting": "wait" if len(one.scans) > 1 else "waits"}[one.kind]
        head = one.scans[0] if len(one.scans) == 1 else counted(len(one.scans), "scan")
        style = "red" if one.kind == "failed" else "cyan"
        screen.data.print(Text.assemble((f"{harmless(head)} {verb}", style), f": {harmless(one.title)}"))
        if len(one.scans) > 1:
            more = f", … and {len(one.scans) - _NAMES_SHOWN} more" if len(one.scans) > _NAMES_SHOWN else ""
            screen.say(f"  {harmless(', '.join(one.scans[:_NAMES_SHOWN]))}{more}", style="dim")
    for finding in one.findings:
        doubt = "" if finding.sure == "certain" else " (likely)"
        # The heading has said it already where it is all there is to say.
        if doubt or finding.what.casefold().rstrip(".") != one.title.casefold().rstrip("."):
            screen.data.print(Text(f"  {harmless(finding.what)}{doubt}"))
        if finding.do:
            screen.data.print(Text.assemble(("    → ", "green"), harmless(finding.do)))
    if one.kind == "failed" and one.words:
        screen.say(f"  in its own words: {harmless(one.words)[:_WORDS_SHOWN]}", style="dim")
    for attempt in one.attempts:
        screen.say(f"  {harmless(_attempt(attempt))}", style="dim")
    for what, where in one.places.items():
        screen.say(f"  {what}: {harmless(where)}")


def _attempt(one: Attempt) -> str:
    """One attempt and its end on a line."""
    words = [f"attempt {one.number}"]
    if one.started_at:
        words.append(f"from {one.started_at}")
    if one.seconds is not None:
        words.append(f"{duration_text(one.seconds)}")
    if one.exit_code is not None:
        words.append(f"exit code {one.exit_code}")
    if one.stopped_at is None and one.exit_code is None and not one.reason:
        words.append("runs, or was lost without a word")
    return ", ".join(words) + (f": {one.reason[:_WORDS_SHOWN]}" if one.reason else "")
