"""Find or change the location of the platform's Terraform state, before `up` and `down` run Terraform."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.state_location import (
    BACKEND_FILE,
    LOCAL,
    StateLocation,
    ensure_s3_locking,
    location_label,
    parse_state_option,
)
from opsctl.user_name import user_name

if TYPE_CHECKING:
    from opsctl.aws.clients import Clients
    from opsctl.aws.s3.state_bucket import StateBucket
    from opsctl.cli.context import Context
    from opsctl.commands.platform.remembered_platform import RememberedPlatform
    from opsctl.commands.platform.state import StateMove, StateMover
    from opsctl.core.platform.options import PlatformOptions
    from opsctl.home import Home
    from opsctl.terraform.binary import Binary
    from opsctl.terraform.root import Root


def settle_state(
    context: Context,
    clients: Clients,
    options: PlatformOptions,
    binary: Binary,
    *,
    is_typed: bool,
    assume_yes: bool,
    only_look: bool = False,
    for_down: bool = False,
) -> PlatformOptions:
    """Move the state to the location in the options, or find its location; return the options with the location.

    Parameters
    ----------
    is_typed
        Whether `--state` was typed now; otherwise a remembered location counts only if it is on S3.
    only_look
        Move nothing, say what would be done (`up --plan`).
    for_down
        Accept a missing state: `down` can remove a platform without one.

    Raises
    ------
    Problem
        When the bucket is not safe, another state lies there, or the platform's state lies elsewhere.
    """
    from opsctl.aws.s3.state_files import StateFiles
    from opsctl.commands.platform.state import StateMover

    files = StateFiles(clients.s3, account_id=options.account_id, who=f"{user_name()}@{socket.gethostname()}")
    has_other_endpoint = options.is_local or any(name.startswith("AWS_ENDPOINT_URL") for name in os.environ)
    mover = StateMover(context.home, options.name, files, path_style=has_other_endpoint)
    mover.put_away_leftovers()
    target = mover.location
    if is_typed or (options.state or LOCAL) != LOCAL:
        target = parse_state_option(options.state or LOCAL, region=options.region)
    if target is not None:
        ensure_s3_locking(binary.version)
        _refuse_data_bucket(target, options)
        if options.is_local:
            mover.drop_platform_state_before(_server_start(context))
    _move_state(context, clients, options, mover, target, assume_yes=assume_yes, only_look=only_look)
    if not options.is_local and not for_down and not mover.has_state("platform"):
        _refuse_without_state(clients, options)
    return replace(options, state=target.uri if target is not None else None)


def is_state_shared(home: Home, remembered: RememberedPlatform) -> bool:
    """Return whether a platform's state lies on S3, by its record or by this machine's backend file."""
    options = remembered.platform.options if remembered.platform is not None else {}
    backend = home.platform_dir(remembered.name) / "terraform" / "platform" / BACKEND_FILE
    return options.get("state", LOCAL) != LOCAL or backend.exists()


def shared_root(
    context: Context, clients: Clients, remembered: RememberedPlatform, binary: Binary, environment: dict[str, str]
) -> Root:
    """Return the platform root with its state on S3, ready for `down` even if `up` never ran on this machine.

    Raises
    ------
    Problem
        As `settle_state`; and when Terraform cannot be set up.
    """
    from opsctl import __version__
    from opsctl.cli.platform.terraform_session import account_and_region, terraform_workspace_of
    from opsctl.core.platform.options import PlatformOptions
    from opsctl.terraform.provider import find_mirror

    account = account_and_region(clients)
    options = PlatformOptions(
        name=remembered.name,
        region=account["region"],
        account_id=account["account_id"],
        is_local=remembered.is_local,
        version=__version__,
    ).with_options(remembered.platform.options if remembered.platform is not None else {})
    settle_state(context, clients, options, binary, is_typed=False, assume_yes=True, for_down=True)
    root = terraform_workspace_of(context, remembered.name, binary, environment).platform
    if not (root.folder / "terraform.tfvars.json").exists():
        root.set_variables(options.platform_variables())
    root.init(mirror=find_mirror(os.environ))
    return root


def _move_state(
    context: Context,
    clients: Clients,
    options: PlatformOptions,
    mover: StateMover,
    target: StateLocation | None,
    *,
    assume_yes: bool,
    only_look: bool,
) -> None:
    screen = context.screen
    has_bucket = target is None or _check_bucket(context, clients, options, target, is_current=mover.location == target)
    move = mover.propose(target)
    if move is None:
        return
    # A machine without a state of its own may join for a plan: that changes nothing for anybody.
    if only_look and (move.action != "join" or any(move.source_states.values())):
        screen.say(_preview(options.name, move, has_bucket=has_bucket))
        return
    question = _question(options.name, move, has_bucket=has_bucket)
    if question and not screen.confirm(question, assume_yes=assume_yes):
        screen.say("Nothing was made.")
        raise typer.Exit(1)
    if target is not None and not has_bucket:
        _state_bucket(clients, options, target).make()
        screen.say(f"The bucket {target.bucket} is made: private, encrypted, versioned, TLS only.")
    with screen.waiting("bringing the state there"):
        copies = mover.carry_out(move)
    screen.say(_outcome(options.name, move))
    for path in copies:
        screen.say(f"  the copy that lay here: {path}")


def _check_bucket(
    context: Context, clients: Clients, options: PlatformOptions, target: StateLocation, *, is_current: bool
) -> bool:
    """Return whether the bucket exists; refuse one that is not safe, or that is gone although the state lies there."""
    bucket = _state_bucket(clients, options, target)
    if not bucket.exists():
        if is_current:
            raise Problem(
                f"The bucket {target.bucket}, where the state of {options.name} lies, is gone.",
                "Ask who has removed it. Without the state, `opsctl down` still removes what is up.",
                code=ErrorCode.STATE_UNUSABLE,
            )
        return False
    if not bucket.is_versioned():
        context.screen.warn(
            f"The bucket {target.bucket} is not versioned: a state that is damaged there cannot be brought back "
            f"(`aws s3api put-bucket-versioning --bucket {target.bucket} --versioning-configuration Status=Enabled`)."
        )
    return True


def _state_bucket(clients: Clients, options: PlatformOptions, target: StateLocation) -> StateBucket:
    from opsctl.aws.s3.state_bucket import StateBucket

    return StateBucket(clients.s3, target.bucket, region=options.region, account_id=options.account_id)


def _refuse_data_bucket(target: StateLocation, options: PlatformOptions) -> None:
    if target.bucket == options.bucket:
        raise Problem(
            f"The state cannot lie in the data bucket {target.bucket}: every job may read all of it.",
            "Name another bucket with --state; one that is not there yet is made.",
            code=ErrorCode.BUCKET_UNUSABLE,
        )


def _refuse_without_state(clients: Clients, options: PlatformOptions) -> None:
    """Refuse to work on a platform that is up but whose state is not available here."""
    from opsctl.aws.platform.platform_parameter import read_record

    if read_record(clients.ssm, options.name) is not None:
        raise Problem(
            f"The platform {options.name} is up in {options.region} already, but its state lies on another machine.",
            f"There, `opsctl up --name {options.name} --state s3://BUCKET/KEY` shares it; then type this again. "
            "Every other verb works without it.",
            code=ErrorCode.PLATFORM_ELSEWHERE,
        )


def _server_start(context: Context) -> datetime:
    from opsctl.local import control

    server = control.find(context.home.path)
    if server is None:
        raise Problem(
            "The local platform is not running.", "`opsctl up --local` starts it.", code=ErrorCode.PLATFORM_NOT_RUNNING
        )
    return datetime.fromisoformat(server.started_at)


def _preview(name: str, move: StateMove, *, has_bucket: bool) -> str:
    bucket = "" if has_bucket else f" The bucket {move.target.bucket if move.target else ''} would be made."
    if move.action == "begin":
        return f"The state would be kept at {location_label(move.target)}.{bucket}"
    return (
        f"The state of {name} ({move.resource_count} resources) would move from {location_label(move.source)} to "
        f"{location_label(move.target)}.{bucket} What follows is planned where it lies now."
    )


def _question(name: str, move: StateMove, *, has_bucket: bool) -> str:
    if move.action == "move":
        bucket = "" if has_bucket else " and make that bucket"
        return (
            f"Move the state of {name} ({move.resource_count} resources) from {location_label(move.source)} to "
            f"{location_label(move.target)}{bucket}?"
        )
    return "" if has_bucket or move.target is None else f"Make the bucket {move.target.bucket} for the state?"


def _outcome(name: str, move: StateMove) -> str:
    at = f"at {move.target.uri}" if move.target else "on this machine"
    if move.action == "begin":
        return f"The state is kept {at}."
    if move.action == "join":
        return f"The state of {name} is taken from {location_label(move.target)}."
    return f"The state of {name} lies {at} now ({move.resource_count} resources)."
