"""Where the state of the platform lies that `up` and `down` are about: settled before Terraform is asked anything."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from opsctl.core.errors import Problem
from opsctl.core.platform.state_location import BACKEND_FILE, LOCAL, StatePlace, ensure_locks, parse_place

if TYPE_CHECKING:
    from opsctl.aws.clients import Clients
    from opsctl.aws.s3.state_bucket import StateBucket
    from opsctl.cli.context import Context
    from opsctl.commands.platform.remembered_platform import RememberedPlatform
    from opsctl.commands.platform.state import Moving, StateKeeper
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
    """Move the state to where the options say, or find where it lies; returns the options with that location.

    Parameters
    ----------
    is_typed
        Whether `--state` was typed now. Only then does a state move; a remembered place is only looked up.
    only_look
        Change nothing, say what would be done (`up --plan`).
    for_down
        To do without a state is well: what is up can be removed without one.

    Raises
    ------
    Problem
        When the place cannot be trusted, another state lies there, or the platform's state lies elsewhere.
    """
    from opsctl.aws.s3.state_files import StateFiles
    from opsctl.commands.platform.state import StateKeeper

    files = StateFiles(clients.s3, account_id=options.account_id, who=f"{getpass.getuser()}@{socket.gethostname()}")
    is_elsewhere = options.is_local or any(name.startswith("AWS_ENDPOINT_URL") for name in os.environ)
    keeper = StateKeeper(context.home, options.name, files, path_style=is_elsewhere)
    keeper.tidy()
    target = keeper.here
    if is_typed or (options.state or LOCAL) != LOCAL:
        target = parse_place(options.state or LOCAL, region=options.region)
    if target is not None:
        ensure_locks(binary.version)
        _refuse_data_bucket(target, options)
        if options.is_local:
            keeper.forget_before(_began(context))
    _settle(context, clients, options, keeper, target, assume_yes=assume_yes, only_look=only_look)
    if not options.is_local and not for_down and not keeper.knows("platform"):
        _refuse_without_state(clients, options)
    return replace(options, state=target.uri if target is not None else None)


def is_state_shared(home: Home, remembered: RememberedPlatform) -> bool:
    """Whether a platform's state lies on S3, by its record or by what this machine has set up."""
    options = remembered.platform.options if remembered.platform is not None else {}
    backend = home.platform_dir(remembered.name) / "terraform" / "platform" / BACKEND_FILE
    return options.get("state", LOCAL) != LOCAL or backend.exists()


def shared_root(
    context: Context, clients: Clients, remembered: RememberedPlatform, binary: Binary, environment: dict[str, str]
) -> Root:
    """The platform root with its state on S3, set up for `down` also where `up` was never typed.

    Raises
    ------
    Problem
        As `settle_state`; and when Terraform cannot be set up.
    """
    from opsctl import __version__
    from opsctl.cli.platform.terraform_session import terraform_workspace_of, where
    from opsctl.core.platform.options import PlatformOptions
    from opsctl.terraform.provider import find_mirror

    here = where(clients)
    options = PlatformOptions(
        name=remembered.name,
        region=here["region"],
        account_id=here["account_id"],
        is_local=remembered.is_local,
        version=__version__,
    ).with_options(remembered.platform.options if remembered.platform is not None else {})
    settle_state(context, clients, options, binary, is_typed=False, assume_yes=True, for_down=True)
    root = terraform_workspace_of(context, remembered.name, binary, environment).platform
    if not (root.folder / "terraform.tfvars.json").exists():
        root.set_variables(options.platform_variables())
    root.init(mirror=find_mirror(os.environ))
    return root


