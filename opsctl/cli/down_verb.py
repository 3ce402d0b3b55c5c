"""`down`: the platform taken away; the data stays."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, Local, NewPlatformName, Profile, Region, Yes
from opsctl.cli.terraform_desk import platform_name, terraform_environment, workspace_of
from opsctl.core.errors import Problem


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

    name = platform_name(name, local=local)
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
    environment = terraform_environment(context.clients, endpoint_url=platform.endpoint_url)
    workspace = workspace_of(context, chosen, binary, environment, lay_out=False)
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
