"""`run`: from a dataset's name to submitted jobs."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl import __version__
from opsctl.cli.context import Context
from opsctl.cli.options import (
    Acq,
    AsJson,
    Bucket,
    Dataset,
    Exclude,
    First,
    NoSignRequest,
    ParticipantLabel,
    PlatformName,
    Profile,
    RunLabel,
    ScanName,
    SessionLabel,
    T1w,
    Task,
    WhichPipeline,
    Yes,
    selection,
)
from opsctl.cli.run_wiring import RunWiring
from opsctl.core.dataset.selection import Only
from opsctl.core.errors import Problem, UsageProblem
from opsctl.core.runs.m2g_options import (
    Acquisition,
    DiffusionModel,
    M2gOptions,
    Mod,
    Skull,
    Space,
    TrackType,
    VoxelSize,
)

if TYPE_CHECKING:
    from opsctl.aws.s3.storage import Storage
    from opsctl.commands.runs.plan import RunPlan

_DEFAULTS = M2gOptions()


def run(
    dataset: Dataset,
    *,
    space: Annotated[Space, typer.Option("--sp", "--space", help="Native space, or DSN's.")] = _DEFAULTS.space,
    model: Annotated[
        DiffusionModel, typer.Option("--model", "--diffusion-model", help="Diffusion model.")
    ] = _DEFAULTS.diffusion_model,
    pipeline: WhichPipeline = _DEFAULTS.pipeline,
    mod: Annotated[Mod, typer.Option(help="Deterministic or probabilistic tracking.")] = _DEFAULTS.mod,
    track_type: Annotated[TrackType, typer.Option(help="Tracking.")] = _DEFAULTS.track_type,
    seeds: Annotated[int, typer.Option(min=1, help="Seeding density; 1 is a quick look.")] = _DEFAULTS.seeds,
    voxelsize: Annotated[VoxelSize, typer.Option(help="Voxel size of the templates.")] = _DEFAULTS.voxelsize,
    parcellation: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Part of a neuroparc name; repeat it; all without.")
    ] = None,
    acquisition: Annotated[Acquisition, typer.Option(help="Slice order (func).")] = _DEFAULTS.acquisition,
    tr: Annotated[float, typer.Option(metavar="SECONDS", help="Repetition time (func).")] = _DEFAULTS.tr,
    mem_gb: Annotated[float, typer.Option(metavar="GB", help="Memory for C-PAC (func).")] = _DEFAULTS.mem_gb,
    n_cpus: Annotated[int, typer.Option(min=1, help="Processors.")] = _DEFAULTS.n_cpus,
    skull: Annotated[Skull | None, typer.Option(help="Help for difficult skull strips.")] = None,
    skipeddy: Annotated[
        bool, typer.Option("--skipeddy/--no-skipeddy", show_default=False, help="Skip eddy correction.")
    ] = False,
    skipreg: Annotated[
        bool, typer.Option("--skipreg/--no-skipreg", show_default=False, help="Skip registration.")
    ] = False,
    participant_label: ParticipantLabel = None,
    session_label: SessionLabel = None,
    task: Task = None,
    acq: Acq = None,
    run_label: RunLabel = None,
    scan: ScanName = None,
    exclude: Exclude = None,
    first: First = None,
    t1w: T1w = None,
    bucket: Bucket = None,
    no_sign_request: NoSignRequest = False,
    modif: Annotated[
        str | None, typer.Option(metavar="NAME", help="The derivatives folder; else m2g-MODEL-SPACE.")
    ] = None,
    jobdir: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the jobs' JSONs here too.")] = None,
    only: Annotated[
        Only, typer.Option("--only", help="Submit what is missing, only what has failed, or all.")
    ] = "missing",
    memory: Annotated[
        int | None, typer.Option(min=1024, metavar="MIB", help="Memory of each job; moves it to larger instances.")
    ] = None,
    max_spend: Annotated[
        float | None, typer.Option(min=0.0, metavar="USD", help="Submit no more than that pays for.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show everything, send nothing.")] = False,
    following: Annotated[bool, typer.Option("--follow", "-f", help="Then watch the logs to the end.")] = False,
    platform: PlatformName = None,
    profile: Profile = None,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Submit a job for each scan of a BIDS dataset.

    Example: opsctl run HNU1 --sp native
    """
    from opsctl.commands.runs.request import RunRequest
    from opsctl.commands.runs.run import keep_documents
    from opsctl.core.location import check_label
    from opsctl.core.runs.parcellations import doubts
    from opsctl.render.run import disposition_lines, outcome_line, plan_lines
    from opsctl.render.screen import counted

    options = M2gOptions(
        pipeline=pipeline,
        diffusion_model=model,
        space=space,
        mod=mod,
        track_type=track_type,
        seeds=seeds,
        voxelsize=voxelsize,
        parcellation=tuple(parcellation or ()),
        acquisition=acquisition,
        tr=tr,
        mem_gb=mem_gb,
        n_cpus=n_cpus,
        skull=skull,
        skipeddy=skipeddy,
        skipreg=skipreg,
    )
    if dry_run and following:
        raise UsageProblem("--dry-run sends nothing, so there is nothing to --follow.")
    context = Context(platform_name=platform, profile=profile)
    screen = context.screen
    for doubt in context.configuration.doubts:
        screen.warn(doubt)
    request = RunRequest(
        dataset=context.dataset(dataset, bucket=bucket),
        options=options,
        modif=check_label(modif, option="--modif") if modif is not None else None,
        selection=selection(
            participant_label=participant_label,
            session_label=session_label,
            task=task,
            acq=acq,
            run_label=run_label,
            scan=scan,
            exclude=exclude,
            first=first,
        ),
        t1w=t1w,
        only=only,
        memory_mib=memory,
        max_spend_usd=max_spend,
        command_line=("opsctl", *sys.argv[1:]),
        user=getpass.getuser(),
        version=__version__,
    )
    wiring = RunWiring(context, request)
    with screen.waiting(f"reading {request.dataset.uri}"):
        source = context.storage_of(request.dataset, is_public=no_sign_request)
        made = wiring.plan(source)
    for line in plan_lines(made):
        screen.say(line)
    for doubt in doubts(options.parcellation):
        screen.warn(doubt)
    if not made.rest():
        _say_nothing_to_do(context, made, as_json=as_json, following=following)
        return
    for line in disposition_lines(made, wiring.estimate(made)):
        screen.say(line)
    wiring.refuse_above_budget(made)
    _warn_of_wrong_scans(context, made, source)
    if jobdir is not None:
        keep_documents(made, jobdir)
    if dry_run:
        _show_dry_run(context, made, as_json=as_json)
        return
    if not screen.confirm(f"Submit {counted(len(made.rest()), 'job')}?", assume_yes=yes):
        screen.say("Nothing was submitted.")
        raise typer.Exit(1)
    outcome = wiring.carry_out(made)
    screen.say(outcome_line(outcome), style="green")
    if as_json:
        screen.json(outcome.as_json())
    if following:
        _follow(context, outcome.run_id)
        return
    screen.hints(
        {
            "opsctl logs --follow": "watch the jobs",
            "opsctl status": "where the run stands",
            "opsctl cancel": "end it",
            "opsctl results DIR": "bring the connectomes home",
        }
    )


