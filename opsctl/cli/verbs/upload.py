"""`upload`: copy a local BIDS dataset into the data bucket."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, PlatformName, Profile

if TYPE_CHECKING:
    from opsctl.commands.dataset.folder import Folder
    from opsctl.commands.dataset.upload import Sending, Upload
    from opsctl.core.location import Location
    from opsctl.core.runs.m2g_options import Pipeline
    from opsctl.render.screen import Screen


def upload(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a BIDS dataset.")],
    *,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="DATASET", help="The name of the dataset. Default: the name of the folder."),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(
            "--include",
            metavar="GLOB",
            help="Also send files that are left out by default, such as `sourcedata`. May be repeated.",
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude",
            metavar="GLOB",
            help="Do not send these files, such as `sub-03` or `*_bold.*`. May be repeated.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Check the scans first, as `opsctl check DIR` does. Send nothing if m2g cannot process one."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent, and send nothing.")] = False,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Copy a BIDS dataset to the data bucket.

    A second upload sends only what has changed. sourcedata/, code/, derivatives/ and hidden files are left out unless
    --include names them. Files that cannot be read are listed, the others are sent; the exit code is 1 then.

    Example: opsctl upload sample --name HNU1
    """
    from opsctl.commands.dataset.folder import Folder
    from opsctl.commands.dataset.upload import Sending, compare, send
    from opsctl.commands.dataset.upload import as_json as json_of
    from opsctl.core.dataset.upload_selection import UploadSelection
    from opsctl.core.dataset_argument import folder_argument
    from opsctl.core.errors import Interrupted, Problem
    from opsctl.core.location import Location, check_label
    from opsctl.render.upload import sending_bar, show_plan, show_sent

    dataset = check_label(name or folder.resolve().name, option="--name")
    context = Context(platform_name=platform, profile=profile)
    screen = context.screen
    location = Location(context.platform.data_bucket, dataset)
    selection = UploadSelection(include=include or (), exclude=exclude or ())
    again = _command(folder, name, selection.include, selection.exclude)
    sending = Sending()
    try:
        with screen.waiting(f"comparing {folder} with {location.uri}"):
            difference = compare(folder, location, context.storage, selection)
    except KeyboardInterrupt as error:
        raise Interrupted("Stopped. Nothing was sent.") from error
    if check:
        _check(context, Folder(folder, location, selection=selection), pipeline=difference.pipeline)
    elif not dry_run and difference.files:
        screen.say(
            f"`{shlex.join(['opsctl', 'check', folder_argument(str(folder))])}` finds scans that m2g cannot process."
        )
    if not dry_run:
        try:
            with sending_bar(screen, difference, sending):
                send(difference, context.storage, sending)
        except KeyboardInterrupt as error:
            raise Interrupted(f"Stopped. {_reached(difference, sending)}", f"`{again}` sends the rest.") from error
        except Problem as problem:
            if sending.sent:
                problem.add_sentence(f"{_reached(difference, sending)} `{again}` sends the rest.")
            raise
        show_sent(screen, difference, sending)
        context.records.completion_cache.dataset(location.prefix)
    elif not as_json:
        show_plan(screen, difference)
    if as_json:
        screen.json(json_of(difference, sending, is_dry_run=dry_run))
    is_whole = _show_rest(screen, difference, sending, folder, name, selection.include, selection.exclude)
    if not dry_run:
        _offer_next(context, dataset, location, pipeline=difference.pipeline)
    if not is_whole:
        raise typer.Exit(1)


def _check(context: Context, files: Folder, *, pipeline: Pipeline) -> None:
    """Judge the scans that would be sent by their headers.

    Raises
    ------
    Problem
        If m2g cannot process one of them.
    """
    from opsctl.assets import entity_patterns
    from opsctl.commands.dataset.check import check
    from opsctl.commands.dataset.discovery import Query, find
    from opsctl.commands.dataset.headers import Headers
    from opsctl.core.errors import ErrorCode, Problem
    from opsctl.render.check import summary_line, verdict_lines
    from opsctl.render.screen import counted

    query = Query(dataset=files.location, pipeline=pipeline)
    with context.screen.waiting("checking scans"):
        scans = find(query, files, patterns=entity_patterns()).chosen
        verdicts = check(scans, Headers(files), root_volume_gib=context.platform.root_volume_gib, on_scan=lambda: None)
    wrong = [verdict for verdict in verdicts if verdict.level == "wrong"]
    for line in verdict_lines(wrong, room=context.screen.data.room):
        context.screen.say(line.plain)
    if wrong:
        raise Problem(
            f"Nothing was sent: m2g cannot process {len(wrong):,} of {counted(len(scans), 'scan')}.",
            "Correct the files, or leave --check out to send everything.",
            code=ErrorCode.INPUT_INVALID,
        )
    context.screen.say(summary_line(verdicts))


def _show_rest(
    screen: Screen,
    upload: Upload,
    sending: Sending,
    folder: Path,
    name: str | None,
    include: Sequence[str],
    exclude: Sequence[str],
) -> bool:
    """Say what was not sent; returns whether every file that should be sent was."""
    from opsctl.render.upload import show_faults, show_left_out

    show_left_out(screen, upload.left_out, command=lambda group: _command(folder, name, [*include, group], exclude))
    faults = [*upload.faults, *sending.failed]
    show_faults(screen, faults, upload.annexed, get_command=upload.get_command)
    return not faults and not upload.annexed


def _offer_next(context: Context, dataset: str, location: Location, *, pipeline: str) -> None:
    other = context.configuration.dataset(dataset)
    if other is not None and other.value.rstrip("/") != location.uri:
        context.screen.warn(f"`opsctl run {dataset}` means {other.value} ({other.source}).")
        dataset = location.uri
    options = " --pipeline func" if pipeline == "func" else ""
    run_options = options or " --sp native"
    context.screen.hints(
        {
            f"opsctl check {dataset}{options}": "find scans that m2g cannot process",
            f"opsctl run {dataset}{run_options}": "process it",
        }
    )


def _reached(upload: Upload, sending: Sending) -> str:
    """`12 of 30 files (3.0 MB of 9.0 MB) reached s3://….`."""
    from opsctl.render.screen import counted, size_text

    size = size_text(sum(sending.sent.values()))
    return (
        f"{len(sending.sent):,} of {counted(len(upload.files), 'file')} "
        f"({size} of {size_text(upload.size_bytes)}) reached {upload.location.uri}."
    )


def _command(folder: Path, name: str | None, include: Sequence[str], exclude: Sequence[str]) -> str:
    """The command as it was typed."""
    words = ["opsctl", "upload", shlex.quote(str(folder))]
    for option, values in (("--name", [name] if name else []), ("--include", include), ("--exclude", exclude)):
        for value in values:
            words += [option, shlex.quote(value)]
    return " ".join(words)
