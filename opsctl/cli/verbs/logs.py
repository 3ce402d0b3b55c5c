"""`logs`: the log lines of a run's jobs; `run --follow` follows with it too."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile, RunId, Scans
from opsctl.core.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.commands.logs.reader import LogReader
    from opsctl.commands.retry import RetryPolicy
    from opsctl.commands.runs.snapshot import SnapshotReader
    from opsctl.core.logs.absence import Absence
    from opsctl.core.logs.log_line import LineFilter

_SOME_FAILED = 1
_LAST_FOLLOWING = 10
_TAIL_OF_FAILED = 20

_POLL_SECONDS = 1.0
#: The account shares Batch's API limits: on AWS the status is asked for once in so many polls.
_STATUS_POLLS_ON_AWS = 5
#: CloudWatch shows a line seconds after it was written, and half a minute after at busy times.
_LATE_POLLS_ON_AWS = 30
#: Lines of a job that ended less than this ago may still come.
_LATE = timedelta(minutes=5)

#: How long to retry: AWS and the network come back; a local platform that has ended does not.
_TIMEOUT_SECONDS = 1800.0
_LOCAL_TIMEOUT_SECONDS = 10.0


def logs(
    scans: Scans = None,
    *,
    following: Annotated[
        bool,
        typer.Option(
            "--follow", "-f", help="Show new lines until the run is over. Exit code 1 means that a scan failed."
        ),
    ] = False,
    failed: Annotated[
        bool,
        typer.Option(
            "--failed",
            help=f"Only scans that failed: the last {_TAIL_OF_FAILED} lines of each. Use --tail for more or fewer.",
        ),
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="Only lines since then: 30m, 2h or 1d ago, or 2026-11-22T10:00 (with Z: UTC).",
        ),
    ] = None,
    grep: Annotated[
        str | None,
        typer.Option("--grep", metavar="TEXT", help="Only lines that match this text or regular expression."),
    ] = None,
    tail: Annotated[
        int | None,
        typer.Option(
            "--tail",
            "-n",
            min=0,
            metavar="N",
            help=f"Only the last N lines of each scan. Default: all; {_TAIL_OF_FAILED} with --failed; with --follow"
            f" the last {_LAST_FOLLOWING} lines of the run.",
        ),
    ] = None,
    attempt: Annotated[
        int | None, typer.Option("--attempt", min=1, metavar="N", help="Only the N-th attempt of each scan.")
    ] = None,
    timestamps: Annotated[bool, typer.Option("--timestamps", "-t", help="Show the time of each line (UTC).")] = False,
    run_id: RunId = None,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Show the jobs' logs, each line with its scan's name.

    Ctrl-C stops watching, never the jobs.

    Example: opsctl logs --follow
    """
    from opsctl.core.logs.since import moment_of

    moment = moment_of(since, now=datetime.now(UTC)) if since is not None else None
    context = Context(platform_name=platform, profile=profile)
    context.begin_reading_runs(run_id)

    from opsctl.core.logs.log_line import Grep, LineFilter
    from opsctl.core.runs.names import find_scans

    with context.screen.waiting("asking"):
        snapshots = context.snapshots(run_id)
    if failed and tail is None:
        tail = _TAIL_OF_FAILED
    line_filter = LineFilter(
        indices=frozenset(find_scans(snapshots.run.scans, scans)) if scans else None,
        failed_only=failed,
        attempt=attempt,
        since_ms=int(moment.timestamp() * 1000) if moment is not None else None,
        grep=Grep(grep) if grep is not None else None,
        tail=tail,
        last=_LAST_FOLLOWING if following and tail is None and since is None else None,
    )
    with context.screen.waiting("asking"):
        reader = _log_reader(context, snapshots, line_filter)
    if following:
        follow_to_end(context, reader, as_json=as_json, with_time=timestamps)
    else:
        _show(context, reader, as_json=as_json, with_time=timestamps)


def open_reader(context: Context, run_id: str) -> LogReader:
    """The reader of all lines of a run."""
    from opsctl.core.logs.log_line import LineFilter

    return _log_reader(context, context.snapshots(run_id), LineFilter())


def _log_reader(context: Context, snapshots: SnapshotReader, line_filter: LineFilter) -> LogReader:
    from opsctl.commands.logs.reader import LogReader
    from opsctl.commands.logs.streams import LogStreams

    return LogReader(
        snapshots,
        logs=context.logs,
        records=context.records,
        streams=LogStreams(snapshots),
        line_filter=line_filter,
        now=lambda: datetime.now(UTC),
    )


