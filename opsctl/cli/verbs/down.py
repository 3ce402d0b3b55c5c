"""`down`: remove the platform; the data is kept."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli.context import Context
from opsctl.cli.options import AsJson, Local, NewPlatformName, Profile, Region, Yes
from opsctl.cli.platform.terraform_session import (
    account_and_region,
    clients_of,
    ensure_time,
    lock_platform,
    platform_name,
)
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.platform import check_name, data_bucket_name, repository_url

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
    keep_logs: Annotated[bool, typer.Option("--keep-logs", help="Keep the jobs' log lines as well.")] = False,
    as_json: AsJson = False,
    yes: Yes = False,
) -> None:
    """Take the platform down. The data bucket and the image repository stay.

    Example: opsctl down
    """
    from opsctl.cli.platform.teardown import Teardown
    from opsctl.commands.platform.remembered_platform import remember_platform, unfinished_platform

    name = platform_name(name, local=local)
    context = Context(platform_name=name, region=region, profile=profile)
    chosen = (
        name or context.configuration.get("platform") or context.home.current() or unfinished_platform(context.home)
    )
    if chosen is None:
        context.screen.say("Nothing is up: nothing to remove.")
        return
    remembered = remember_platform(context.home, check_name(chosen))
    remembered = replace(remembered, is_local=remembered.is_local or local)
    lock_platform(context, chosen)
    endpoint_url = _local_endpoint(context, chosen) if remembered.is_local else None
    if remembered.is_local and endpoint_url is None:
        return
    clients = clients_of(
        region=region or remembered.region or context.configuration.get("region"),
        profile=profile or context.configuration.get("profile"),
        endpoint_url=endpoint_url,
    )
    teardown = Teardown(
        context,
        _completed(remembered, clients, endpoint_url=endpoint_url),
        clients,
        endpoint_url=endpoint_url,
        keep_logs=keep_logs,
    )
    if not teardown.finds_anything():
        context.home.forget(chosen)
        context.screen.say(f"Nothing of {chosen} is up: nothing to remove.")
        return
    if endpoint_url is None:
        ensure_time(clients)
    teardown.refuse_or_end_jobs(force=force, yes=yes)
    report = teardown.carry_out()
    if as_json:
        context.screen.json(report.as_json())
    teardown.close(report)


def _local_endpoint(context: Context, name: str) -> str | None:
    """The local platform's endpoint; None if its process has ended: then only the objects on disk are left."""
    from opsctl.commands.platform.terraform_workspace import forget_platform_state
    from opsctl.local import control

    server = control.find(context.home.path)
    if server is not None:
        return server.endpoint_url
    context.home.forget(name)
    forget_platform_state(context.home, name=name)
    context.screen.say("The local platform's process has ended, and nothing of it is up: nothing to remove.")
    context.screen.say(f"on disk  {context.home.local}: the next `opsctl up --local` brings it back")
    return None


def _completed(remembered: RememberedPlatform, clients: Clients, *, endpoint_url: str | None) -> RememberedPlatform:
    """Complete what this machine knows of a platform from the platform's record, or else from its naming scheme.

    Raises
    ------
    Problem
        If the login or the region is not the platform's: there the platform would seem to be gone.
    """
    from opsctl.aws.platform.platform_parameter import read_record

    place = account_and_region(clients)
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
