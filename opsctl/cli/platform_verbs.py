"""`up` and `down`: the only verbs that run Terraform."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl import __version__
from opsctl.cli.context import Context
from opsctl.cli.defaults import is_typed
from opsctl.cli.options import AsJson, Local, NewPlatformName, Profile, Region, Yes
from opsctl.core.errors import Problem, UsageProblem
from opsctl.core.platform import DEFAULT_NAME, LOCAL_NAME, LOCAL_REGION, check_name

if TYPE_CHECKING:
    from opsctl.aws.clients import Clients
    from opsctl.commands.workspace import Wish, Workspace
    from opsctl.terraform import Binary

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
    chosen = check_name(_name(name, local=local) or DEFAULT_NAME)
    context = Context(platform_name=chosen, region=region, profile=profile)
    screen = context.screen
    binary, mirror = find_binary(os.environ), find_mirror(os.environ)
    with _endpoint(context, chosen, local=local) as endpoint_url:
        clients = _clients(region=region, profile=profile, endpoint_url=endpoint_url)
        wish = Wish(
            name=chosen,
            **_where(clients),
            is_local=local,
            data_bucket=data_bucket,
            source_buckets=tuple(source_bucket or ()),
            image=image,
            spot=spot,
            version=__version__,
        )
        workspace = _workspace(context, chosen, binary, _environment(clients, endpoint_url=endpoint_url))
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


def down(
    *,
    local: Local = False,
    name: NewPlatformName = None,
    region: Region = None,
    profile: Profile = None,
    force: Annotated[bool, typer.Option("--force", help="End the active jobs first.")] = False,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Take the platform down. The data bucket and the image repository stay.

    Example: opsctl down
    """
    from opsctl.aws.inventory import Inventory
    from opsctl.commands.down import active_jobs, end_jobs, refuse_while_active, tear_down
    from opsctl.render.changes import applying
    from opsctl.render.receipt import show_receipt
    from opsctl.terraform import find_binary

    name = _name(name, local=local)
    context = Context(platform_name=name, region=region, profile=profile)
    screen = context.screen
    chosen = name or context.home.current()
    if chosen is None or context.home.recall(chosen) is None:
        screen.say("Nothing is up: nothing to remove.")
        return
    binary = find_binary(os.environ)
    platform = context.platform
    jobs = active_jobs(context.batch, platform)
    if not force:
        refuse_while_active(jobs)
    environment = _environment(context.clients, endpoint_url=platform.endpoint_url)
    workspace = _workspace(context, chosen, binary, environment, lay_out=False)
    question = f"Take the platform {chosen} down? The bucket {platform.data_bucket} is kept."
    if not screen.confirm(question, assume_yes=yes):
        screen.say("Nothing was removed.")
        raise typer.Exit(1)
    if jobs:
        with screen.waiting(f"ending {len(jobs)} jobs"):
            end_jobs(context.batch, platform, jobs, sleep=time.sleep)
    with applying(screen, title=f"down {chosen}", total=workspace.platform.resource_count()) as on_step:
        receipt = tear_down(
            workspace.platform,
            platform,
            storage=context.storage,
            inventory=Inventory(context.clients),
            on_step=on_step,
        )
    if not receipt.left:
        context.home.forget(chosen)
        if platform.is_local and not context.home.local_names():
            from opsctl.local import control

            control.stop(context.home.path)
    if as_json:
        screen.json(receipt.as_json())
    show_receipt(screen, receipt, kept_at=context.home.local if platform.is_local else None)
    if receipt.left:
        raise Problem(
            f"{len(receipt.left)} left.", "Type `opsctl down` again; what stays can be removed in the console."
        )


def _name(name: str | None, *, local: bool) -> str | None:
    """The platform that is meant: a configured name is not what `--local` is about, a typed one is."""
    return LOCAL_NAME if local and not (name and is_typed("name")) else name


@contextmanager
def _endpoint(context: Context, name: str, *, local: bool) -> Iterator[str | None]:
    """The local platform's address, its process started if need be; ended again when nothing was made in it."""
    if not local:
        yield None
        return
    from opsctl.commands.workspace import forget_platform_state, has_platform_state
    from opsctl.local import control

    folder = context.home.make(context.home.path)
    started_here = control.find(folder) is None
    with context.screen.waiting("starting the local platform"):
        server = control.start(folder)
    if started_here:
        forget_platform_state(context.home, name=name)
    try:
        yield server.endpoint_url
    finally:
        if started_here and not has_platform_state(context.home, name=name):
            control.stop(folder)


def _clients(*, region: str | None, profile: str | None, endpoint_url: str | None) -> Clients:
    from opsctl.aws.clients import Clients

    return Clients(region=LOCAL_REGION if endpoint_url else region, profile=profile, endpoint_url=endpoint_url)


def _where(clients: Clients) -> dict[str, str]:
    """The region and the account that a platform will be made in."""
    from opsctl.aws.errors import translated

    if clients.region is None:
        raise Problem("No AWS region is set.", "Name one with --region, or set AWS_REGION.")
    with translated("asking who you are"):
        return {"region": clients.region, "account_id": clients.sts.get_caller_identity()["Account"]}


def _workspace(
    context: Context, name: str, binary: Binary, environment: dict[str, str], *, lay_out: bool = True
) -> Workspace:
    from opsctl.assets import terraform_dir
    from opsctl.commands.workspace import lay_out_code, open_workspace

    if lay_out:
        lay_out_code(context.home, name=name, source=terraform_dir())
    return open_workspace(context.home, name=name, binary=binary, environment=environment)


def _environment(clients: Clients, *, endpoint_url: str | None) -> dict[str, str]:
    """What Terraform runs in: the very credentials and the region that opsctl itself uses."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_PROFILE", "TF_CLI_ARGS"))}
    region = clients.region or ""
    environment = {**inherited, **clients.credentials, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    if endpoint_url is not None:
        environment = {key: value for key, value in environment.items() if not key.startswith("AWS_ENDPOINT_URL")}
        environment.pop("AWS_SESSION_TOKEN", None)
        environment |= {"AWS_ENDPOINT_URL": endpoint_url, "AWS_EC2_METADATA_DISABLED": "true"}
    return environment


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
    where = "on this machine" if wish.is_local else f"in account {wish.account_id}, {wish.region}"
    return f"Make the platform {wish.name} {where}?"