def follow_to_end(context: Context, reader: LogReader, *, as_json: bool, with_time: bool = False) -> None:
    """Print a run's lines until it has ended; exit 1 when some scans failed.

    Raises
    ------
    Interrupted
        After Ctrl-C, which stops watching and nothing else.
    """
    from opsctl.cli.growth import grow
    from opsctl.commands.logs.follow import follow
    from opsctl.commands.retry import with_retry
    from opsctl.core.logs.log_line import LogLine
    from opsctl.core.sizing.growth import outgrown_scans
    from opsctl.render.logs import LogView

    view = LogView(context.screen, names=reader.names, as_json=as_json, with_time=with_time)
    context.screen.say(f"{reader.run.run_id}: Ctrl-C stops watching, the jobs go on", style="dim")
    retry = _retry_policy(context)
    is_local = context.platform.is_local
    status_polls, late_polls = (1, 0) if is_local else (_STATUS_POLLS_ON_AWS, _LATE_POLLS_ON_AWS)
    count = 0
    try:
        for event in follow(
            reader,
            sleep=time.sleep,
            retry=retry,
            status_polls=status_polls,
            late_polls=late_polls,
            has_late_lines=not is_local,
        ):
            view.show(event)
            count += isinstance(event, LogLine)
            if view.is_unread:
                return
        snapshot = with_retry(reader.snapshots.progress, retry, sleep=time.sleep, on_fault=view.hitch)
        status = snapshot.with_costs(context.pricing(reader.run))
    except KeyboardInterrupt as error:
        raise Interrupted(
            "Stopped watching; the jobs go on.", f"`opsctl logs --follow --run {reader.run.run_id}` watches again."
        ) from error
    if not count and reader.has_scans and not reader.line_filter.is_narrow:
        view.show_none(_absence(context, reader, reader.selected_names))
    view.show_end(status)
    if (grown := grow(context, status)) is not None:
        follow_to_end(context, open_reader(context, grown), as_json=as_json, with_time=with_time)
        reported = reader.reported_indices - {scan.index for scan in outgrown_scans(status)}
        if any(scan.index in reported for scan in status.failed):
            raise typer.Exit(_SOME_FAILED)
        return
    if any(scan.index in reader.reported_indices for scan in status.failed):
        raise typer.Exit(_SOME_FAILED)


def _show(context: Context, reader: LogReader, *, as_json: bool, with_time: bool) -> None:
    """Show the lines that there are now: with `--tail` scan by scan, else by time."""
    from opsctl.commands.retry import with_retry
    from opsctl.core.logs.absence import Absence
    from opsctl.render.logs import LogView

    view = LogView(context.screen, names=reader.names, as_json=as_json, with_time=with_time)
    retry = _retry_policy(context)
    run_id = reader.run.run_id
    with_lines: set[str] = set()
    position = {name: number for number, name in enumerate(reader.names)}
    with context.screen.waiting("asking"):
        with_retry(reader.ask_which_failed, retry, sleep=time.sleep, on_fault=view.hitch)
    while not reader.is_whole and not view.is_unread:
        with context.screen.waiting("reading"):
            lines = with_retry(
                reader.lines, retry, sleep=time.sleep, on_fault=view.hitch, progress=lambda: reader.pages
            )
        with_lines |= {line.scan for line in lines}
        if reader.line_filter.tail is not None:
            lines = sorted(lines, key=lambda line: position[line.scan])
        for line in lines:
            view.show(line)
    without_lines = [name for name in reader.selected_names if name not in with_lines]
    is_each = reader.line_filter.failed_only or reader.line_filter.indices is not None
    if view.is_unread:
        return
    if not reader.has_scans:
        view.show_none(Absence(f"No scan of {run_id} has failed."))
    elif reader.line_filter.is_narrow:
        if not with_lines:
            view.show_none(Absence(f"{run_id} has no such lines."))
    elif not with_lines or (is_each and without_lines):
        with context.screen.waiting("asking"):
            with_retry(reader.status, retry, sleep=time.sleep, on_fault=view.hitch)
        view.show_none(_absence(context, reader, without_lines))


def _absence(context: Context, reader: LogReader, names: Sequence[str]) -> Absence:
    """Why these scans have no lines, by the status that the reader has read last."""
    from opsctl.core.logs.absence import absence

    results = reader.snapshots.on_s3.results().values()
    latest = max((datetime.fromisoformat(result.stopped_at) for result in results), default=None)
    # The local platform has a line as soon as it is written.
    is_late = not context.platform.is_local and latest is not None and abs(datetime.now(UTC) - latest) < _LATE
    started = {result.index for result in results} | {attempt.index for attempt in reader.snapshots.on_s3.attempts()}
    started_names = {reader.run.scans[index] for index in started}
    return absence(
        run_id=reader.run.run_id,
        scans=[name for name in names if name in started_names] or names,
        is_whole_run=reader.line_filter.indices is None and not reader.line_filter.failed_only,
        is_over=(reader.is_over or reader.line_filter.failed_only) and not is_late,
        has_started=not started_names.isdisjoint(names),
        has_failed=len([result for result in results if result.succeeded]) < len(reader.run.remaining),
        has_done=any(result.succeeded for result in results),
    )


def _retry_policy(context: Context) -> RetryPolicy:
    from opsctl.commands.retry import RetryPolicy

    timeout = _LOCAL_TIMEOUT_SECONDS if context.platform.is_local else _TIMEOUT_SECONDS
    return RetryPolicy(poll_seconds=_POLL_SECONDS, timeout_seconds=timeout, clock=time.monotonic)
