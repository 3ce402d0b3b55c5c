"""Shows the platforms that this machine knows, and which one commands use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.text import Text

from opsctl.commands.platform.known_platforms import KnownPlatform
from opsctl.core.platform.platform import up_command
from opsctl.render.page import table
from opsctl.render.runs import ago_text
from opsctl.render.screen import Screen

_HEADER = ("PLATFORM", "WHERE", "STATE", "LAST UP", "LAST RUN")
_STYLES = {"up": "green", "stopped": "yellow", "unfinished": "yellow", "down": "dim"}


def show_platforms(screen: Screen, platforms: Sequence[KnownPlatform], *, now: datetime) -> None:
    """Show a line for each platform; the one that commands use has a star."""
    rows: list[list[Text | str]] = [
        [
            f"{'*' if platform.is_current else ' '} {platform.name}",
            _place_text(platform),
            Text(platform.state, style=_STYLES[platform.state]),
            ago_text(datetime.fromisoformat(platform.last_up), now=now) if platform.last_up is not None else "–",
            platform.last_run or "–",
        ]
        for platform in platforms
    ]
    header: list[Text | str] = [Text(f"  {_HEADER[0]}", style="dim")]
    header += [Text(title, style="dim") for title in _HEADER[1:]]
    room = screen.data.room
    lines = table([header, *rows], room=room)
    # Off a terminal a script reads the platforms; in a narrow window the cells stand below each other.
    if rows and (room is None or len(lines) > len(rows) + 1):
        lines = table(rows, room=room)
    for line in lines if rows else ():
        screen.data.print(line)
    for platform in platforms:
        if sentence := _remedy_text(platform):
            screen.say(sentence)
    if not rows:
        screen.say("This machine knows no platform: `opsctl up --local` makes one here, `opsctl up` one on AWS.")
    elif len(rows) > 1:
        screen.say("* marks the platform that commands use. `opsctl use PLATFORM` picks another.", style="dim")


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
