"""`up`: create the platform or bring it up to date."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl import __version__
from opsctl.cli.context import Context
from opsctl.cli.defaults import is_typed
from opsctl.cli.option_groups import expanded
from opsctl.cli.options import Local, NewPlatformName, Profile, Region, Yes
from opsctl.cli.platform.account_checks import missing_image_steps, start_account_check
from opsctl.cli.platform.engine_setup import containers_of, engine_option, say_where_jobs_run
from opsctl.cli.platform.institute_options import InstituteOptions
from opsctl.cli.platform.orphan_cleanup import OrphanCleanup
from opsctl.cli.platform.terraform_session import (
    account_and_region,
    clients_of,
    endpoint,
    ensure_time,
    find_terraform,
    lock_platform,
    platform_name,
    terraform_environment,
    terraform_workspace_of,
)
from opsctl.core.errors import UsageProblem
from opsctl.core.platform.platform_name import DEFAULT_NAME
from opsctl.home import Home
from opsctl.real_runs import status_note

if TYPE_CHECKING:
    from opsctl.aws.clients import Clients
    from opsctl.core.platform.options import PlatformOptions
    from opsctl.core.platform.platform import Platform
    from opsctl.local.control import Containers
    from opsctl.render.screen import Screen

_CHANGES = 2


@expanded
def up(
    *,
    local: Local = False,
    name: NewPlatformName = None,
    region: Region = None,
    profile: Profile = None,
    data_bucket: Annotated[
        str | None,
        typer.Option(
            "--data-bucket",
            metavar="BUCKET",
            help="Use this existing bucket as the data bucket. `default`: create one.",
        ),
    ] = None,
    source_bucket: Annotated[
        list[str] | None,
        typer.Option(
            "--source-bucket",
            metavar="BUCKET",
            help="Another bucket that the jobs may read. May be repeated. `none`: no other.",
        ),
    ] = None,
    spot: Annotated[
        bool | None,
        typer.Option(
            "--spot/--no-spot",
            help="Use Spot instances, which cost about a third and may be interrupted.",
            show_default=False,
        ),
    ] = None,
    pack: Annotated[
        str | None,
        typer.Option(
            "--pack",
            metavar="auto|N|off",
            help="How many scans share an instance. auto: what the peaks of earlier scans propose (`opsctl size`);"
            " off: one.",
        ),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            "--image",
            metavar="URI",
            help="The image that the jobs run. `default`: the one in the platform's repository.",
        ),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine", metavar="docker|podman", help="With --local, run jobs in containers. `default`: as processes."
        ),
    ] = None,
    notify_email: Annotated[
        list[str] | None,
        typer.Option(
            "--notify-email",
            metavar="ADDRESS",
            help="Have AWS send mail there when a job of a run ends. May be repeated. `none`: no mail.",
        ),
    ] = None,
    monthly_budget: Annotated[
        str | None,
        typer.Option(
            "--monthly-budget",
            metavar="USD",
            help="Have AWS send mail to --notify-email at 80 % and 100 % of this amount a month, 8 to 12 hours late."
            " Nothing is stopped. `none`: no budget.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Another setting. May be repeated. NAME=default resets it."),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            "--state",
            metavar="s3://BUCKET/KEY",
            help="Where a team keeps the Terraform state. `local`: on this machine.",
        ),
    ] = None,
    institute: InstituteOptions,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only show the changes. Exit code 0: nothing to do; 2: there are changes.")
    ] = False,
    selftest: Annotated[
        bool,
        typer.Option("--selftest", help="Run `opsctl selftest` at the end, which takes minutes and costs a few cents."),
    ] = False,
    yes: Yes = False,
) -> None:
    """Create the platform, or bring it up to date.

    Options are remembered for the next `up`. --no-spot, `--pack off`, `--source-bucket none`, `--notify-email none`,
    `--monthly-budget none` and the value `default` reset them.

    Example: opsctl up --local
    """
    from opsctl.cli.platform.institute_checks import settle_institute_options
    from opsctl.cli.platform.pack_setup import pack_variables
    from opsctl.cli.platform.state_setup import settle_state
    from opsctl.cli.platform.up_options import merge_options, platform_to_bring_up, with_m2g_image
    from opsctl.cli.verbs.selftest import run_selftest
    from opsctl.commands.platform.terraform_workspace import clear_pending_up, ensure_room, save_pending_up
    from opsctl.commands.platform.up import carry_out, propose
    from opsctl.core.platform.monthly_budget import check_emails
    from opsctl.core.platform.options import PlatformOptions, typed_options
    from opsctl.render.up import apply_progress, plan_lines
    from opsctl.terraform.provider import find_mirror

    is_for_aws = bool(spot or data_bucket or is_typed("region") or is_typed("profile"))
    _refuse_contradictions(is_local_for_aws=local and is_for_aws, plan=plan, selftest=selftest)
    was_local_typed, typed_name = local, platform_name(name, local=local)
    chosen, local = platform_to_bring_up(
        Home.of(os.environ), typed_name, local=local, is_for_aws=is_for_aws or bool(state)
    )
    context = Context(platform_name=chosen, region=region, profile=profile)
    screen = context.screen
    if local:
        _refuse_local_mail(chosen, notify_email)
        _refuse_local_budget(chosen, monthly_budget)
    if not was_local_typed and typed_name is None and local:
        screen.say(
            f"This brings up the platform {chosen} on this machine."
            f" `opsctl up --name {DEFAULT_NAME}` creates one on AWS."
        )
    lock_platform(context, chosen)
    binary, mirror = find_terraform(context), find_mirror(os.environ)
    ensure_room(context.home, mirror=mirror)
    containers = containers_of(context, chosen, local=local, engine=engine, image=image)
    engine = engine_option(containers)
    typed = typed_options(
        data_bucket=data_bucket,
        source_buckets=source_bucket,
        image=image,
        spot=spot,
        notify_emails=notify_email,
        monthly_budget=monthly_budget,
        engine=engine,
        state=state,
    )
    institute_options, variables = institute.typed
    with endpoint(context, chosen, local=local, containers=containers) as endpoint_url:
        clients = clients_of(context, region=region, profile=profile, endpoint_url=endpoint_url)
        place = account_and_region(clients)
        if not local:
            ensure_time(clients)
        workspace = terraform_workspace_of(
            context, chosen, binary, terraform_environment(clients, endpoint_url=endpoint_url)
        )
        options = PlatformOptions(
            name=chosen, region=place["region"], account_id=place["account_id"], is_local=local, version=__version__
        )
        options = merge_options(
            context,
            clients,
            workspace,
            options,
            typed=typed | institute_options,
            settings=settings or (),
            variables=variables | pack_variables(context, pack),
        )
        check_emails(options)
        options = settle_institute_options(context, clients, options)
        _warn_of_foreign_image(screen, options)
        options = with_m2g_image(context, clients, options)
        options = settle_state(context, clients, options, binary, is_typed=bool(state), assume_yes=yes, only_look=plan)
        orphans = OrphanCleanup(context, clients, options)
        say_account = start_account_check(context, clients, options)
        with screen.waiting("planning"):
            proposal = propose(workspace, options, mirror=mirror, look=orphans.find_orphans)
        orphans.say()
        if not workspace.platform.has_state:
            _say_whether_it_was_ever_run(screen, options)
        if proposal.plan.changes:
            for line in plan_lines(proposal.plan, idle_usd_per_hour=proposal.idle_usd_per_hour):
                screen.say(line)
        has_work = bool(proposal.plan.changes) or orphans.needs_confirmation
        say_account(has_work)
        if plan:
            if not has_work:
                screen.say(f"The platform {chosen} is as it should be: nothing to do.")
            raise typer.Exit(_CHANGES if has_work else 0)
        if proposal.replaces_environments:
            orphans.refuse_under_jobs()
        if has_work and not screen.confirm(_question(options), assume_yes=yes):
            screen.say("Nothing was made.")
            raise typer.Exit(1)
        orphans.claim_name()
        save_pending_up(context.home, options)
        orphans.remove_orphans()
        with apply_progress(screen, title=f"up {chosen}", total=len(proposal.plan.changes)) as on_step:
            platform = carry_out(
                workspace,
                options,
                proposal,
                endpoint_url=endpoint_url,
                on_step=on_step,
                look_again=orphans.look_again,
            )
        orphans.finish_cleanup(workspace.roots)
    # The record is new after an `up` that was killed at its end, too.
    is_new = bool(proposal.plan.changes) or chosen not in context.home.known()
    context.home.keep(platform)
    clear_pending_up(context.home, name=chosen)
    _say_platform_is_up(context, clients, options, platform, containers=containers, is_new=is_new)
    if selftest:
        run_selftest(Context(platform_name=chosen, region=region, profile=profile))


def _say_platform_is_up(
    context: Context,
    clients: Clients,
    options: PlatformOptions,
    platform: Platform,
    *,
    containers: Containers | None,
    is_new: bool,
) -> None:
    """Say that the platform is up, what its jobs run, and what to type next."""
    screen = context.screen
    state = "is up." if is_new else "is up already: nothing changed."
    screen.say(f"The platform {options.name} {state}", style="green")
    say_where_jobs_run(context, containers, platform.image)
    _say_who_must_confirm(screen, clients, platform)
    _say_budget(screen, platform)
    steps = missing_image_steps(context, clients, platform)
    if context.configuration.get("platform") not in (None, options.name):
        other = context.configuration.values["platform"]
        screen.warn(f"{other.source} names the platform {other.value}: for this one, add --platform {options.name}.")
    screen.hints(
        {
            **steps,
            "opsctl upload DIR --name HNU1": "bring a BIDS dataset there",
            "opsctl run HNU1 --sp native": "process it",
            **({} if options.is_local else {"opsctl selftest": "prove first that it works: minutes, and some cents"}),
            "opsctl down": "take everything down; the data stays",
        }
    )


def _say_who_must_confirm(screen: Screen, clients: Clients, platform: Platform) -> None:
    """AWS sends no message to an address before its owner has opened the link in a first mail."""
    from opsctl.aws.platform.mail import unconfirmed_emails
    from opsctl.core.errors import Problem

    if not platform.notify_emails:
        return
    try:
        emails = unconfirmed_emails(clients.sns, platform.mail_topic_arn)
    except Problem as problem:
        screen.warn(f"Whether every mail address is confirmed is not known: {problem.what}")
        return
    if emails:
        screen.warn(
            f"Not confirmed yet: {', '.join(emails)}. AWS has sent a mail with a link there, valid for two days (look "
            "among the spam, too). Until it is opened, no message is sent to that address."
        )


def _say_budget(screen: Screen, platform: Platform) -> None:
    """Say what AWS's mail is about, how late it comes, and what it needs."""
    from opsctl.core.platform.monthly_budget import budget_note

    if platform.monthly_budget is not None:
        screen.say(budget_note(platform.monthly_budget))


