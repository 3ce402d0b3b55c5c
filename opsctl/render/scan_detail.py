"""One scan of a run whole."""

from __future__ import annotations

from rich.text import Text

from opsctl.commands.runs.scan_detail import ScanDetail
from opsctl.core.diagnosis.causes import cause_of
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Run
from opsctl.render.cost import charged_text
from opsctl.render.screen import Screen, counted, duration_text, harmless, size_text

_FILES_SHOWN = 10


def show_detail(screen: Screen, detail: ScanDetail, *, run: Run) -> None:
    """Its state, what went in, each attempt, what came out, what it cost, and where its logs are."""
    scan = detail.status
    style = {"DONE": "green", "FAILED": "red"}.get(scan.state, "cyan")
    head = Text.assemble((scan.name, "bold"), "  ", (scan.state, style))
    if scan.cause:
        head.append(f"  {harmless(scan.cause)}")
    screen.data.print(head)
    for label, text in [*_in(detail), *_attempts(detail), *_out(detail)]:
        screen.data.print(Text.assemble((f"  {label:<9} ", "dim"), harmless(text)))
    if scan.state == "FAILED":
        help_ = cause_of(scan.cause, run=run).help
        if help_:
            screen.data.print(Text(f"  → {help_}"))


def _in(detail: ScanDetail) -> list[tuple[str, str]]:
    document = detail.document or {}
    lines = [("run", f"{detail.origin.run_id} (scan {detail.origin.index} of it)")]
    if detail.origin.run_id != detail.run_id:
        lines.append(("adopted", f"by {detail.run_id}: the job was there already"))
    lines += [(one["role"], f"{one['uri']} ({size_text(one['size_bytes'])})") for one in document.get("inputs", ())]
    if document:
        lines += [("output", document["output"]), ("key", document["key"])]
    return lines


def _attempts(detail: ScanDetail) -> list[tuple[str, str]]:
    lines = []
    for one in detail.attempts:
        lines.append((f"attempt {one.number}", _attempt_text(one, is_over=detail.status.state in ("DONE", "FAILED"))))
        lines.append(("  job", one.job_id))
        if one.log_stream:
            lines.append(("  stream", one.log_stream))
    return lines


def _attempt_text(one: Attempt, *, is_over: bool) -> str:
    words = [f"began {one.started_at or 'never'}"]
    if one.seconds is not None:
        words.append(f"took {duration_text(one.seconds)}")
    if one.exit_code is not None:
        words.append(f"exit code {one.exit_code}")
    elif one.stopped_at is None:
        words.append("its end is not known" if is_over or one.reason else "not ended yet")
    if one.reason:
        words.append(one.reason)
    return ", ".join(words)


def _out(detail: ScanDetail) -> list[tuple[str, str]]:
    lines = []
    result = detail.result
    if result is not None and result.succeeded:
        size = sum(file.size_bytes for file in result.files)
        lines.append(("files", f"{counted(len(result.files), 'file')}, {size_text(size)}"))
        lines += [("graph", uri) for uri in result.connectomes[:_FILES_SHOWN]]
        if len(result.connectomes) > _FILES_SHOWN:
            lines.append(("", f"and {len(result.connectomes) - _FILES_SHOWN} more (`--json` has all)"))
    if detail.cost is not None:
        lines.append(("cost", charged_text(detail.cost.usd, is_local=detail.is_local)))
    if detail.status.state == "FAILED" and detail.attempts:
        lines.append(("logs", f"{detail.kept_uri} (with its QA), where an attempt could still push them"))
    return lines