def _settle(
    context: Context,
    clients: Clients,
    options: PlatformOptions,
    keeper: StateKeeper,
    target: StatePlace | None,
    *,
    assume_yes: bool,
    only_look: bool,
) -> None:
    screen = context.screen
    has_bucket = target is None or _look_at_bucket(context, clients, options, target, is_home=keeper.here == target)
    moving = keeper.propose(target)
    if moving is None:
        return
    if only_look and (moving.step != "join" or any(moving.mine.values())):
        screen.say(_outlook(options.name, moving, has_bucket=has_bucket))
        return
    question = _question(options.name, moving, has_bucket=has_bucket)
    if question and not screen.confirm(question, assume_yes=assume_yes):
        screen.say("Nothing was made.")
        raise typer.Exit(1)
    if target is not None and not has_bucket:
        _bucket(clients, options, target).make()
        screen.say(f"The bucket {target.bucket} is made: private, encrypted, versioned, TLS only.")
    with screen.waiting("bringing the state there"):
        kept = keeper.carry_out(moving)
    screen.say(_done(options.name, moving))
    for path in kept:
        screen.say(f"  the copy that lay here: {path}")


def _look_at_bucket(
    context: Context, clients: Clients, options: PlatformOptions, target: StatePlace, *, is_home: bool
) -> bool:
    """Whether the bucket is there and fit; a state that lay there cannot be without it."""
    bucket = _bucket(clients, options, target)
    if not bucket.exists():
        if is_home:
            raise Problem(
                f"The bucket {target.bucket}, where the state of {options.name} lies, is gone.",
                "Ask who has removed it. Without the state, `opsctl down` still removes what is up.",
            )
        return False
    if not bucket.is_versioned():
        context.screen.warn(
            f"The bucket {target.bucket} is not versioned: a state that is damaged there cannot be brought back "
            f"(`aws s3api put-bucket-versioning --bucket {target.bucket} --versioning-configuration Status=Enabled`)."
        )
    return True


def _bucket(clients: Clients, options: PlatformOptions, target: StatePlace) -> StateBucket:
    from opsctl.aws.s3.state_bucket import StateBucket

    return StateBucket(clients.s3, target.bucket, region=options.region, account_id=options.account_id)


def _refuse_data_bucket(target: StatePlace, options: PlatformOptions) -> None:
    if target.bucket == options.bucket:
        raise Problem(
            f"The state cannot lie in the data bucket {target.bucket}: every job may read all of it.",
            "Name another bucket with --state; one that is not there yet is made.",
        )


def _refuse_without_state(clients: Clients, options: PlatformOptions) -> None:
    """A platform that is up and whose state is unknown here would be taken for a heap of strangers."""
    from opsctl.aws.platform.platform_parameter import read_record

    if read_record(clients.ssm, options.name) is not None:
        raise Problem(
            f"The platform {options.name} is up in {options.region} already, but its state lies on another machine.",
            f"There, `opsctl up --name {options.name} --state s3://BUCKET/KEY` shares it; then type this again. "
            "Every other verb works without it.",
        )


def _began(context: Context) -> datetime:
    from opsctl.local import control

    server = control.find(context.home.path)
    if server is None:
        raise Problem("The local platform is not running.", "`opsctl up --local` starts it.")
    return datetime.fromisoformat(server.started_at)


def _place_words(place: StatePlace | None) -> str:
    return place.uri if place is not None else "this machine"


def _outlook(name: str, moving: Moving, *, has_bucket: bool) -> str:
    bucket = "" if has_bucket else f" The bucket {moving.target.bucket if moving.target else ''} would be made."
    if moving.step == "begin":
        return f"The state would be kept at {_place_words(moving.target)}.{bucket}"
    return (
        f"The state of {name} ({moving.resource_count} resources) would move from {_place_words(moving.source)} to "
        f"{_place_words(moving.target)}.{bucket} What follows is planned where it lies now."
    )


def _question(name: str, moving: Moving, *, has_bucket: bool) -> str:
    if moving.step == "move":
        bucket = "" if has_bucket else " and make that bucket"
        return (
            f"Move the state of {name} ({moving.resource_count} resources) from {_place_words(moving.source)} to "
            f"{_place_words(moving.target)}{bucket}?"
        )
    return "" if has_bucket or moving.target is None else f"Make the bucket {moving.target.bucket} for the state?"


def _done(name: str, moving: Moving) -> str:
    at = f"at {moving.target.uri}" if moving.target else "on this machine"
    if moving.step == "begin":
        return f"The state is kept {at}."
    if moving.step == "join":
        return f"The state of {name} is taken from {_place_words(moving.target)}."
    return f"The state of {name} lies {at} now ({moving.resource_count} resources)."