def _follow(context: Context, run_id: str) -> None:
    """Watch the logs to the end."""
    from opsctl.cli.verbs.logs import follow_to_end, open_reader

    follow_to_end(context, open_reader(context, run_id), as_json=False)


def _say_nothing_to_do(context: Context, made: RunPlan, *, as_json: bool, following: bool) -> None:
    """All is done or on its way: that is fine, and the run to look at is the latest into this place."""
    from opsctl.commands.runs.run import RunOutcome
    from opsctl.render.run import nothing_line

    run_id = made.earlier[-1].run_id if made.earlier else ""
    done, in_flight = made.counts.get("done", 0), made.counts.get("in flight", 0)
    context.screen.say(nothing_line(made), style="green")
    if following and in_flight:
        _follow(context, run_id)
        return
    if as_json:
        context.screen.json(RunOutcome(run_id=run_id, submitted=0, done=done, in_flight=in_flight).as_json())
    context.screen.hints({"opsctl status": "where it stands", "opsctl results DIR": "bring the connectomes home"})


def _warn_of_wrong_scans(context: Context, made: RunPlan, source: Storage) -> None:
    """Look at a few scans as `check` looks at all; a job that must fail costs as much as one that does not."""
    from opsctl.aws.s3.headers import Headers
    from opsctl.commands.dataset.check import check, spread
    from opsctl.render.screen import counted

    to_submit = made.rest_scans
    looked_at = spread(to_submit)
    try:
        with context.screen.waiting("looking at some scans"):
            verdicts = check(
                looked_at,
                Headers(source.client),
                root_volume_gib=context.platform.root_volume_gib,
                on_scan=lambda: None,
            )
    except Problem as problem:
        # A look, not a need: the jobs look at everything themselves.
        context.screen.warn(f"some scans could not be looked into: {problem}")
        return
    for verdict in verdicts:
        if verdict.level != "fine":
            context.screen.warn(f"{verdict.scan}: {'; '.join(verdict.findings)}")
    if len(looked_at) < len(to_submit):
        context.screen.say(f"{counted(len(looked_at), 'scan')} looked into; `opsctl check` reads all")


def _show_dry_run(context: Context, made: RunPlan, *, as_json: bool) -> None:
    from opsctl.render.scans import scan_lines

    screen = context.screen
    value = made.as_json()
    if as_json:
        screen.json(value)
        return
    for line in scan_lines(made.rest_scans):
        screen.data.print(line, markup=False)
    screen.say("\nThe first scan's JSON:")
    screen.json(value["scans"][0])
    screen.say("\nSubmitJob:")
    for request in value["requests"]:
        screen.json(request)
    screen.say("\nNothing was sent.")