def _refuse_contradictions(*, is_local_for_aws: bool, plan: bool, selftest: bool) -> None:
    if is_local_for_aws:
        raise UsageProblem("--local is all on this machine: no --region, --profile, --spot or --data-bucket with it.")
    if plan and selftest:
        raise UsageProblem("--plan makes no platform that --selftest could test.")


def _refuse_local_mail(name: str, emails: list[str] | None) -> None:
    from opsctl.core.platform.options import NONE

    if emails and emails != [NONE]:
        raise UsageProblem(
            f"--notify-email is for AWS, which sends the mail: the platform {name} is on this machine.",
            "For it, name where a message goes when you submit: `opsctl run DATASET --notify URL`.",
        )


def _refuse_local_budget(name: str, amount: str | None) -> None:
    from opsctl.core.platform.options import NONE

    if amount not in (None, NONE):
        raise UsageProblem(
            f"--monthly-budget is for AWS, which charges and sends the mail: the platform {name} is on this machine.",
            "For a limit of one run, see `opsctl run DATASET --max-spend USD`.",
        )


def _warn_of_foreign_image(screen: Screen, options: PlatformOptions) -> None:
    from opsctl.aws.ecr.image import is_in_ecr

    if not options.is_local and options.image and not is_in_ecr(options.image):
        screen.warn(
            f"{options.image} is not on ECR: each instance pulls it for itself, and Docker Hub refuses many at once "
            "(`opsctl image push`)."
        )


def _say_whether_it_was_ever_run(screen: Screen, options: PlatformOptions) -> None:
    if not options.is_local and (note := status_note()):
        screen.warn(f"{note} Begin with `opsctl selftest`, then with one scan: `opsctl run DATASET --first 1`.")


def _question(options: PlatformOptions) -> str:
    place = "on this machine" if options.is_local else f"in account {options.account_id}, {options.region}"
    return f"Make the platform {options.name} {place}?"
