"""Shows the answer of `why`: the explanation of each group of scans, and what to do."""

from __future__ import annotations

from rich.text import Text

from opsctl.core.diagnosis.why import EXPLAINED, Answer, Explanation
from opsctl.core.harmless import harmless, shortened
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.state import DailyState, counts_text
from opsctl.render.screen import Screen, counted, duration_text

_NAMES_SHOWN = 5
_WORDS_SHOWN = 300


def show_why(screen: Screen, answer: Answer) -> None:
    """Show the answer on standard output: failures, cancelled scans, waiting scans; then what could not be seen."""
    screen.answer(Text(answer.run_id, style="bold"))
    if answer.is_calm:
        screen.answer(_calm_text(answer))
    for explanation in answer.explanations:
        _show(screen, explanation)
    for note in answer.notes:
        screen.say(f"  {harmless(note)}", style="dim")
    if answer.hidden:
        screen.warn("This could explain more, and is hidden:")
        for hidden in answer.hidden:
            screen.say(f"  {harmless(hidden.sentence)}", style="yellow")


def _calm_text(answer: Answer) -> str:
    """`Nothing to explain: 3 running, 12 done. The longest has run for 4 min.`"""
    text = f"Nothing to explain: {counts_text(answer.daily_counts)}."
    running = answer.daily_counts.get(DailyState.RUNNING, 0)
    if not running:
        return text
    who = "It has" if running == 1 else "The longest has"
    return f"{text} {who} run for {duration_text(answer.running_seconds)}."


def _show(screen: Screen, explanation: Explanation) -> None:
    if explanation.kind in EXPLAINED:
        is_one = len(explanation.scans) == 1
        head = explanation.scans[0] if is_one else counted(len(explanation.scans), "scan")
        verb, style = {
            "failed": ("failed: ", "red"),
            # "cancelled by ada" tells more than "cancelled".
            "cancelled": ("was " if is_one else "were ", "yellow"),
            "waiting": ("waits: " if is_one else "wait: ", "cyan"),
        }[explanation.kind]
        title = explanation.words or explanation.title if explanation.kind == "cancelled" else explanation.title
        screen.answer(Text.assemble((f"{harmless(head)} {verb}", style), harmless(title)))
        if not is_one:
            rest = len(explanation.scans) - _NAMES_SHOWN
            more = f", … and {rest} more" if rest > 0 else ""
            names = harmless(", ".join(explanation.scans[:_NAMES_SHOWN]))
            screen.answer(Text(f"  {names}{more}", style="dim"))
    for finding in explanation.findings:
        doubt = "" if finding.sure == "certain" else " (likely)"
        if finding.what:
            screen.answer(Text(f"  {harmless(finding.what)}{doubt}"))
        if finding.do:
            screen.answer(Text.assemble(("    → ", "green"), harmless(finding.do)))
    if explanation.kind == "failed" and explanation.words:
        message = shortened(harmless(explanation.words), _WORDS_SHOWN)
        whose = "The first one's message" if len(explanation.scans) > 1 else "Message"
        screen.answer(Text(f"  {whose}: {message}", style="dim"))
    for attempt in explanation.attempts:
        screen.answer(Text(f"  {harmless(_attempt_text(attempt))}", style="dim"))
    for what, where in explanation.places.items():
        screen.answer(Text(f"  {what}: {harmless(where)}"))


def _attempt_text(attempt: Attempt) -> str:
    """One attempt and its end on a line."""
    parts = [f"attempt {attempt.number}"]
    if attempt.started_at:
        parts.append(f"from {attempt.started_at}")
    if attempt.seconds is not None:
        parts.append(f"{duration_text(attempt.seconds)}")
    if attempt.exit_code is not None:
        parts.append(f"exit code {attempt.exit_code}")
    if attempt.stopped_at is None and attempt.exit_code is None and not attempt.reason:
        parts.append("runs, or its end was not recorded")
    return ", ".join(parts) + (f": {shortened(attempt.reason, _WORDS_SHOWN)}" if attempt.reason else "")
