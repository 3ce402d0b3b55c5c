"""Shows the answer of `why`: the explanation of each group of scans, and what to do."""

from __future__ import annotations

from rich.text import Text

from opsctl.core.diagnosis.why import Answer, Explanation
from opsctl.core.harmless import harmless, shortened
from opsctl.core.runs.attempt import Attempt
from opsctl.render.screen import Screen, counted, duration_text

_NAMES_SHOWN = 5
_WORDS_SHOWN = 300


def show_why(screen: Screen, answer: Answer) -> None:
    """Show failures first, then waiting scans, then what is not visible to the caller."""
    screen.say(answer.run_id, style="bold")
    if answer.is_calm:
        screen.data.print(_calm_text(answer))
    for explanation in answer.explanations:
        _show(screen, explanation)
    for note in answer.notes:
        screen.say(f"  {harmless(note)}", style="dim")
    if answer.hidden:
        screen.warn("This could explain more, and is hidden:")
        for hidden in answer.hidden:
            screen.say(f"  {harmless(hidden.sentence)}", style="yellow")


def _calm_text(answer: Answer) -> str:
    """`nothing to explain: 12 done, 3 running since 4 min`."""
    done, running = answer.counts.get("DONE", 0), answer.counts.get("RUNNING", 0)
    parts = [f"{done} done"] if done or not running else []
    if running:
        parts.append(f"{running} running since {duration_text(answer.running_seconds)}")
    return f"nothing to explain: {', '.join(parts)}"


def _show(screen: Screen, explanation: Explanation) -> None:
    if explanation.kind in ("failed", "waiting"):
        verb = {"failed": "failed", "waiting": "wait" if len(explanation.scans) > 1 else "waits"}[explanation.kind]
        head = explanation.scans[0] if len(explanation.scans) == 1 else counted(len(explanation.scans), "scan")
        style = "red" if explanation.kind == "failed" else "cyan"
        screen.data.print(Text.assemble((f"{harmless(head)} {verb}", style), f": {harmless(explanation.title)}"))
        if len(explanation.scans) > 1:
            more = (
                f", … and {len(explanation.scans) - _NAMES_SHOWN} more" if len(explanation.scans) > _NAMES_SHOWN else ""
            )
            screen.say(f"  {harmless(', '.join(explanation.scans[:_NAMES_SHOWN]))}{more}", style="dim")
    for finding in explanation.findings:
        doubt = "" if finding.sure == "certain" else " (likely)"
        if finding.what:
            screen.data.print(Text(f"  {harmless(finding.what)}{doubt}"))
        if finding.do:
            screen.data.print(Text.assemble(("    → ", "green"), harmless(finding.do)))
    if explanation.kind == "failed" and explanation.words:
        screen.say(f"  in its own words: {shortened(harmless(explanation.words), _WORDS_SHOWN)}", style="dim")
    for attempt in explanation.attempts:
        screen.say(f"  {harmless(_attempt_text(attempt))}", style="dim")
    for what, where in explanation.places.items():
        screen.say(f"  {what}: {harmless(where)}")


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
        parts.append("runs, or was lost without a word")
    return ", ".join(parts) + (f": {shortened(attempt.reason, _WORDS_SHOWN)}" if attempt.reason else "")
