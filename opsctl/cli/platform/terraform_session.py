"""What `up` and `down` share: endpoint, lock, clients, the platform's folder and Terraform's environment."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from opsctl.cli.context import Context, verb
from opsctl.cli.defaults import is_typed
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.platform_name import LOCAL_NAME, LOCAL_REGION

if TYPE_CHECKING:
    from opsctl.aws.clients import Clients
    from opsctl.commands.platform.terraform_workspace import TerraformWorkspace
    from opsctl.local.control import Containers
    from opsctl.terraform.binary import Binary

_MIN_MINUTES = 60
_MIN_MINUTES_OF_A_FRESH_SESSION = 50


def platform_name(name: str | None, *, local: bool) -> str | None:
    """The chosen platform's name: with `--local` a configured name does not count, a typed one does."""
    return LOCAL_NAME if local and not (name and is_typed("name")) else name


@contextmanager
def endpoint(context: Context, name: str, *, local: bool, containers: Containers | None = None) -> Iterator[str | None]:
    """Yield the local platform's endpoint, starting its process if needed; stop it again if it stayed empty."""
    if not local:
        yield None
        return
    from opsctl.commands.platform.terraform_workspace import (
        forget_local_repository,
        forget_platform_state,
        has_platform_state,
    )
    from opsctl.local import control

    folder = context.home.make(context.home.path)
    was_started = control.find(folder) is None
    with context.screen.waiting("starting the local platform"):
        server = control.start(folder, containers=containers)
    if was_started:
        forget_platform_state(context.home, name=name)
        forget_local_repository(context.home, name=name)
    try:
        yield server.endpoint_url
    finally:
        if was_started and not has_platform_state(context.home, name=name):
            control.stop(folder)


def lock_platform(context: Context, name: str) -> None:
    """Lock the platform's folder until this command ends.

    Raises
    ------
    Problem
        If another opsctl has the lock.
    """
    from opsctl.commands.platform.platform_lock import platform_lock

    lock = platform_lock(context.home, name, verb=verb(), say=context.screen.say, sleep=time.sleep)
    click.get_current_context().with_resource(lock)


def ensure_time(clients: Clients) -> None:
    """Ensure that the credentials last until Terraform has ended.

    Raises
    ------
    Problem
        If they expire within an hour (50 minutes for a fresh session, which may last one hour in all).
    """
    from opsctl.aws.identity import minutes_left

    minutes = minutes_left(clients)
    needed = _MIN_MINUTES_OF_A_FRESH_SESSION if clients.has_fresh_session else _MIN_MINUTES
    if minutes is not None and minutes < needed:
        end = datetime.now().astimezone() + timedelta(minutes=minutes)
        raise Problem(
            f"Your AWS login ends in {minutes} minutes, at {end:%H:%M}. opsctl {verb()} needs an hour, so that it "
            "cannot end half way. Nothing was changed.",
            "Log in again (`aws sso login`, or new keys), then type the same command.",
            code=ErrorCode.CREDENTIALS_EXPIRED,
        )


def clients_of(context: Context, *, region: str | None, profile: str | None, endpoint_url: str | None) -> Clients:
    """Clients for use without a platform's record: of the local platform, or of the user's AWS configuration."""
    from opsctl.aws.clients import Clients
    from opsctl.local import control

    if endpoint_url is None:
        return Clients(region=region, profile=profile, verb=verb())
    key = control.credentials(context.home.path)
    return Clients(region=LOCAL_REGION, endpoint_url=endpoint_url, local_key=key, verb=verb())


def account_and_region(clients: Clients) -> dict[str, str]:
    """The region and the account of the clients, as keyword arguments."""
    from opsctl.aws.errors import translated

    if clients.region is None:
        hint = "Name one with --region, or set AWS_REGION."
        if verb() == "up":
            hint += " Without an AWS account, `opsctl up --local` makes a platform on this machine."
        raise Problem("No AWS region is set.", hint, code=ErrorCode.CONFIGURATION_INVALID)
    with translated("asking who you are"):
        return {"region": clients.region, "account_id": clients.sts.get_caller_identity()["Account"]}


def terraform_workspace_of(
    context: Context, name: str, binary: Binary, environment: dict[str, str], *, lay_out: bool = True
) -> TerraformWorkspace:
    """The platform's folder with both roots; `lay_out` copies this version's Terraform code into it."""
    from opsctl.assets import terraform_dir
    from opsctl.commands.platform.terraform_workspace import lay_out_code, open_workspace
    from opsctl.terraform.interrupts import Interrupts

    if lay_out:
        lay_out_code(context.home, name=name, source=terraform_dir())
    interrupts = Interrupts(context.screen.say)
    return open_workspace(context.home, name=name, binary=binary, environment=environment, interrupts=interrupts)


def find_terraform(context: Context) -> Binary:
    """The Terraform to use, which is downloaded where there is none.

    It says which variables do not reach it, and whether others may replace it.

    Raises
    ------
    Problem
        See `opsctl.terraform.binary.find_binary` and `opsctl.terraform.download.TerraformDownload`.
    """
    from opsctl.terraform.binary import NoTerraform, find_binary
    from opsctl.terraform.variables import left_out, left_out_sentence

    names = left_out(os.environ)
    if names:
        context.screen.say_once(f"! {left_out_sentence(names)}")
    try:
        binary = find_binary(os.environ, own=context.home.terraform)
    except NoTerraform as none:
        _download_terraform(context, none)
        binary = find_binary(os.environ, own=context.home.terraform)
    if binary.warning:
        context.screen.say_once(f"! {binary.warning}")
    return binary


def _download_terraform(context: Context, none: Problem) -> None:
    """Download Terraform to where opsctl keeps its own, or raise `none` where there is none for this machine."""
    from opsctl.core.platform.terraform_release import VERSION
    from opsctl.terraform.download import TerraformDownload

    folder = context.home.make(context.home.terraform.parent)
    download = TerraformDownload.for_this_machine(folder, os.environ)
    if download is None:
        raise none
    context.screen.say(f"Terraform is not installed: downloading version {VERSION} from {download.host} to {folder}.")
    with (
        download.opened() as (size_bytes, install),
        context.screen.transfer("downloading Terraform", size_bytes=size_bytes) as advance,
    ):
        install(advance)


def terraform_environment(clients: Clients, *, endpoint_url: str | None) -> dict[str, str]:
    """Terraform's environment: the same credentials and region that opsctl uses."""
    from opsctl.terraform.variables import terraform_variables

    environment = terraform_variables(os.environ, is_local=endpoint_url is not None)
    region = clients.region or ""
    environment |= {**clients.credentials, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    if endpoint_url is not None:
        environment |= {"AWS_ENDPOINT_URL": endpoint_url, "AWS_EC2_METADATA_DISABLED": "true"}
    return environment
