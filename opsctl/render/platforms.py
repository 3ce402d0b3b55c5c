"""Shows the platforms that this machine knows, and which one commands use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.text import Text

from opsctl.commands.platform.known_platforms import KnownPlatform
from opsctl.core.platform.platform import up_command
from opsctl.render.page import headed_table
from opsctl.render.runs import ago_text
from opsctl.render.screen import Screen

_HEADER = ("  PLATFORM", "WHERE", "STATE", "LAST UP", "LAST RUN")
_STYLES = {"up": "green", "stopped": "yellow", "unfinished": "yellow", "down": "dim"}


def show_platforms(screen: Screen, platforms: Sequence[KnownPlatform], *, now: datetime) -> None:
    """Show a line for each platform; the one that commands use has a star."""
    rows = [_row(platform, now=now) for platform in platforms]
    labelled = [_row(platform, now=now, is_labelled=True) for platform in platforms]
    for line in headed_table(_HEADER, rows, labelled, room=screen.data.room):
        screen.data.print(line)
    for platform in platforms:
        if sentence := _remedy_text(platform):
            screen.say(sentence)
    if not rows:
        screen.say("This machine knows no platform: `opsctl up --local` makes one here, `opsctl up` one on AWS.")
    elif len(rows) > 1:
        screen.say("* marks the platform that commands use. `opsctl use PLATFORM` picks another.", style="dim")


def _row(platform: KnownPlatform, *, now: datetime, is_labelled: bool = False) -> list[Text | str]:
    """The cells of a platform; `is_labelled` where no header explains them."""
    last_up = ago_text(datetime.fromisoformat(platform.last_up), now=now) if platform.last_up is not None else ""
    labels = ("last up ", "last run ") if is_labelled else ("", "")
    nothing = "" if is_labelled else "–"
    return [
        f"{'*' if platform.is_current else ' '} {platform.name}",
        _place_text(platform),
        Text(platform.state, style=_STYLES[platform.state]),
        f"{labels[0]}{last_up}" if last_up else nothing,
        f"{labels[1]}{platform.last_run}" if platform.last_run else nothing,
    ]


def show_use(screen: Screen, name: str, *, reason: str) -> None:
    """Say which platform commands use, and why."""
    screen.data.print(name)
    screen.say(f"Commands use the platform {name}: {reason}.")


def _place_text(platform: KnownPlatform) -> str:
    if platform.is_local:
        return "this machine"
    return " ".join(filter(None, (platform.region, platform.account_id))) or "AWS"


def _remedy_text(platform: KnownPlatform) -> str:
    up = up_command(platform.name, is_local=platform.is_local)
    if platform.state == "stopped":
        return f"{platform.name} is stopped: `{up}` brings it back, with its data."
    if platform.state == "unfinished":
        return (
            f"An `opsctl up` or `opsctl down` of {platform.name} was interrupted: `{up}` completes it, and"
            f" `opsctl down --name {platform.name}` removes it."
        )
    return ""
