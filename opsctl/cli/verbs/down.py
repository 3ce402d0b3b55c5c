"""`down`: remove the platform; the data is kept, or with `--everything` deleted too."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import click
import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, Confirm, Local, NewPlatformName, Profile, Region, Yes
from opsctl.cli.platform.terraform_session import (
    account_and_region,
    clients_of,
    endpoint,
    ensure_time,
    lock_platform,
    platform_name,
)
from opsctl.core.errors import ErrorCode, Problem, UsageProblem
from opsctl.core.platform.absent import no_such_platform
from opsctl.core.platform.platform import data_bucket_name, repository_url
from opsctl.core.platform.platform_name import check_name

if TYPE_CHECKING:
    from opsctl.aws.clients import Clients
    from opsctl.commands.platform.remembered_platform import RememberedPlatform


def down(
    *,
    local: Local = False,
    name: NewPlatformName = None,
    region: Region = None,
    profile: Profile = None,
    force: Annotated[bool, typer.Option("--force", help="End the active jobs first.")] = False,
    keep_logs: Annotated[bool, typer.Option("--keep-logs", help="Keep the jobs' log lines, too.")] = False,
    everything: Annotated[
        bool, typer.Option("--everything", help="Also delete the data bucket and the image repository, for good.")
    ] = False,
    confirm: Confirm = None,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Remove the platform and keep the data.

    The data bucket and the image repository stay.

    Example: opsctl down
    """
    from opsctl.cli.platform.storage_teardown import StorageTeardown
    from opsctl.cli.platform.teardown import Teardown
    from opsctl.commands.platform.remembered_platform import kept_platform, remember_platform, unfinished_platform

    if confirm is not None and not everything:
        raise UsageProblem("--confirm belongs to --everything: without it the bucket is kept.")
    name = platform_name(name, local=local)
    context = Context(platform_name=name, region=region, profile=profile)
    chosen = (
        name or context.configuration.get("platform") or context.home.current() or unfinished_platform(context.home)
    )
    if chosen is None and everything:
        chosen = kept_platform(context.home)
    if chosen is None:
        context.screen.say("Nothing is up: nothing to remove.")
        return
    remembered = remember_platform(context.home, check_name(chosen))
    remembered = replace(remembered, is_local=remembered.is_local or local)
    lock_platform(context, chosen)
    endpoint_url = _local_endpoint(context, chosen, everything=everything) if remembered.is_local else None
    if remembered.is_local and endpoint_url is None:
        return
    clients = clients_of(
        context,
        region=region or remembered.region or context.configuration.get("region"),
        profile=profile or context.configuration.get("profile"),
        endpoint_url=endpoint_url,
    )
    remembered = _completed(context, remembered, clients, endpoint_url=endpoint_url, is_for_aws=bool(region or profile))
    teardown = Teardown(
        context, remembered, clients, endpoint_url=endpoint_url, keep_logs=keep_logs, keep_storage=not everything
    )
    is_up = teardown.finds_anything()
    storage = StorageTeardown(context, remembered, clients, endpoint_url=endpoint_url) if everything else None
    if not is_up and (storage is None or storage.is_gone):
        context.home.forget(chosen)
        context.screen.say(f"Nothing of {chosen} is up: nothing to remove.")
        return
    if endpoint_url is None:
        ensure_time(clients)
    if is_up:
        teardown.refuse_or_end_jobs(
            force=force, yes=yes, ask_further=(lambda: storage.ask(confirm=confirm)) if storage else lambda: None
        )
    elif storage is not None:
        storage.ask(confirm=confirm)
    report = teardown.carry_out() if is_up else None
    # What is up may still write to the bucket.
    is_down = report is None or not report.left
    storage_report = storage.carry_out() if storage is not None and is_down else None
    if as_json:
        further = {"everything": storage_report.as_json()} if storage_report is not None else {}
        context.screen.json({**(report.as_json() if report is not None else {"name": chosen}), **further})
    if report is not None:
        teardown.close(report)
    if storage is not None and storage_report is not None:
        storage.close(storage_report, keep_logs=keep_logs)


def _local_endpoint(context: Context, name: str, *, everything: bool) -> str | None:
    """The local platform's endpoint; None if its process has ended: then only the objects on disk are left.

    Parameters
    ----------
    everything
        The objects go too: start the process again, because it alone knows which are whose.
    """
    from opsctl.commands.platform.terraform_workspace import forget_platform_state
    from opsctl.local import control

    server = control.find(context.home.path)
    if server is not None:
        return server.endpoint_url
    forget_platform_state(context.home, name=name)
    if everything and context.home.local.exists():
        # Where the question is not answered, the process ends again with this command.
        return click.get_current_context().with_resource(endpoint(context, name, local=True))
    context.home.forget(name)
    context.screen.say("The local platform's process has ended, and nothing of it is up: nothing to remove.")
    if context.home.local.exists():
        context.screen.say(f"on disk  {context.home.local}: the next `opsctl up --local` brings it back")
    return None


def _completed(
    context: Context,
    remembered: RememberedPlatform,
    clients: Clients,
    *,
    endpoint_url: str | None,
    is_for_aws: bool,
) -> RememberedPlatform:
    """Complete what this machine knows of a platform from the platform's record, or else from its naming scheme.

    Parameters
    ----------
    is_for_aws
        Whether the user named a region or a login: then the platform is on AWS.

    Raises
    ------
    Problem
        If the login or the region is not the platform's: there the platform would seem to be gone. If nothing is known
        of the platform, and AWS cannot be asked.
    """
    from opsctl.aws.platform.platform_parameter import read_record

    try:
        place = account_and_region(clients)
    except Problem as problem:
        is_without_aws = problem.code in (ErrorCode.CONFIGURATION_INVALID, ErrorCode.CREDENTIALS_MISSING)
        if is_without_aws and remembered.region is None and not is_for_aws:
            raise no_such_platform(remembered.name, context.home.known()) from problem
        raise
    if remembered.account_id not in (None, place["account_id"]):
        raise Problem(
            f"The platform {remembered.name} is in account {remembered.account_id}, and this login is of "
            f"{place['account_id']}.",
            "Name its login with --profile.",
            code=ErrorCode.PLATFORM_ELSEWHERE,
        )
    if remembered.region not in (None, place["region"]):
        raise Problem(
            f"The platform {remembered.name} is in {remembered.region}, not in {place['region']}.",
            "Leave out --region.",
            code=ErrorCode.PLATFORM_ELSEWHERE,
        )
    platform = remembered.platform
    if platform is None:
        # A record that another version wrote may be unreadable; the naming scheme still holds.
        with suppress(Problem):
            platform = read_record(clients.ssm, remembered.name)
    if platform is not None:
        platform = replace(platform, endpoint_url=endpoint_url)
    data_bucket = platform.data_bucket if platform else remembered.data_bucket
    return replace(
        remembered,
        platform=platform,
        data_bucket=data_bucket or data_bucket_name(remembered.name, **place),
        repository_url=remembered.repository_url or repository_url(remembered.name, **place),
    )
