"""`run`: from a dataset's name to submitted jobs."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import typer

from opsctl import __version__
from opsctl.cli.context import Context
from opsctl.cli.dataset_source import ReadDataset, naming_folder, read_dataset
from opsctl.cli.defaults import is_typed
from opsctl.cli.instances import show_instances_of_run
from opsctl.cli.option_groups import DatasetSource, M2gFlags, ScanFilters, expanded
from opsctl.cli.options import Dataset
from opsctl.cli.pilot_options import PilotFlags
from opsctl.cli.platform.account_checks import refuse_obstacles
from opsctl.cli.run_look import RunLook
from opsctl.cli.run_wiring import RunWiring
from opsctl.cli.simulating import simulate_plan
from opsctl.cli.submission_flags import SubmissionFlags
from opsctl.cli.what_if_options import WhatIfFlags
from opsctl.core.dataset.selection import Selection
from opsctl.core.errors import Interrupted, UsageProblem
from opsctl.core.openneuro.accession import is_openneuro
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.user_name import user_name

if TYPE_CHECKING:
    from opsctl.cli.notify.notices import Notices
    from opsctl.commands.logs.reader import LogReader
    from opsctl.commands.runs.request import RunRequest
    from opsctl.commands.runs.run import RunOutcome
    from opsctl.commands.runs.run_plan import RunPlan
    from opsctl.core.costs.reserve import Guarantee

#: How many scans a dry run shows on a terminal; in a pipe it shows all.
_MOST_SHOWN = 20


@expanded
def run(
    dataset: Dataset,
    *,
    m2g: M2gFlags,
    filters: ScanFilters,
    source: DatasetSource,
    pilot: PilotFlags,
    submission: SubmissionFlags,
    what_if: WhatIfFlags,
) -> None:
    """Submit a job for each scan of a BIDS dataset.

    Example: opsctl run HNU1 --sp native
    """
    from opsctl.cli.verbs.check import CheckOptions

    is_only_shown = submission.dry_run or submission.simulate
    if is_only_shown and submission.following:
        raise UsageProblem("--dry-run and --simulate send nothing, so there is nothing to --follow.")
    if not submission.simulate:
        what_if.refuse_without_simulation()
    settings = pilot.parsed_settings(is_following=submission.following)
    if settings and submission.simulate:
        raise UsageProblem("--simulate plays through one setting.", "Leave out --settings, and type one of them.")
    selection = pilot.selection(filters, pipeline=m2g.pipeline)
    options = m2g.options
    context = Context(platform_name=submission.platform, profile=submission.profile)
    for doubt in context.configuration.doubts:
        context.screen.warn(doubt)
    read = read_dataset(context, dataset, source, is_hashed=True)
    _refuse_folder(read, dataset, is_dry_run=is_only_shown)
    notices = _notices(context, submission)
    request = _request(read, options=options, selection=selection, t1w=source.t1w, submission=submission)
    typed = [dataset, *filters.words(), *source.words()]
    look = RunLook(
        context,
        read.files,
        check_words=[*typed, *m2g.words(only=CheckOptions.__annotations__)],
        run_words=[*typed, *m2g.words(), *pilot.words(), *submission.words()],
    )
    if settings:
        from opsctl.cli.settings_run import SettingsRun, requests_of

        requests = [_with_pack(context, own, submission) for own in requests_of(settings, request, m2g)]
        with naming_folder(dataset), context.screen.waiting(f"reading {read.shown}"):
            settings_run = SettingsRun(context, settings, requests, read.files, submission=submission, notices=notices)
        settings_run.carry_out(look)
        return
    request = _with_pack(context, request, submission)
    wiring = RunWiring(context, request)
    with naming_folder(dataset), context.screen.waiting(f"reading {read.shown}"):
        plan = wiring.plan(read.files)
    _show_plan(context, plan)
    if submission.simulate:
        simulate_plan(context, plan, wiring, what_if, as_json=submission.as_json)
        return
    plan = settle_earlier_m2g(context, plan, submission)
    if not plan.to_submit():
        _say_nothing_to_do(context, plan, submission, notices)
        return
    refuse_run_obstacles(context, wiring, is_dry_run=submission.dry_run)
    plan = look.without_invalid_scans(
        plan,
        skip_invalid=submission.skip_invalid,
        may_ask=sys.stdin.isatty() and not (submission.yes or submission.dry_run),
    )
    guarantee = _show_work(context, plan, wiring)
    if submission.jobdir is not None:
        from opsctl.commands.runs.run import keep_documents

        keep_documents(plan, submission.jobdir)
    if submission.dry_run:
        _show_dry_run(context, plan, wiring, guarantee, as_json=submission.as_json)
        return
    _ask(context, plan, assume_yes=submission.yes)
    outcome = wiring.carry_out(plan)
    _show_outcome(context, outcome, submission, notices)


def _notices(context: Context, submission: SubmissionFlags) -> Notices:
    """Check where messages go, before anything is read or submitted.

    Raises
    ------
    UsageProblem
        On AWS without `--follow`: no part of opsctl runs there that could send one.
    """
    from opsctl.cli.notify.notices import Notices

    is_sent = submission.following or not submission.notify or context.platform.is_local
    if not is_sent and is_typed("notify"):
        raise UsageProblem(
            "--notify: `run` ends when the jobs are submitted, and on AWS nothing of opsctl's goes on running.",
            "Have AWS send mail (`opsctl up --notify-email ADDRESS`), or wait here: "
            "`opsctl status --wait --notify URL`.",
        )
    return Notices(context, submission.notify if is_sent else None)


def _refuse_folder(read: ReadDataset, typed: str, *, is_dry_run: bool) -> None:
    """Refuse to submit a folder of this machine, which no job can read."""
    if read.folder is not None and not is_dry_run:
        upload, run = shlex.join(["opsctl", "upload", typed]), shlex.join(["opsctl", "run", read.location.name])
        raise UsageProblem(
            f"{typed} is a folder on this machine, and jobs read S3.",
            f"`{upload}` copies it, then `{run}` runs it. --dry-run shows what a run would submit.",
        )


def _request(
    read: ReadDataset,
    *,
    options: M2gOptions,
    selection: Selection,
    t1w: str | None,
    submission: SubmissionFlags,
) -> RunRequest:
    from opsctl.commands.runs.request import RunRequest
    from opsctl.core.location import check_label
    from opsctl.core.runs.manifest import recorded_command_line

    return RunRequest(
        dataset=read.location,
        snapshot=read.snapshot,
        options=options,
        modif=check_label(submission.modif, option="--modif") if submission.modif is not None else None,
        selection=selection,
        t1w=t1w,
        only=submission.only,
        memory_mib=submission.memory,
        grows=not submission.no_grow,
        max_spend_usd=submission.max_spend,
        command_line=recorded_command_line(["opsctl", *sys.argv[1:]]),
        user=user_name(),
        version=__version__,
    )


def _with_pack(context: Context, request: RunRequest, submission: SubmissionFlags) -> RunRequest:
    """The request with the number of scans that `--pack` puts on an instance, and say it.

    Raises
    ------
    UsageProblem
        If it is no number, or `--memory` says the same.
    """
    from dataclasses import replace

    from opsctl.core.sizing.pack_option import parse_pack

    if submission.pack is None:
        return request
    if submission.memory is not None:
        raise UsageProblem("--pack says how much memory each job gets, and so does --memory: use one of them.")
    pack = parse_pack(submission.pack)
    if pack == "auto":
        from opsctl.commands.sizing.size import latest_measured
        from opsctl.render.size import chosen_line

        model = request.options.diffusion_model
        with context.screen.waiting("looking for measured scans"):
            report = latest_measured(
                context.records,
                platform=context.platform,
                model=model,
                rates=context.pricing_of_model(model).rates,
                dataset_uri=request.dataset.uri,
                m2g=request.options.as_dict(),
            )
        context.screen.say(chosen_line(report, f"{request.dataset.name} with these options"))
        pack = report.proposal.best.scans if report is not None and report.proposal is not None else 1
    return replace(request, pack=pack)


def _show_plan(context: Context, plan: RunPlan) -> None:
    """Say what was found in the dataset, and which atlases lose regions."""
    from opsctl.render.pilot import pilot_lines
    from opsctl.render.run import cut_atlases_line, dataset_lines, earlier_snapshots_line, option_lines

    for line in (*dataset_lines(plan), *pilot_lines(plan), *option_lines(plan)):
        context.screen.say(line)
    if plan.cut_atlases:
        context.screen.warn(cut_atlases_line(plan))
    if plan.earlier_snapshots:
        context.screen.warn(earlier_snapshots_line(plan))


def settle_earlier_m2g(context: Context, plan: RunPlan, submission: SubmissionFlags) -> RunPlan:
    """Say which scans another m2g did; ask whether to redo them where the options leave it open, else keep them."""
    from opsctl.render.run import earlier_m2g_lines, kept_line, redo_question

    screen = context.screen
    for line in earlier_m2g_lines(plan):
        screen.say(line)
    if not plan.has_choice:
        return plan
    is_asked = sys.stdin.isatty() and not (submission.yes or submission.dry_run)
    if is_asked and screen.confirm(redo_question(plan), assume_yes=False):
        return plan.redoing()
    screen.say(kept_line(plan))
    return plan


def refuse_run_obstacles(context: Context, wiring: RunWiring, *, is_dry_run: bool) -> None:
    """Refuse what AWS would not let run; a dry run submits nothing, so it warns and shows the rest."""
    obstacles = wiring.obstacles()
    if not is_dry_run:
        refuse_obstacles(context, obstacles)
    for obstacle in obstacles:
        context.screen.warn(str(obstacle.problem))


def _show_work(context: Context, plan: RunPlan, wiring: RunWiring) -> Guarantee | None:
    """Say what will be submitted, what it costs, and what `--max-spend` guarantees; refuse what it does not cover."""
    from opsctl.render.openneuro import transfer_line
    from opsctl.render.run import disposition_lines, outgrown_line

    for line in disposition_lines(plan, wiring.estimate(plan)):
        context.screen.say(line)
    if is_openneuro(plan.request.dataset):
        context.screen.say(transfer_line(plan.platform))
    if outgrown := outgrown_line(plan):
        context.screen.warn(outgrown)
    for note in wiring.notes(plan):
        context.screen.warn(note)
    show_instances_of_run(context, plan, wiring)
    guarantee = wiring.guarantee(plan)
    for line in guarantee.lines if guarantee else []:
        context.screen.say(line)
    return guarantee


def _ask(context: Context, plan: RunPlan, *, assume_yes: bool) -> None:
    from opsctl.render.screen import counted

    if not context.screen.confirm(f"Submit {counted(len(plan.to_submit()), 'job')}?", assume_yes=assume_yes):
        context.screen.say("Nothing was submitted.")
        raise typer.Exit(1)


def _show_outcome(context: Context, outcome: RunOutcome, submission: SubmissionFlags, notices: Notices) -> None:
    from opsctl.render.run import outcome_line

    context.screen.say(outcome_line(outcome), style="green")
    if submission.as_json:
        context.screen.json(outcome.as_json())
    if notices and context.platform.is_local:
        notices.keep(outcome.run_id)
    if submission.following:
        _follow(context, outcome.run_id, notices)
        return
    context.screen.hints(
        {
            "opsctl logs --follow": "watch the jobs",
            "opsctl status": "where the run stands",
            "opsctl cancel": "end it",
            "opsctl results DIR": "bring the connectomes home",
        }
    )


def _follow(context: Context, run_id: str, notices: Notices) -> None:
    """Watch the logs to the end; on AWS, the message is sent then."""
    from opsctl.cli.verbs.logs import follow_to_end, open_reader

    reader = open_reader(context, run_id)
    try:
        follow_to_end(context, reader, as_json=False)
    except Interrupted as stopped:
        if notices and not context.platform.is_local:
            stopped.add_sentence("No message will be sent.")
        raise
    except typer.Exit:
        _notify(context, reader, notices)
        raise
    _notify(context, reader, notices)


def _notify(context: Context, reader: LogReader, notices: Notices) -> None:
    if notices and not context.platform.is_local:
        notices.send(reader.snapshots.progress().with_costs(context.pricing(reader.run)))


def _say_nothing_to_do(context: Context, plan: RunPlan, submission: SubmissionFlags, notices: Notices) -> None:
    """Report that every chosen scan is done or in flight; the run to look at is the latest one into this output."""
    from opsctl.commands.runs.run import RunOutcome
    from opsctl.render.run import nothing_line

    run_id = plan.earlier[-1].run_id if plan.earlier else ""
    done, in_flight = plan.done_count, plan.counts.get("in flight", 0)
    context.screen.say(nothing_line(plan), style="green")
    if notices and context.platform.is_local and in_flight:
        notices.keep(run_id)
    elif notices and not in_flight:
        context.screen.say("No job runs, so no message will be sent.")
    if submission.following and in_flight:
        _follow(context, run_id, notices)
        return
    if submission.as_json:
        outcome = RunOutcome(run_id=run_id, submitted=0, done=done, in_flight=in_flight, earlier_m2g=plan.earlier_m2g())
        context.screen.json(outcome.as_json())
    context.screen.hints({"opsctl status": "where it stands", "opsctl results DIR": "bring the connectomes home"})


def _show_dry_run(
    context: Context, plan: RunPlan, wiring: RunWiring, guarantee: Guarantee | None, *, as_json: bool
) -> None:
    from opsctl.core.costs.money import estimate_json
    from opsctl.render.scans import scan_lines
    from opsctl.render.screen import counted

    screen = context.screen
    if as_json:
        screen.json(
            {
                **plan.as_json(),
                "obstacles": [obstacle.as_json() for obstacle in wiring.obstacles()],
                "estimate": estimate_json(wiring.estimate(plan), is_local=context.platform.is_local),
                "max_spend": guarantee.as_json() if guarantee else None,
            }
        )
        return
    scans, room = plan.scans_to_submit, screen.data.room
    shown = scans if room is None else scans[:_MOST_SHOWN]
    for line in scan_lines(shown, room=room):
        screen.data.print(line)
    if len(shown) < len(scans):
        screen.data.print(f"… and {counted(len(scans) - len(shown), 'more scan')}")
    screen.say("Nothing was submitted. Add --json to see the JSON of each scan and of each SubmitJob request.")
