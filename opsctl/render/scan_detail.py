"""Shows the details of one scan of a run."""

from __future__ import annotations

from rich.text import Text

from opsctl.commands.runs.scan_detail import ScanDetail
from opsctl.core.diagnosis.causes import cause_of
from opsctl.core.harmless import harmless
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.manifest import Run
from opsctl.core.runs.scan_key import m2g_image_of, work_of
from opsctl.render.progress import progress_text
from opsctl.render.screen import Screen, counted, duration_text, size_text
from opsctl.render.status import STYLES

_ROWS_SHOWN = 10
#: As many digits of a long digest tell two of them apart; `--json` has all.
_SHOWN_DIGITS = 12


def show_detail(screen: Screen, detail: ScanDetail, *, run: Run) -> None:
    """Show a scan's state, inputs, attempts, outputs, cost, and where its logs are."""
    scan = detail.status
    head = Text.assemble((scan.name, "bold"), "  ", (str(scan.daily), STYLES[scan.daily]))
    if scan.cause:
        head.append(f"  {harmless(scan.cause)}")
    screen.answer(head)
    if detail.progress is not None:
        screen.answer(Text(f"  {progress_text(detail.progress)}"))
    for label, text in [*_warning_rows(detail), *_input_rows(detail), *_attempt_rows(detail), *_output_rows(detail)]:
        screen.answer(Text.assemble((f"  {label:<9} ", "dim"), harmless(text)))
    if scan.state == "FAILED":
        help_ = cause_of(scan.reason, run=run, scan=scan.name).help
        if help_:
            screen.answer(Text(f"  → {help_}"))


def _warning_rows(detail: ScanDetail) -> list[tuple[str, str]]:
    warnings = detail.status.warnings
    rows = [("look at", warning.text) for warning in warnings[:_ROWS_SHOWN]]
    if len(warnings) > _ROWS_SHOWN:
        rows.append(("", f"and {len(warnings) - _ROWS_SHOWN} more (`--json` has all)"))
    return rows


def _input_rows(detail: ScanDetail) -> list[tuple[str, str]]:
    document = detail.document or {}
    lines = [("run", f"{detail.origin.run_id} (scan {detail.origin.index} of it)")]
    if detail.origin.run_id != detail.run_id:
        lines.append(("adopted", f"by {detail.run_id}: the job was there already"))
    lines += [(file["role"], f"{file['uri']} ({size_text(file['size_bytes'])})") for file in document.get("inputs", ())]
    if document:
        key = document["key"]
        lines += [("output", document["output"]), ("work", work_of(key)[:_SHOWN_DIGITS])]
        lines += [("m2g", m2g_image_of(key))] if m2g_image_of(key) else []
    return lines


def _attempt_rows(detail: ScanDetail) -> list[tuple[str, str]]:
    lines = []
    is_over = detail.status.state in ("DONE", "FAILED")
    for attempt in detail.attempts:
        lines.append((f"attempt {attempt.number}", _attempt_text(attempt, is_over=is_over)))
        lines.append(("  job", attempt.job_id))
        if attempt.log_stream:
            lines.append(("  stream", attempt.log_stream))
    return lines


def _attempt_text(attempt: Attempt, *, is_over: bool) -> str:
    parts = [f"began {attempt.started_at or 'never'}"]
    if attempt.seconds is not None:
        parts.append(f"took {duration_text(attempt.seconds)}")
    if attempt.exit_code is not None:
        parts.append(f"exit code {attempt.exit_code}")
    elif attempt.stopped_at is None:
        parts.append("its end is not known" if is_over or attempt.reason else "not ended yet")
    if attempt.phase is not None and attempt.exit_code != 0:
        parts.append(f"last in {attempt.phase.text}")
    if attempt.reason:
        parts.append(attempt.reason)
    return ", ".join(parts)


def _output_rows(detail: ScanDetail) -> list[tuple[str, str]]:
    lines = []
    result = detail.result
    if result is not None and result.succeeded:
        size = sum(file.size_bytes for file in result.files)
        lines.append(("files", f"{counted(len(result.files), 'file')}, {size_text(size)}"))
        lines += [("graph", uri) for uri in result.connectomes[:_ROWS_SHOWN]]
        if len(result.connectomes) > _ROWS_SHOWN:
            lines.append(("", f"and {len(result.connectomes) - _ROWS_SHOWN} more (`--json` has all)"))
    if result is not None and result.peak_memory_mib:
        disk = f", disk {result.peak_disk_mib:,} MiB" if result.peak_disk_mib else ""
        lines.append(("peak", f"memory {result.peak_memory_mib:,} MiB{disk}"))
    if detail.money is not None:
        lines.append(("cost", detail.money.text))
    if detail.status.state == "FAILED" and detail.attempts:
        lines.append(("logs", f"{detail.failures_uri} (with its QA), where an attempt could still push them"))
    return lines
