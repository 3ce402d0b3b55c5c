"""`up`: the platform made, or brought up to date."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl import __version__
from opsctl.cli.context import Context
from opsctl.cli.defaults import is_typed
from opsctl.cli.options import Local, NewPlatformName, Profile, Region, Yes
from opsctl.cli.terraform_desk import clients_of, endpoint, platform_name, terraform_environment, where, workspace_of
from opsctl.core.errors import UsageProblem
from opsctl.core.platform import DEFAULT_NAME, check_name

if TYPE_CHECKING:
    from opsctl.commands.workspace import Wish

_CHANGES = 2


def up(
    *,
    local: Local = False,
    name: NewPlatformName = None,
    region: Region = None,
    profile: Profile = None,
    data_bucket: Annotated[
        str | None, typer.Option("--data-bucket", metavar="BUCKET", help="An existing bucket; else one is made.")
    ] = None,
    source_bucket: Annotated[
        list[str] | None,
        typer.Option("--source-bucket", metavar="BUCKET", help="Another bucket that jobs may read; repeat it."),
    ] = None,
    spot: Annotated[bool, typer.Option("--spot", help="Spot instances: about a third of the price.")] = False,
    image: Annotated[
        str | None, typer.Option("--image", metavar="URI", help="What the jobs run; else the platform's repository.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only show: exit 0 nothing to do, 2 changes.")] = False,
    yes: Yes = False,
) -> None:
    """Make the platform, or bring it up to date. A second time changes nothing.

    Example: opsctl up --local
    """
    from opsctl.commands.up import carry_out, propose
    from opsctl.commands.workspace import Wish
    from opsctl.provider import find_mirror
    from opsctl.render.changes import applying, plan_lines
    from opsctl.terraform import find_binary

    if local and (is_typed("region") or is_typed("profile") or spot or data_bucket):
        raise UsageProblem("--local is all on this machine: no --region, --profile, --spot or --data-bucket with it.")
    chosen = check_name(platform_name(name, local=local) or DEFAULT_NAME)
    context = Context(platform_name=chosen, region=region, profile=profile)
    screen = context.screen
    binary, mirror = find_binary(os.environ), find_mirror(os.environ)
    with endpoint(context, chosen, local=local) as endpoint_url:
        clients = clients_of(region=region, profile=profile, endpoint_url=endpoint_url)
        wish = Wish(
            name=chosen,
            **where(clients),
            is_local=local,
            data_bucket=data_bucket,
            source_buckets=tuple(source_bucket or ()),
            image=image,
            spot=spot,
            version=__version__,
        )
        workspace = workspace_of(context, chosen, binary, terraform_environment(clients, endpoint_url=endpoint_url))
        with screen.waiting("planning"):
            proposal = propose(workspace, wish, mirror=mirror)
        if proposal.plan.changes:
            for line in plan_lines(proposal.plan, idle_usd_per_hour=proposal.idle_usd_per_hour):
                screen.say(line)
        if plan:
            if not proposal.plan.changes:
                screen.say(f"The platform {chosen} is as it should be: nothing to do.")
            raise typer.Exit(_CHANGES if proposal.plan.changes else 0)
        if proposal.replaces_environments:
            _refuse_under_jobs(context, chosen)
        if proposal.plan.changes and not screen.confirm(_question(wish), assume_yes=yes):
            screen.say("Nothing was made.")
            raise typer.Exit(1)
        with applying(screen, title=f"up {chosen}", total=len(proposal.plan.changes)) as on_step:
            platform = carry_out(workspace, wish, proposal, endpoint_url=endpoint_url, on_step=on_step)
    context.home.keep(platform)
    if proposal.plan.changes:
        screen.say(f"The platform {chosen} is up.", style="green")
    else:
        screen.say(f"The platform {chosen} is up already: nothing changed.", style="green")
    if not local and image is None:
        screen.say(f"Its jobs run {platform.image}: build and push it once (README, “The image”).")
    if context.configuration.get("platform") not in (None, chosen):
        other = context.configuration.values["platform"]
        screen.warn(f"{other.source} names the platform {other.value}: for this one, add --platform {chosen}.")
    screen.hints(
        {
            "opsctl upload DIR --name HNU1": "bring a BIDS dataset there",
            "opsctl run HNU1 --sp native": "process it",
            "opsctl down": "take everything down; the data stays",
        }
    )


def _refuse_under_jobs(context: Context, name: str) -> None:
    """Compute environments are not replaced under running scans.

    Raises
    ------
    Problem
        With the active jobs.
    """
    from opsctl.commands.down import active_jobs, refuse_while_active

    if context.home.recall(name) is not None:
        refuse_while_active(active_jobs(context.batch, context.platform), mend="Wait for the end (`opsctl status`).")


def _question(wish: Wish) -> str:
    place = "on this machine" if wish.is_local else f"in account {wish.account_id}, {wish.region}"
    return f"Make the platform {wish.name} {place}?"
